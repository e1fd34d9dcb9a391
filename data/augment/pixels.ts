/**
 * Images whose pixels come from elsewhere.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, type Rule, tensor } from "../../internal/check.ts";

/** `[batch, height, width, channels]`, or without channels. */
export type Images = tf.Tensor3D | tf.Tensor4D;

/** The sizes of a batch of images. */
export interface ImageSizes {
  /** Images. */
  readonly count: number;
  /** Rows of pixels. */
  readonly height: number;
  /** Pixels in a row. */
  readonly width: number;
}

/** The sizes of `x`, if it is a batch of images. */
export function sizesOf(action: string, x: unknown): ImageSizes {
  check(action, "the images", x, tensor);
  const { shape, dtype } = x as tf.Tensor;
  if (shape.length !== 3 && shape.length !== 4 || shape.includes(0)) {
    const is =
      "of shape [batch, height, width] or with channels, none of them 0";
    refuse(action, "the images", is, x);
  }
  if (dtype !== "float32" && dtype !== "int32") {
    refuse(action, "the images", "float32 or int32", x, TypeError);
  }
  const [count, height, width] = shape as [number, number, number];
  return { count, height, width };
}

/** Throw unless `x` is float32. */
export function checkFloats(action: string, name: string, x: tf.Tensor): void {
  if (x.dtype !== "float32") refuse(action, name, "float32", x, TypeError);
}

/** Throw unless `fill` can be a value of the images. */
export function checkFill(action: string, x: Images, fill: number): void {
  const by: Rule = x.dtype === "int32" ? "an integer" : "a finite number";
  check(action, "fill", fill, by);
  const isInt32 = x.dtype === "int32";
  const fits = isInt32 ? (fill | 0) === fill : isFinite(Math.fround(fill));
  if (!fits) refuse(action, "fill", `within the range of ${x.dtype}`, fill);
}

/** A row or column of no image. */
export const NONE = -1;

/** The rows or columns from `start` on; {@linkcode NONE} where there is none of `size`. */
export function line(start: number, length: number, size: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => {
    const place = start + i;
    return place >= 0 && place < size ? place : NONE;
  });
}

/**
 * The numbers of pixels, counted through all images row by row: those at the given rows and
 * columns of each image. Where one is {@linkcode NONE} it is the number after the last.
 */
export function pixelsAt(
  { count, height, width }: ImageSizes,
  rowsOf: (image: number) => Int32Array,
  columnsOf: (image: number) => Int32Array,
): Int32Array {
  const outside = count * height * width;
  const size = count * rowsOf(0).length * columnsOf(0).length;
  const pixels = new Int32Array(size);
  let at = 0;
  for (let image = 0; image < count; image++) {
    const rows = rowsOf(image), columns = columnsOf(image);
    for (const row of rows) {
      const start = (image * height + row) * width;
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i]!;
        const isOutside = row === NONE || column === NONE;
        pixels[at++] = isOutside ? outside : start + column;
      }
    }
  }
  return pixels;
}

/** The number of every pixel. */
export function allPixels({ count, height, width }: ImageSizes): Int32Array {
  const pixels = new Int32Array(count * height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = i;
  return pixels;
}

/** Rows and columns of an image: from the first up to, but without, the second. */
export interface Box {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
}

/** `size` places from `start` on, as far as they are between 0 and `end`. */
export function span(
  start: number,
  size: number,
  end: number,
): [from: number, to: number] {
  return [Math.max(start, 0), Math.min(start + size, end)];
}

/** Take the pixels of a box from image `other` at the same place, or from none. */
export function replaceBox(
  pixels: Int32Array,
  { count, height, width }: ImageSizes,
  image: number,
  { rows, columns }: Box,
  other: number = NONE,
): void {
  const outside = count * height * width;
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let column = columns[0]; column < columns[1]; column++) {
      const at = row * width + column;
      pixels[image * height * width + at] = other === NONE
        ? outside
        : other * height * width + at;
    }
  }
}

/**
 * Images of pixels of `x`.
 *
 * @param x The images to take pixels from.
 * @param height The height of the images to make.
 * @param width Their width.
 * @param pixels The number of the pixel of `x` for each of theirs.
 * @param fill The value of all channels of the pixel after the last.
 */
export function takePixels<T extends Images>(
  x: T,
  height: number,
  width: number,
  pixels: Int32Array,
  fill = 0,
): T {
  const [count, , , ...channels] = x.shape as [number, number, number];
  const outside = x.shape[0] * x.shape[1]! * x.shape[2]!;
  return tf.tidy(() => {
    const flat = tf.reshape(x, [outside, ...channels]);
    const all = pixels.includes(outside)
      ? tf.concat([flat, tf.fill([1, ...channels], fill, x.dtype as "int32")])
      : flat;
    const taken = tf.gather(all, tf.tensor1d(pixels, "int32"));
    return tf.reshape(taken, [count, height, width, ...channels]) as T;
  });
}
