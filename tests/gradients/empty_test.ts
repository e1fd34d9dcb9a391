/** Empty tensors: what ops make of them, with gradients, on every backend. */
import { assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

const SHAPES = [[0], [0, 3], [3, 0]];

/** Reductions over all axes, and what they are of nothing. */
const REDUCTIONS: Record<string, [(x: tf.Tensor) => tf.Tensor, number]> = {
  sum: [tf.sum, 0],
  prod: [tf.prod, 1],
  mean: [tf.mean, NaN],
  max: [tf.max, -Infinity],
  min: [tf.min, Infinity],
  logSumExp: [tf.logSumExp, -Infinity],
  norm: [tf.norm, 0],
};

/** Functions of elements, which keep the shape. */
const ELEMENTWISE: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  add: (x) => tf.add(x, 1),
  mul: (x) => tf.mul(x, x),
  where: (x) => tf.where(tf.greater(x, 0), x, tf.scalar(1)),
  "where of numbers": (x) =>
    tf.where(tf.greater(x, 0), tf.scalar(2), tf.scalar(1)),
  maximum: (x) => tf.maximum(x, 0),
  clipByValue: (x) => tf.clipByValue(x, -1, 1),
  relu: tf.relu,
  sqrt: tf.sqrt,
  square: tf.square,
  pow: (x) => tf.pow(x, 2),
  divNoNan: (x) => tf.divNoNan(x, x),
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  cumsum: (x) => tf.cumsum(x),
  reverse: (x) => tf.reverse(x),
  addN: (x) => tf.addN([x, x]),
  zerosLike: tf.zerosLike,
  greater: (x) => tf.greater(x, tf.scalar(0)),
  cast: (x) => tf.cast(x, "int32"),
};

onEachBackend(
  "reductions of nothing are those of numpy and of limits",
  async () => {
    for (const [name, [run, value]] of Object.entries(REDUCTIONS)) {
      for (const shape of SHAPES) {
        const x = tf.zeros(shape), before = tf.memory().numTensors;
        const y = tf.tidy(() => run(x));
        assertEquals(y.shape, [], name);
        assertEquals(await numbers(y), [value], `${name} of [${shape}]`);
        const g = tf.grad((x: tf.Tensor) => run(x))(x);
        assertEquals(g.shape, shape, name);
        tf.dispose([y, g]);
        assertEquals(tf.memory().numTensors, before);
        x.dispose();
      }
    }
  },
);

onEachBackend("reductions of an empty axis fill the others", async () => {
  const x = tf.zeros([3, 0]);
  for (const [name, value] of [["sum", 0], ["max", -Infinity]] as const) {
    assertEquals(await numbers(tf[name](x, 1)), [value, value, value]);
    assertEquals(tf[name](x, 1, true).shape, [3, 1]);
    assertEquals(tf[name](x, 0).shape, [0]);
  }
  const no = tf.zeros([0], "bool"), ints = tf.zeros([0], "int32");
  assertEquals(await numbers(tf.any(no)), [0]);
  assertEquals(await numbers(tf.all(no)), [1]);
  assertEquals(await numbers(tf.sum(ints)), [0]);
  assertEquals(tf.sum(ints).dtype, "int32");
  assertEquals(await numbers(tf.max(ints)), [-(2 ** 31)]);
  assertEquals(await numbers(tf.argMax(tf.zeros([0, 2]), 0)), [0, 0]);
});

onEachBackend(
  "functions of no elements give none, and gradients too",
  async () => {
    for (const [name, run] of Object.entries(ELEMENTWISE)) {
      for (const shape of SHAPES) {
        const x = tf.zeros(shape), y = run(x);
        const isScalar = name === "where of numbers";
        assertEquals([y.shape, await numbers(y)], [shape, []], name);
        if (y.dtype === "float32" && !isScalar) {
          assertEquals(tf.grad(run)(x).shape, shape, name);
        }
      }
    }
  },
);

onEachBackend("products, windows and joins of empty tensors", async () => {
  const images = tf.zeros<tf.Rank.R4>([0, 4, 4, 2]);
  const filter = tf.ones<tf.Rank.R4>([2, 2, 2, 3]);
  const table: [tf.Tensor, number[], number[]][] = [
    [tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])), [2, 3], Array(6).fill(0)],
    [tf.matMul(tf.zeros([0, 2]), tf.ones([2, 3])), [0, 3], []],
    [tf.einsum("ij,jk->ik", tf.zeros([2, 0]), tf.zeros([0, 1])), [2, 1], [
      0,
      0,
    ]],
    [tf.dot(tf.zeros([0]), tf.zeros([0])), [], [0]],
    [tf.concat([tf.zeros([0]), tf.ones([2])]), [2], [1, 1]],
    [tf.stack([tf.zeros([0]), tf.zeros([0])]), [2, 0], []],
    [tf.unstack(tf.concat([tf.zeros([2, 0]), tf.zeros([2, 0])], 1))[1]!, [
      0,
    ], []],
    [tf.pad(tf.zeros([0, 1]), [[1, 0], [0, 1]], 7), [1, 2], [7, 7]],
    [tf.tile(tf.zeros([0, 1]), [2, 3]), [0, 3], []],
    [tf.transpose(tf.zeros([0, 3])), [3, 0], []],
    [
      tf.gather(tf.ones([3, 2]), tf.zeros([0], "int32") as tf.Tensor1D),
      [0, 2],
      [],
    ],
    [
      tf.unsortedSegmentSum(
        tf.zeros([0, 2]),
        tf.zeros([0], "int32") as tf.Tensor1D,
        2,
      ),
      [2, 2],
      [0, 0, 0, 0],
    ],
    [tf.oneHot(tf.zeros([0], "int32"), 3), [0, 3], []],
    [
      tf.conv2d(images, filter, 1, "same"),
      [0, 4, 4, 3],
      [],
    ],
    [tf.maxPool(images, 2, 2, "same"), [0, 2, 2, 2], []],
    [tf.avgPool(images, 2, 2, "same"), [0, 2, 2, 2], []],
    [tf.batchNorm(tf.zeros([0, 2]), [0, 0], [1, 1]), [0, 2], []],
  ];
  for (const [y, shape, values] of table) {
    assertEquals([y.shape, await numbers(y)], [shape, values]);
  }
});
