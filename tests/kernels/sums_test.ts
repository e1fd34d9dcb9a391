/** Sums and means over some axes, on every backend, against float64. */
import { assert, assertEquals } from "@std/assert";
import { tf } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

const CASES: readonly [shape: number[], axes: number[]][] = [
  [[1, 1], [0]],
  [[5, 1], [0]],
  [[3, 7], [0]],
  [[768, 128], [0]],
  [[5000, 33], [0]],
  [[40000, 2], [0]],
  [[2, 1000], [0]],
  [[9, 5, 6, 4], [0, 1, 2]],
  [[9, 5, 6, 4], [1, 0]],
  [[9, 5, 6], [0]],
  [[9, 5, 6], [1]],
  [[9, 5, 6], [0, 2]],
  [[9, 5, 6], [2]],
  [[9, 5], [0, 1]],
];

onEachBackend("sums and means over axes equal float64", async () => {
  for (const [shape, axes] of CASES) {
    const size = tf.util.sizeFromShape(shape);
    // Of one sign, so that an error of each sum would show.
    const values = noise(size, 3).map((x) => Math.fround(x + 2));
    const kept = shape.map((n, i) => axes.includes(i) ? 1 : n);
    const wanted = new Float64Array(tf.util.sizeFromShape(kept));
    const strides = [...tf.util.computeStrides(shape), 1];
    const target = [...tf.util.computeStrides(kept), 1];
    values.forEach((x, at) => {
      let rest = at, to = 0;
      shape.forEach((_, i) => {
        const place = Math.floor(rest / strides[i]!);
        rest -= place * strides[i]!;
        if (!axes.includes(i)) to += place * target[i]!;
      });
      wanted[to]! += x;
    });
    const count = size / wanted.length;
    await assertNoLeak(async () => {
      const x = tf.tensor(Float32Array.from(values), shape);
      for (const keepDims of [false, true]) {
        const results = [tf.sum(x, axes, keepDims), tf.mean(x, axes, keepDims)];
        for (const [k, y] of results.entries()) {
          const rest = shape.filter((_, i) => !axes.includes(i));
          assertEquals(y.shape, keepDims ? kept : rest);
          (await y.data()).forEach((actual, i) => {
            const want = wanted[i]! / (k ? count : 1);
            assert(
              Math.abs(actual - want) < 1e-6 * want,
              `[${shape}] over ${axes}: ${actual} instead of ${want}`,
            );
          });
          y.dispose();
        }
      }
      x.dispose();
    });
  }
});

onEachBackend("a column that is not finite stays alone", async () => {
  const x = tf.tensor2d([[NaN, 1, Infinity, -Infinity], [1, 2, 3, Infinity]]);
  assertEquals([...await tf.sum(x, 0).data()], [NaN, 3, Infinity, NaN]);
  assertEquals([...await tf.mean(x, 0).data()], [NaN, 1.5, Infinity, NaN]);
});

onEachBackend("sums of no rows are 0", async () => {
  assertEquals([...await tf.sum(tf.zeros([0, 3]), 0).data()], [0, 0, 0]);
  assertEquals(tf.sum(tf.zeros([3, 0]), 0).shape, [0]);
});
