import * as tf from "../../tf.ts";
import { type Case, type Draw, row } from "./_case.ts";

const SHAPES = [
  [],
  [1],
  [7],
  [0],
  [3, 5],
  [2, 0],
  [2, 3, 4],
  [2, 1, 3, 2],
  [2, 1, 2, 3, 1],
  [1, 2, 1, 3, 1, 2],
];

// deno-lint-ignore no-explicit-any -- ops of tfjs are typed by rank
type Op = (...xs: any[]) => tf.Tensor;

const UNARY: Record<string, [Op, Draw]> = {
  abs: [tf.abs, "nonzero"],
  acos: [tf.acos, "unit"],
  acosh: [tf.acosh, "above one"],
  asin: [tf.asin, "unit"],
  asinh: [tf.asinh, "any"],
  atan: [tf.atan, "any"],
  atanh: [tf.atanh, "unit"],
  ceil: [(x) => tf.ceil(tf.add(x, 0.5)), "spaced"],
  clipByValue: [(x) => tf.clipByValue(x, -1.5, 0.1), "nonzero"],
  cos: [tf.cos, "any"],
  cosh: [tf.cosh, "any"],
  elu: [tf.elu, "nonzero"],
  erf: [tf.erf, "any"],
  exp: [tf.exp, "any"],
  expm1: [tf.expm1, "any"],
  floor: [(x) => tf.floor(tf.add(x, 0.5)), "spaced"],
  identity: [tf.clone, "any"],
  leakyRelu: [(x) => tf.leakyRelu(x, 0.1), "nonzero"],
  log: [tf.log, "positive"],
  log1p: [tf.log1p, "positive"],
  logSigmoid: [tf.logSigmoid, "any"],
  neg: [tf.neg, "any"],
  onesLike: [(x) => tf.mul(tf.onesLike(x), tf.sum(x)), "any"],
  reciprocal: [tf.reciprocal, "nonzero"],
  relu: [tf.relu, "nonzero"],
  relu6: [(x) => tf.relu6(tf.mul(x, 4)), "nonzero"],
  round: [(x) => tf.add(tf.round(tf.mul(x, 0.01)), x), "any"],
  rsqrt: [tf.rsqrt, "positive"],
  selu: [tf.selu, "nonzero"],
  sigmoid: [tf.sigmoid, "any"],
  sign: [(x) => tf.mul(tf.sign(x), x), "nonzero"],
  sin: [tf.sin, "any"],
  sinh: [tf.sinh, "any"],
  softplus: [tf.softplus, "any"],
  sqrt: [tf.sqrt, "positive"],
  square: [tf.square, "any"],
  step: [(x) => tf.mul(tf.step(x), x), "nonzero"],
  tan: [tf.tan, "unit"],
  tanh: [tf.tanh, "any"],
  zerosLike: [(x) => tf.add(tf.zerosLike(x), x), "any"],
};

const PAIRS: [number[], number[]][] = [
  [[], []],
  [[3], []],
  [[], [3]],
  [[7], [7]],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [[2, 3], [2, 1]],
  [[2, 1], [1, 3]],
  [[2, 3, 4], [4]],
  [[2, 3, 4], [3, 1]],
  [[1, 3, 1], [2, 1, 4]],
  [[2, 3, 2, 2], [2, 1, 1, 2]],
  [[2, 1, 3, 1, 2], [3, 1, 1]],
  [[1, 2, 1, 2, 1, 2], [2, 1, 3, 1, 1, 2]],
  [[0], [1]],
  [[2, 0], [1]],
  [[2, 0], [2, 1]],
];

const BINARY: Record<string, [Op, Draw, Draw]> = {
  add: [tf.add, "any", "any"],
  sub: [tf.sub, "any", "any"],
  mul: [tf.mul, "any", "any"],
  div: [tf.div, "any", "nonzero"],
  divNoNan: [tf.divNoNan, "any", "nonzero"],
  pow: [tf.pow, "positive", "any"],
  squaredDifference: [tf.squaredDifference, "any", "any"],
  maximum: [tf.maximum, "spaced", "offset"],
  minimum: [tf.minimum, "spaced", "offset"],
  mod: [(a, b) => tf.mod(tf.mul(a, 0.1), b), "spaced", "positive"],
  floorDiv: [
    (a, b) =>
      tf.add(tf.cast(tf.floorDiv(a, tf.add(b, 1)), "float32"), tf.mul(a, b)),
    "positive",
    "above one",
  ],
  atan2: [tf.atan2, "nonzero", "nonzero"],
  prelu: [tf.prelu, "nonzero", "any"],
  greater: [
    (a, b) => tf.where(tf.greater(a, b), tf.mul(a, b), tf.sub(a, b)),
    "spaced",
    "offset",
  ],
  lessEqual: [
    (a, b) => tf.where(tf.lessEqual(a, b), tf.square(a), tf.mul(b, 3)),
    "spaced",
    "offset",
  ],
  equal: [
    (a, b) => tf.add(tf.cast(tf.equal(a, b), "float32"), tf.mul(a, b)),
    "spaced",
    "offset",
  ],
  logicalAnd: [
    (a, b) => {
      const both = tf.logicalAnd(tf.greater(a, 0), tf.less(b, 0));
      return tf.where(both, tf.mul(a, b), tf.add(a, b));
    },
    "spaced",
    "offset",
  ],
};

/** Elementwise functions of one and of two tensors. */
export const elementwise: Case[] = [
  ...Object.entries(UNARY).flatMap(([name, [op, draw]]) =>
    SHAPES.map((shape) => row(name, [shape], op, draw))
  ),
  ...Object.entries(BINARY).flatMap(([name, [op, ...draws]]) =>
    PAIRS.filter(([a]) => name !== "prelu" || a.length > 0)
      .map((pair) => row(name, pair, op, draws))
  ),
  ...[2, 3].flatMap((n) =>
    [[], [4], [2, 3], [2, 0], [1, 2, 3, 1, 2]].map((shape) =>
      row("addN", Array(n).fill(shape), (...xs) => tf.addN(xs))
    )
  ),
];
