/**
 * Windows of images.
 *
 * @module
 */
import {
  check,
  checkOptions,
  either,
  type OptionRules,
  pair,
  refuse,
} from "../../internal/check.ts";
import * as random from "../../random.ts";
import { stream } from "../../random/state.ts";
import { integersTo } from "./draws.ts";
import {
  checkFill,
  type Images,
  line,
  pixelsAt,
  sizesOf,
  takePixels,
} from "./pixels.ts";

/** Options of {@linkcode randomCrop}. */
export interface CropOptions {
  /** Height and width of the window, or one number for both. Default: those of the images. */
  readonly size?: number | readonly [number, number];
  /** Pixels around an image that the window may show. @default {0} */
  readonly padding?: number;
  /** The value of all channels of those pixels. @default {0} */
  readonly fill?: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const RULES: OptionRules<CropOptions> = {
  size: either(
    "a positive integer",
    pair("a positive integer", "a positive integer"),
  ),
  padding: "a nonnegative integer",
  fill: "a finite number",
  random: stream,
};

const CROP = "crop images";

/**
 * A window of each image, at a random place; all places have equal probability.
 *
 * With `padding` the window may reach beyond the image, as is usual for small ones:
 * `padding: 4` for CIFAR's 32 × 32.
 *
 * @example Usage
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.ones<tf.Rank.R4>([8, 32, 32, 3]);
 * assertEquals(data.randomCrop(x, { padding: 4 }).shape, [8, 32, 32, 3]);
 * assertEquals(data.randomCrop(x, { size: 24 }).shape, [8, 24, 24, 3]);
 * ```
 *
 * @param x The images, float32 or int32.
 * @param options See {@linkcode CropOptions}.
 * @returns Images of that size.
 * @throws {RangeError} If the window is larger than the padded image.
 */
export function randomCrop<T extends Images>(
  x: T,
  options: CropOptions = {},
): T {
  const { height, width } = sizesOf(CROP, x);
  checkOptions(CROP, options, RULES);
  const { size = [height, width], padding = 0 } = options;
  const [rows, columns] = typeof size === "number" ? [size, size] : size;
  const [taller, wider] = [height + 2 * padding, width + 2 * padding];
  if (rows > taller || columns > wider) {
    refuse(CROP, "size", `at most [${taller}, ${wider}]`, size);
  }
  return window(CROP, x, [rows, columns], [padding, padding], options);
}

/** Options of {@linkcode randomShift}. */
export interface ShiftOptions {
  /** The most pixels to move by, down and right or up and left; a pair is for each axis. */
  readonly max: number | readonly [number, number];
  /** The value of all channels of pixels that come from outside. @default {0} */
  readonly fill?: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const SHIFT_RULES: OptionRules<ShiftOptions> = {
  max: either(
    "a nonnegative integer",
    pair("a nonnegative integer", "a nonnegative integer"),
  ),
  fill: "a finite number",
  random: stream,
};

const SHIFT = "shift images";

/**
 * Each image moved by a random number of whole pixels on each axis, from `-max` to
 * `max`, all with equal probability.
 *
 * @param x The images, float32 or int32.
 * @param options See {@linkcode ShiftOptions}.
 * @returns Images of the same shape.
 */
export function randomShift<T extends Images>(x: T, options: ShiftOptions): T {
  const { height, width } = sizesOf(SHIFT, x);
  checkOptions(SHIFT, options, SHIFT_RULES);
  check(SHIFT, "max", options.max, SHIFT_RULES.max);
  const { max } = options;
  const by = typeof max === "number" ? [max, max] as const : max;
  return window(SHIFT, x, [height, width], by, options);
}

/** A window of each image with `around` pixels on each side. */
function window<T extends Images>(
  action: string,
  x: T,
  [rows, columns]: readonly [number, number],
  around: readonly [number, number],
  options: Pick<CropOptions, "fill" | "random">,
): T {
  const sizes = sizesOf(action, x);
  const { fill = 0, random: stream = random.default } = options;
  checkFill(action, x, fill);
  const { count, height, width } = sizes;
  const [down, across] = [height + 2 * around[0], width + 2 * around[1]];
  const tops = integersTo(down - rows, stream, count);
  const lefts = integersTo(across - columns, stream, count);
  const allRows = line(-around[0], down, height);
  const allColumns = line(-around[1], across, width);
  const pixels = pixelsAt(
    sizes,
    (image) => allRows.subarray(tops[image], tops[image]! + rows),
    (image) => allColumns.subarray(lefts[image], lefts[image]! + columns),
  );
  return takePixels(x, rows, columns, pixels, fill);
}
