/**
 * Images of which a part is left out.
 *
 * @module
 */
import { check, checkOptions, type OptionRules } from "../../internal/check.ts";
import * as random from "../../random.ts";
import { stream } from "../../random/state.ts";
import { integersTo } from "./draws.ts";
import {
  allPixels,
  checkFill,
  type Images,
  replaceBox,
  sizesOf,
  span,
  takePixels,
} from "./pixels.ts";

/** Options of {@linkcode cutout}. */
export interface CutoutOptions {
  /** The height and width of the square, in pixels. */
  readonly size: number;
  /** The value of all channels inside. @default {0} */
  readonly fill?: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const RULES: OptionRules<CutoutOptions> = {
  size: "a positive integer",
  fill: "a finite number",
  random: stream,
};

const ACTION = "cut squares out of images";

/**
 * Each image with one value in a square around a random pixel; of a square at the
 * border only the part inside is seen.
 *
 * Source: DeVries and Taylor, "Improved Regularization of Convolutional Neural
 * Networks with Cutout", 2017.
 *
 * @example Usage
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.ones<tf.Rank.R4>([8, 28, 28, 1]);
 * assertEquals(data.cutout(x, { size: 14 }).shape, [8, 28, 28, 1]);
 * ```
 *
 * @param x The images, float32 or int32.
 * @param options See {@linkcode CutoutOptions}.
 * @returns Images of the same shape.
 */
export function cutout<T extends Images>(x: T, options: CutoutOptions): T {
  const sizes = sizesOf(ACTION, x);
  checkOptions(ACTION, options, RULES);
  check(ACTION, "size", options.size, RULES.size);
  const { size, fill = 0, random: stream = random.default } = options;
  checkFill(ACTION, x, fill);
  const { count, height, width } = sizes;
  const before = Math.floor(size / 2);
  const tops = integersTo(height - 1, stream, count).map((y) => y - before);
  const lefts = integersTo(width - 1, stream, count).map((x) => x - before);
  const pixels = allPixels(sizes);
  for (let image = 0; image < count; image++) {
    const rows = span(tops[image]!, size, height);
    const columns = span(lefts[image]!, size, width);
    replaceBox(pixels, sizes, image, { rows, columns });
  }
  return takePixels(x, height, width, pixels, fill);
}
