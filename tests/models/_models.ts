/**
 * What tests of models share.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";

/** The folder of golden files. */
export const FILES = new URL("../golden/models/", import.meta.url).pathname;

/** The images of `scripts/golden/vision.py`. */
export function images(batch: number, size: number): tf.Tensor4D {
  const count = batch * size * size * 3;
  const values = Float32Array.from(
    { length: count },
    (_, i) => i * 37 % 101 / 50 - 1,
  );
  return tf.tensor4d(values, [batch, size, size, 3]);
}

/** Asserts that the values of `x` are within `tolerance` of a number or nested lists. */
export async function assertClose(
  x: tf.Tensor,
  expected: unknown,
  tolerance: number,
): Promise<void> {
  const values = await x.data();
  const flat = [expected].flat(Infinity) as number[];
  assertEquals(values.length, flat.length);
  for (const [i, value] of flat.entries()) {
    assertAlmostEquals(values[i]!, value, tolerance);
  }
}
