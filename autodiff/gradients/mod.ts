import * as tf from "@tensorflow/tfjs-core";
import { activations } from "./activations.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { complex } from "./complex.ts";
import { convolution } from "./convolution.ts";
import { cumulative } from "./cumulative.ts";
import { image } from "./image.ts";
import { indexing } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { morphology } from "./morphology.ts";
import { normalization } from "./normalization.ts";
import { pooling } from "./pooling.ts";
import { reductions } from "./reductions.ts";
import { shape } from "./shape.ts";
import { unary } from "./unary.ts";
import type { Gradients } from "./rule.ts";

/** Every gradient of ours, by kernel. */
const GRADIENTS: Gradients = {
  ...activations,
  ...arithmetic,
  ...comparison,
  ...complex,
  ...convolution,
  ...cumulative,
  ...image,
  ...indexing,
  ...matmul,
  ...morphology,
  ...normalization,
  ...pooling,
  ...reductions,
  ...shape,
  ...unary,
};

// Copied with its accessors: what a rule saves depends on the depth of the tape.
const configs = Object.entries(GRADIENTS).map(([kernelName, gradient]) =>
  Object.defineProperties(
    { kernelName },
    Object.getOwnPropertyDescriptors(gradient),
  ) as tf.GradConfig
);

/**
 * Registers our gradient of every kernel with tfjs, in place of any that is
 * registered already. Calling it again changes nothing.
 */
export function registerGradients(): void {
  for (const config of configs) {
    const current = tf.getGradient(config.kernelName);
    if (current === config) continue;
    if (current !== undefined) tf.unregisterGradient(config.kernelName);
    tf.registerGradient(config);
  }
}
