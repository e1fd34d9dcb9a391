/**
 * Images in a mirror.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as random from "../../random.ts";
import { stream } from "../../random/state.ts";
import { uniforms } from "./draws.ts";
import { type Images, line, pixelsAt, sizesOf, takePixels } from "./pixels.ts";

/** Options of {@linkcode randomHorizontalFlip} and {@linkcode randomVerticalFlip}. */
export interface FlipOptions {
  /** The probability that an image is flipped. @default {0.5} */
  readonly p?: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const RULES: OptionRules<FlipOptions> = {
  p: "in [0, 1]",
  random: stream,
};

/**
 * Each image with left and right exchanged, with probability `p`.
 *
 * @example Usage
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.tensor3d([[[1, 2, 3]]]);
 * const y = data.randomHorizontalFlip(x, { p: 1 });
 * assertEquals([...await y.data()], [3, 2, 1]);
 * ```
 *
 * @param x The images, float32 or int32.
 * @param options See {@linkcode FlipOptions}.
 * @returns Images of the same shape.
 */
export function randomHorizontalFlip<T extends Images>(
  x: T,
  options: FlipOptions = {},
): T {
  return flip(x, options, true);
}

/**
 * Each image with top and bottom exchanged, with probability `p`.
 *
 * @param x The images, float32 or int32.
 * @param options See {@linkcode FlipOptions}.
 * @returns Images of the same shape.
 */
export function randomVerticalFlip<T extends Images>(
  x: T,
  options: FlipOptions = {},
): T {
  return flip(x, options, false);
}

function flip<T extends Images>(
  x: T,
  options: FlipOptions,
  isHorizontal: boolean,
): T {
  const sizes = sizesOf("flip images", x);
  checkOptions("flip images", options, RULES);
  const { p = 0.5, random: stream = random.default } = options;
  const { count, height, width } = sizes;
  const rows = line(0, height, height), columns = line(0, width, width);
  const mirrored = (isHorizontal ? columns : rows).toReversed();
  const isFlipped = uniforms(stream, count).map((u) => u < p ? 1 : 0);
  const pixels = pixelsAt(
    sizes,
    (image) => !isHorizontal && isFlipped[image] ? mirrored : rows,
    (image) => isHorizontal && isFlipped[image] ? mirrored : columns,
  );
  return takePixels(x, height, width, pixels);
}
