/** Logarithms of probabilities where some classes, or all, are impossible. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

registerGradients();

const LN = Math.log(1 + Math.E);

/** Rows of logits, log Σ eˣ, and its gradient. */
const ROWS: readonly [row: number[], value: number, gradient: number[]][] = [
  [[-Infinity, -Infinity], -Infinity, [0, 0]],
  [[Infinity, 0], Infinity, [1, 0]],
  [[Infinity, -Infinity], Infinity, [1, 0]],
  [[-Infinity, 3], 3, [0, 1]],
  [[0, 0], Math.LN2, [0.5, 0.5]],
  [[1000, 1000], 1000 + Math.LN2, [0.5, 0.5]],
  [[-1000, -1000], Math.LN2 - 1000, [0.5, 0.5]],
];

onEachBackend(
  "logSumExp is right at infinity, and its gradient finite",
  async () => {
    for (const [row, value, gradient] of ROWS) {
      const x = tf.tensor1d(row);
      assertEquals(await numbers(tf.logSumExp(x)), [Math.fround(value)]);
      const g = await numbers(tf.grad((x: tf.Tensor) => tf.logSumExp(x))(x));
      // The gradient keeps the rounding of the sum, half a unit in its last place.
      const rounding = Number.isFinite(value) ? Math.abs(value) * 2 ** -24 : 0;
      g.forEach((v, i) => assertAlmostEquals(v, gradient[i]!, 1e-6 + rounding));
    }
    const x = tf.tensor2d(ROWS.map(([row]) => row));
    const all = await numbers(tf.logSumExp(x, 1));
    assertEquals(all, ROWS.map(([, value]) => Math.fround(value)));
    assertEquals(tf.logSumExp(x, -1, true).shape, [ROWS.length, 1]);
    assertEquals(tf.logSumExp(x).shape, []);
  },
);

onEachBackend("logSumExp of NaN is NaN", async () => {
  const x = tf.tensor2d([[NaN, 1], [2, NaN]]);
  assertEquals(await numbers(tf.logSumExp(x, 1)), [NaN, NaN]);
});

onEachBackend("logSumExp has second derivatives", async () => {
  // The Hessian of two equal logits is [[1, -1], [-1, 1]] / 4.
  const row = tf.grad((x: tf.Tensor) =>
    tf.sum(tf.mul(
      tf.grad((x: tf.Tensor) => tf.logSumExp(x))(x),
      tf.tensor1d([1, 0]),
    ))
  );
  const [a, b] = await numbers(row(tf.tensor1d([3, 3])));
  assertAlmostEquals(a!, 0.25, 1e-6);
  assertAlmostEquals(b!, -0.25, 1e-6);
});

onEachBackend(
  "the cross-entropy of a class at -Infinity with label 0 is that of the others",
  async () => {
    const labels = tf.tensor2d([[1, 0, 0]]);
    const logits = tf.tensor2d([[1, 2, -Infinity]]);
    const loss = (x: tf.Tensor) =>
      tf.losses.softmaxCrossEntropy(labels, x) as tf.Scalar;
    assertAlmostEquals((await numbers(loss(logits)))[0]!, LN, 1e-6);
    const g = await numbers(tf.grad(loss)(logits));
    const p = 1 / (1 + Math.E);
    [p - 1, 1 - p, 0].forEach((v, i) => assertAlmostEquals(g[i]!, v, 1e-6));
  },
);

onEachBackend(
  "logSoftmax leaves impossible classes at -Infinity, with gradients of 0",
  async () => {
    const x = tf.tensor2d([[0, -Infinity, 0], [-Infinity, 5, -Infinity]]);
    const half = Math.fround(-Math.LN2);
    const y = await numbers(tf.logSoftmax(x));
    [half, -Infinity, half, -Infinity, 0, -Infinity].forEach((v, i) =>
      assertAlmostEquals(y[i]!, v, 1e-6)
    );
    const first = tf.tensor2d([[1, 0, 0], [0, 1, 0]]);
    const g = await numbers(
      tf.grad((x: tf.Tensor) => tf.logSoftmax(x))(x, first),
    );
    [0.5, 0, -0.5, 0, 0, 0].forEach((v, i) =>
      assertAlmostEquals(g[i]!, v, 1e-6)
    );
  },
);

onEachBackend(
  "the binary cross-entropy of infinite logits is 0 or Infinity",
  async () => {
    const labels = tf.tensor1d([1, 0, 1, 0, 0]);
    const logits = tf.tensor1d([Infinity, -Infinity, -Infinity, Infinity, 0]);
    const run = (x: tf.Tensor) =>
      tf.losses.sigmoidCrossEntropy(
        labels,
        x,
        undefined,
        0,
        tf.Reduction.NONE,
      ) as tf.Tensor;
    const losses = await numbers(run(logits));
    assertEquals(losses.slice(0, 4), [0, 0, Infinity, Infinity]);
    assertAlmostEquals(losses[4]!, Math.LN2, 1e-6);
    assertEquals(await numbers(tf.grad(run)(logits)), [0, 0, 0, 0, 0.5]);
  },
);
