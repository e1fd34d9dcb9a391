/**
 * Noise on gradients.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { normalOf } from "../../random/normal.ts";
import { numbersAt, RandomState } from "../../random/state.ts";
import { perTensor } from "./per_tensor.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode addGradientNoise}. */
export interface GradientNoiseOptions {
  /** The variance η of the noise in the first step. Default: 0.01. */
  readonly eta?: number | undefined;
  /** How fast the variance falls: the exponent γ. Default: 0.55. */
  readonly gamma?: number | undefined;
  /** The seed of the noise. Default: 0. */
  readonly seed?: number | undefined;
}

const RULES: OptionRules<GradientNoiseOptions> = {
  eta: "a nonnegative finite number",
  gamma: "a nonnegative finite number",
  seed: "an integer",
};

/**
 * Add normal noise to gradients, less from step to step.
 *
 * ```text
 * g ← g + n      n normal with mean 0 and variance η / tᵞ in step t = 1, 2, ...
 * ```
 *
 * The noise of a step follows from the seed, the path of the parameter and its step
 * number alone, which is saved with the optimizer: a run that is continued has that of an
 * undisturbed one, and several processes have the same. It is drawn on the host.
 *
 * {@link https://arxiv.org/abs/1511.06807 | Neelakantan et al., 2015}, as
 * `optax.add_noise`.
 *
 * @param options See {@linkcode GradientNoiseOptions}.
 * @returns The transformation.
 */
export function addGradientNoise(
  options: GradientNoiseOptions = {},
): GradientTransformation {
  checkOptions("create addGradientNoise", options, RULES);
  const { eta = 0.01, gamma = 0.55, seed = 0 } = options;
  const { key } = new RandomState(seed).value;
  return perTensor({
    init: () => ({}),
    numbers: {
      noise({ path, shape, t }) {
        const size = tf.util.sizeFromShape([...shape]);
        const offset = (t - 1) * Math.ceil(size / 4);
        const std = Math.sqrt(eta / t ** gamma);
        const position = { key: keyOf(path, key), offset };
        return numbersAt(position, size, normalOf(0, std));
      },
    },
    update: ({ update: g, numbers: { noise } }) => ({
      update: tf.add(g, noise!),
      slots: {},
    }),
  });
}

/** The key of a parameter's own stream: a hash (FNV-1a) of its path, from `key` on. */
function keyOf(
  path: string,
  key: readonly [number, number],
): readonly [number, number] {
  const hash = (start: number) => {
    let h = (start ^ 0x811c9dc5) >>> 0;
    for (const byte of new TextEncoder().encode(path)) {
      h = Math.imul(h ^ byte, 0x01000193) >>> 0;
    }
    return h;
  };
  return [hash(key[0]), hash(key[1])];
}
