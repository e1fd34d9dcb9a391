/**
 * Counts of steps that were skipped.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { OptState } from "../transforms/transformation.ts";

/** How many steps of an optimizer were skipped. */
export interface SkippedSteps {
  /** All steps with gradients that were not finite. */
  readonly total: number;
  /** Those since the last step with finite gradients. */
  readonly inRow: number;
}

/**
 * How many steps had gradients that were not finite, by `skipNonFinite` in the
 * transformation of an optimizer; those that were taken after `maxConsecutive` count too.
 *
 * @param optimizer An optimizer with parameters.
 * @throws {Error} If its transformation has no `skipNonFinite`.
 */
export async function skippedSteps(
  optimizer: { readonly optState: OptState },
): Promise<SkippedSteps> {
  const { slots } = optimizer.optState;
  // In a chain, names have numbers.
  const greatest = (name: string) => {
    const pattern = new RegExp(`^([0-9]+\\.)*${name}(_[0-9]+)?$`);
    const found = Object.keys(slots).filter((slot) => pattern.test(slot))
      .flatMap((slot) => Object.values(slots[slot]!));
    if (found.length === 0) {
      throw new Error(
        "Cannot read skipped steps: the optimizer must have parameters, and skipNonFinite in its transformation",
      );
    }
    return tf.max(tf.stack(found));
  };
  const counts = tf.tidy(() =>
    tf.stack([greatest("nonFinite"), greatest("nonFiniteInRow")])
  );
  try {
    const [total, inRow] = await counts.data();
    return { total: total!, inRow: inRow! };
  } finally {
    counts.dispose();
  }
}
