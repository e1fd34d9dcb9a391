/** Batch normalization, on every backend, against float64. */
import { assert, assertEquals } from "@std/assert";
import { batchNormalize } from "../../backend/ops/batch_normalize.ts";
import { tf, useBackend } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

const EPS = 1e-3;

/** Statistics, result and gradient of `Σ w y + Σ u mean + Σ v variance`. */
function reference(
  x: Float64Array,
  [w, u, v]: readonly Float64Array[],
  columns: number,
) {
  const rows = x.length / columns;
  const [mean, variance] = [0, 1].map(() => new Float64Array(columns));
  const y = new Float64Array(x.length), dx = new Float64Array(x.length);
  for (let c = 0; c < columns; c++) {
    const at = Array.from({ length: rows }, (_, i) => i * columns + c);
    const sum = (f: (i: number) => number) =>
      at.reduce((total, i) => total + f(i), 0);
    const m = mean![c] = sum((i) => x[i]!) / rows;
    const s = variance![c] = sum((i) => (x[i]! - m) ** 2) / rows;
    const scale = 1 / Math.sqrt(s + EPS);
    for (const i of at) y[i] = (x[i]! - m) * scale;
    const dy = sum((i) => w![i]!) / rows;
    const slope = sum((i) => w![i]! * y[i]!) / rows;
    for (const i of at) {
      dx[i] = scale * (w![i]! - dy - y[i]! * slope) +
        u![c]! / rows + 2 * v![c]! * (x[i]! - m) / rows;
    }
  }
  return { y, mean: mean!, variance: variance!, dx };
}

function assertNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  error: number,
  message: string,
): void {
  assertEquals(actual.length, expected.length, message);
  for (let i = 0; i < actual.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    assert(
      off <= error * Math.max(1, Math.abs(expected[i]!)),
      `${message} at ${i}: ${actual[i]} instead of ${expected[i]}`,
    );
  }
}

const SHAPES = [[2, 1], [3, 5], [1000, 3], [2500, 65], [7, 9, 40], [30000, 2]];

onEachBackend(
  "batch normalization, its statistics and gradients equal float64",
  async () => {
    for (const shape of SHAPES) {
      const columns = shape.at(-1)!, size = tf.util.sizeFromShape(shape);
      // Far from 0, so that a sum of squares would lose the variance.
      const x = noise(size, 1).map((v) => Math.fround(v + 20));
      const slopes = [noise(size, 2), noise(columns, 3), noise(columns, 4)];
      const wanted = reference(x, slopes, columns);
      await assertNoLeak(async () => {
        const input = tf.tensor(Float32Array.from(x), shape);
        const [w, u, v] = slopes.map((s, i) =>
          tf.tensor(Float32Array.from(s), i === 0 ? shape : [columns])
        );
        const dx = tf.grad((x) => {
          const { y, mean, variance } = batchNormalize(x, { eps: EPS });
          return tf.addN([
            tf.sum(tf.mul(y, w!)),
            tf.sum(tf.mul(mean, u!)),
            tf.sum(tf.mul(variance, v!)),
          ]);
        })(input);
        const [y, mean, variance] = tf.tidy(() => {
          const all = batchNormalize(input, { eps: EPS });
          return [all.y, all.mean, all.variance];
        });
        const name = `[${shape}]`;
        assertNear(await mean!.data(), wanted.mean, 1e-6, `mean of ${name}`);
        assertNear(
          await variance!.data(),
          wanted.variance,
          2e-5,
          `variance of ${name}`,
        );
        assertNear(await y!.data(), wanted.y, 5e-5, `y of ${name}`);
        assertNear(await dx.data(), wanted.dx, 5e-5, `dx of ${name}`);
        tf.dispose([input, w!, u!, v!, dx, y!, mean!, variance!]);
      });
    }
  },
);

onEachBackend("batch normalization can be differentiated twice", async () => {
  const x = noise(12, 1, 2), weights = noise(12, 2), others = noise(12, 3);
  const tensor = (v: Float64Array) => tf.tensor(Float32Array.from(v), [4, 3]);
  const [w, v] = [tensor(weights), tensor(others)];
  const run = (x: tf.Tensor) => batchNormalize(x, { eps: EPS }).y;
  const second = tf.grad((x: tf.Tensor) =>
    tf.sum(tf.mul(v, tf.grad(run)(x, w)))
  )(tensor(x));
  const zeros = new Float64Array(3);
  const at = (i: number, by: number) => {
    const moved = x.slice();
    moved[i]! += by;
    const { dx } = reference(moved, [weights, zeros, zeros], 3);
    return dx.reduce((sum, d, j) => sum + d * others[j]!, 0);
  };
  const wanted = x.map((_, i) => (at(i, 1e-5) - at(i, -1e-5)) / 2e-5);
  assertNear(await second.data(), wanted, 2e-4, "second derivative");
});

onEachBackend(
  "batch normalization gives NaN and infinities where cpu does",
  async (backend) => {
    const columns = [[NaN, 1, 2], [Infinity, 1, 2], [3, 3, 3], [1e25, 1e25, 1]];
    const seen: number[][] = [];
    for (const on of ["cpu", backend] as const) {
      await useBackend(on, { threads: 1 });
      const x = tf.transpose(tf.tensor2d(columns));
      const { y, mean, variance } = batchNormalize(x, { eps: EPS });
      const all = [y, mean, variance].map((z) => z.data());
      seen.push((await Promise.all(all)).flatMap((z) => [...z]));
    }
    const [expected, actual] = seen as [number[], number[]];
    const kind = (x: number) => Number.isFinite(x) ? "finite" : `${x}`;
    assertEquals(actual.map(kind), expected.map(kind));
    const finite = (x: number) => Number.isFinite(x) ? x : 0;
    assertNear(actual.map(finite), expected.map(finite), 1e-6, "finite");
  },
  { only: ["wasm", "webgpu"] },
);
