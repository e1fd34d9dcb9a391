/**
 * Tensors that are nearly equal.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { assertEquals } from "@std/assert";

/** Throw unless `|actual - expected| <= tolerance (1 + |expected|)` everywhere. */
export async function assertClose(
  actual: tf.Tensor,
  expected: tf.Tensor,
  tolerance: number,
  what: string,
): Promise<void> {
  assertEquals(actual.shape, expected.shape, `${what}: shape`);
  const [a, e] = await Promise.all([actual.data(), expected.data()]);
  for (let i = 0; i < e.length; i++) {
    if (!(Math.abs(a[i]! - e[i]!) <= tolerance * (1 + Math.abs(e[i]!)))) {
      throw new Error(`${what}: element ${i} is ${a[i]}, expected ${e[i]}`);
    }
  }
}
