/**
 * Ops at the points where a guard says what they are: their values, and gradients
 * that are finite.
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "../../tf.ts";
import { runKernel } from "../../backend/kernel.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

type Row = readonly [
  name: string,
  run: (...xs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly (readonly number[])[],
  value: readonly number[],
  gradients: readonly (readonly number[])[],
];

const ROWS: readonly Row[] = [
  [
    "divNoNan",
    (a, b) => tf.divNoNan(a!, b!),
    [[0, 1, 2], [0, 0, 4]],
    [0, 0, 0.5],
    [[0, 0, 0.25], [0, 0, -0.125]],
  ],
  ["norm of zeros", (x) => tf.norm(x!), [[0, 0]], [0], [[0, 0]]],
  ["norm", (x) => tf.norm(x!), [[3, 4]], [5], [[0.6, 0.8]]],
  ["1-norm of zeros", (x) => tf.norm(x!, 1), [[0, 0]], [0], [[0, 0]]],
  [
    "largest of zeros",
    (x) => tf.norm(x!, Infinity),
    [[0, 0]],
    [0],
    [[0, 0]],
  ],
  [
    "norm of rows",
    (x) => tf.norm(tf.reshape(x!, [2, 2]), "euclidean", 1),
    [[0, 0, 3, 4]],
    [0, 5],
    [[0, 0, 0.6, 0.8]],
  ],
  [
    "Frobenius norm of zeros",
    (x) => tf.norm(tf.reshape(x!, [2, 2]), "fro", [0, 1]),
    [[0, 0, 0, 0]],
    [0],
    [[0, 0, 0, 0]],
  ],
  [
    "modulus of 0",
    (re, im) => tf.abs(tf.complex(re!, im!)),
    [[0, 3], [0, 4]],
    [0, 5],
    [[0, 0.6], [0, 0.8]],
  ],
  ["atan2", (a, b) => tf.atan2(a!, b!), [[0], [0]], [0], [[0], [0]]],
  ["power of 0", (x) => tf.pow(x!, 2), [[0]], [0], [[0]]],
  ["power 0", (x) => tf.pow(x!, 0), [[0]], [1], [[0]]],
  ["product", (x) => tf.prod(x!), [[0, 3, 2]], [0], [[6, 0, 0]]],
  ["product of zeros", (x) => tf.prod(x!), [[0, 0, 2]], [0], [[0, 0, 0]]],
];

for (const [name, run, inputs, value, gradients] of ROWS) {
  onEachBackend(`${name} has its value and a finite gradient`, async () => {
    const before = tf.memory().numTensors;
    const xs = inputs.map((x) => tf.tensor1d([...x]));
    const y = tf.tidy(() => run(...xs));
    const got = await numbers(y);
    got.forEach((v, i) => assertAlmostEquals(v, value[i]!, 1e-6));
    const grads = tf.grads((...xs: tf.Tensor[]) => tf.sum(run(...xs)))(xs);
    for (const [k, g] of grads.entries()) {
      const got = await numbers(g);
      got.forEach((v, i) => assertAlmostEquals(v, gradients[k]![i]!, 1e-6));
    }
    tf.dispose([xs, y, grads]);
    assertEquals(tf.memory().numTensors, before);
  });
}

const { losses } = tf;
const { MEAN, SUM_BY_NONZERO_WEIGHTS } = tf.Reduction;

/** tfjs' losses of two numbers, or two rows, with their weights. */
const LOSSES: Record<
  string,
  (x: tf.Tensor, weights: number[], reduction: tf.Reduction) => tf.Tensor
> = {
  absoluteDifference: (x, w, r) => losses.absoluteDifference([1, 2], x, w, r),
  huberLoss: (x, w, r) => losses.huberLoss([1, 2], x, w, 1, r),
  logLoss: (x, w, r) => losses.logLoss([1, 0], x, w, 1e-7, r),
  meanSquaredError: (x, w, r) => losses.meanSquaredError([1, 2], x, w, r),
  hingeLoss: (x, w, r) => losses.hingeLoss([1, 0], x, w, r),
  sigmoidCrossEntropy: (x, w, r) =>
    losses.sigmoidCrossEntropy([1, 0], x, w, 0, r),
  softmaxCrossEntropy: (x, w, r) =>
    losses.softmaxCrossEntropy(
      [[1, 0], [0, 1]],
      tf.stack([x, tf.neg(x)], 1),
      w,
      0,
      r,
    ),
  cosineDistance: (x, w, r) =>
    losses.cosineDistance(
      [[1, 0], [0, 1]],
      tf.stack([x, x], 1),
      1,
      w.map((v) => [v]),
      r,
    ),
};

for (const [name, loss] of Object.entries(LOSSES)) {
  onEachBackend(
    `losses.${name} whose weights are all 0 is 0, with gradients of 0`,
    async () => {
      for (const reduction of [MEAN, SUM_BY_NONZERO_WEIGHTS]) {
        const x = tf.tensor1d([0.5, 0.25]);
        const run = (x: tf.Tensor) => loss(x, [0, 0], reduction);
        assertEquals(await numbers(run(x)), [0]);
        assertEquals(await numbers(tf.grad(run)(x)), [0, 0]);
        // Of one weight, the loss is that of one example.
        const [one] = await numbers(loss(x, [1, 0], reduction));
        const [first] = await numbers(
          tf.slice(loss(x, [1, 1], tf.Reduction.NONE), 0, 1),
        );
        assertAlmostEquals(one!, first!, 1e-6);
        const g = await numbers(
          tf.grad((x: tf.Tensor) => loss(x, [1, 0], reduction))(x),
        );
        assert(g.every(Number.isFinite) && g[1] === 0, `${g}`);
      }
    },
  );
}

onEachBackend(
  "a product that ends with relu has no gradient as a kernel",
  () => {
    const run = (a: tf.Tensor) =>
      runKernel(tf._FusedMatMul, {
        a,
        b: tf.ones([2, 2]),
        bias: tf.zeros([2]),
      }, { transposeA: false, transposeB: false, activation: "relu" });
    assertThrows(
      () => tf.tidy(() => tf.grad(run)(tf.ones([2, 2]))),
      Error,
      "Cannot differentiate _FusedMatMul: the activation must be linear: current value is relu",
    );
  },
);
