/** Functions at extreme points, on every backend, against Math in float64. */
import { assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { numbers, onEachBackend } from "../_backends.ts";

const ALL = [
  NaN,
  Infinity,
  -Infinity,
  0,
  1e-30,
  -1e-30,
  1e-20,
  1e-8,
  -1e-8,
  1e-4,
  -1e-4,
  0.3,
  -0.3,
  0.999,
  -0.999,
  1,
  -1,
  2.5,
  -2.5,
  9.5,
  -9.5,
  40,
  -40,
  100,
  -100,
  1e10,
  -1e10,
  1e20,
  -1e20,
  1e30,
  -1e30,
];
/** Where sines are of numbers that float32 still tells apart. */
const SMALL = ALL.filter((x) => !(Math.abs(x) > 100));

type Row = readonly [
  run: (x: tf.Tensor) => tf.Tensor,
  value: (x: number) => number,
  points?: readonly number[],
];

/** The error function: its series, and a continued fraction for large arguments. */
function erf(x: number): number {
  if (x !== x) return NaN;
  if (Math.abs(x) > 6) return Math.sign(x);
  let sum = 0, term = x;
  for (let n = 0; n < 200; n++) {
    sum += term / (2 * n + 1);
    term *= -x * x / (n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

const softplus = (x: number) =>
  Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const SELU = [1.0507009873554805, 1.6732632423543772] as const;

const UNARY: Record<string, Row> = {
  abs: [tf.abs, Math.abs],
  neg: [tf.neg, (x) => -x],
  sign: [tf.sign, Math.sign],
  floor: [tf.floor, Math.floor],
  ceil: [tf.ceil, Math.ceil],
  square: [tf.square, (x) => x * x],
  sqrt: [tf.sqrt, Math.sqrt],
  rsqrt: [tf.rsqrt, (x) => 1 / Math.sqrt(x)],
  reciprocal: [tf.reciprocal, (x) => 1 / x],
  exp: [tf.exp, Math.exp],
  expm1: [tf.expm1, Math.expm1],
  log: [tf.log, Math.log],
  log1p: [tf.log1p, Math.log1p],
  sin: [tf.sin, Math.sin, SMALL],
  cos: [tf.cos, Math.cos, SMALL],
  tan: [tf.tan, Math.tan, SMALL],
  asin: [tf.asin, Math.asin],
  acos: [tf.acos, Math.acos],
  atan: [tf.atan, Math.atan],
  sinh: [tf.sinh, Math.sinh],
  cosh: [tf.cosh, Math.cosh],
  tanh: [tf.tanh, Math.tanh],
  asinh: [tf.asinh, Math.asinh],
  acosh: [tf.acosh, Math.acosh],
  atanh: [tf.atanh, Math.atanh],
  erf: [tf.erf, erf],
  sigmoid: [tf.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  softplus: [tf.softplus, softplus],
  logSigmoid: [tf.logSigmoid, (x) => -softplus(-x)],
  relu: [tf.relu, (x) => Math.max(x, 0)],
  relu6: [tf.relu6, (x) => Math.min(Math.max(x, 0), 6)],
  leakyRelu: [(x) => tf.leakyRelu(x, 0.1), (x) => x < 0 ? 0.1 * x : x],
  elu: [tf.elu, (x) => x < 0 ? Math.expm1(x) : x],
  selu: [
    tf.selu,
    (x) => SELU[0] * (x < 0 ? SELU[1] * Math.expm1(x) : x),
  ],
  clipByValue: [
    (x) => tf.clipByValue(x, -2, 3),
    (x) => Math.min(Math.max(x, -2), 3),
  ],
  step: [(x) => tf.step(x), (x) => x > 0 ? 1 : x <= 0 ? 0 : NaN],
  isNaN: [(x) => tf.cast(tf.isNaN(x), "float32"), (x) => Number(x !== x)],
  isInf: [
    (x) => tf.cast(tf.isInf(x), "float32"),
    (x) => Number(Math.abs(x) === Infinity),
  ],
  isFinite: [
    (x) => tf.cast(tf.isFinite(x), "float32"),
    (x) => Number(Number.isFinite(x)),
  ],
};

/** Points where both Math.atan2 and others have something to say. */
const PAIRS = [NaN, Infinity, -Infinity, 0, 1e-8, -0.5, 2, -3, 1e10, -1e10];

const BINARY: Record<
  string,
  readonly [
    run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
    value: (a: number, b: number) => number,
  ]
> = {
  add: [tf.add, (a, b) => a + b],
  sub: [tf.sub, (a, b) => a - b],
  mul: [tf.mul, (a, b) => a * b],
  div: [tf.div, (a, b) => a / b],
  maximum: [tf.maximum, Math.max],
  minimum: [tf.minimum, Math.min],
  squaredDifference: [tf.squaredDifference, (a, b) => (a - b) ** 2],
  atan2: [tf.atan2, Math.atan2],
  equal: [(a, b) => tf.cast(tf.equal(a, b), "float32"), (a, b) => +(a === b)],
  notEqual: [
    (a, b) => tf.cast(tf.notEqual(a, b), "float32"),
    (a, b) => +(a !== b),
  ],
  less: [(a, b) => tf.cast(tf.less(a, b), "float32"), (a, b) => +(a < b)],
  greaterEqual: [
    (a, b) => tf.cast(tf.greaterEqual(a, b), "float32"),
    (a, b) => +(a >= b),
  ],
};

/** Small tensors never reach tfjs' WebGPU shaders: each list is repeated. */
const TIMES = 40;

function repeated(list: readonly number[]): number[] {
  return Array.from({ length: TIMES }, () => list).flat();
}

/** Whether a float32 result is the number, to a few units in the last place. */
function isClose(got: number, want: number): boolean {
  const rounded = Math.fround(want);
  if (Object.is(got, rounded) || got === rounded) return true;
  // What is too small for a normal float32 may be 0.
  if (Math.abs(want) < 2 ** -126) return Math.abs(got) <= 2 ** -126;
  return Math.abs(got - want) <= 4e-6 * Math.abs(want);
}

for (const [name, [run, value, points = ALL]] of Object.entries(UNARY)) {
  onEachBackend(`${name} is right at extreme points`, async () => {
    const x = tf.tensor1d(repeated(points)), y = run(x);
    const got = await numbers(y);
    const wrong = new Set<string>();
    got.forEach((y, i) => {
      const point = points[i % points.length]!;
      const want = value(Math.fround(point));
      if (isClose(y, want)) return;
      wrong.add(`${name}(${point}) is ${y} instead of ${want}`);
    });
    tf.dispose([x, y]);
    assertEquals([...wrong], []);
  });
}

for (const [name, [run, value]] of Object.entries(BINARY)) {
  onEachBackend(`${name} is right at extreme pairs`, async () => {
    const pairs = PAIRS.flatMap((a) => PAIRS.map((b) => [a, b] as const));
    const a = tf.tensor1d(repeated(pairs.map(([a]) => a)));
    const b = tf.tensor1d(repeated(pairs.map(([, b]) => b)));
    const y = run(a, b);
    const got = await numbers(y);
    const wrong = pairs.flatMap(([p, q], i) => {
      const want = value(Math.fround(p), Math.fround(q));
      return isClose(got[i]!, want)
        ? []
        : [`${name}(${p}, ${q}) is ${got[i]} instead of ${want}`];
    });
    tf.dispose([a, b, y]);
    assertEquals(wrong, []);
  });
}

onEachBackend("powers of extreme numbers are right", async () => {
  const bases = [NaN, Infinity, 0, 1e-8, -0.5, 2, -3, 1e10];
  const exponents = [0, 1, 2, 3, -1, -2, 0.5, -1.5];
  const pairs = bases.flatMap((a) => exponents.map((b) => [a, b] as const));
  const a = tf.tensor1d(repeated(pairs.map(([a]) => a)));
  const b = tf.tensor1d(repeated(pairs.map(([, b]) => b)));
  const y = tf.pow(a, b);
  const wrong = new Set<string>();
  (await numbers(y)).forEach((got, i) => {
    const [p, q] = pairs[i % pairs.length]!, want = Math.fround(p) ** q;
    const error = Math.abs(got - want) / Math.abs(want);
    if (isClose(got, want) || error < 2e-5) return;
    wrong.add(`${p} to the ${q} is ${got} instead of ${want}`);
  });
  assertEquals([...wrong], []);
  tf.dispose([a, b, y]);
});
