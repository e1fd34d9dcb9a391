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
}

/** The pixel of no image: `fill` is taken instead. */
export const NONE = -1;

/**
 * Images of pixels of `x`.
 *
 * @param x The images to take pixels from.
 * @param height The height of the images to make.
 * @param width Their width.
 * @param source The number of a pixel of `x`, counted through all images row by row,
 *   or {@linkcode NONE}.
 * @param fill The value of all channels where there is none.
 */
export function takePixels<T extends Images>(
  x: T,
  height: number,
  width: number,
  source: (image: number, row: number, column: number) => number,
  fill = 0,
): T {
  const [count, , , ...channels] = x.shape as [number, number, number];
  const indices = new Int32Array(count * height * width);
  const outside = x.shape[0] * x.shape[1]! * x.shape[2]!;
  let at = 0, isFilled = false;
  for (let i = 0; i < count; i++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = source(i, row, column);
        isFilled ||= from === NONE;
        indices[at++] = from === NONE ? outside : from;
      }
    }
  }
  return tf.tidy(() => {
    const pixels = tf.reshape(x, [outside, ...channels]);
    const all = isFilled
      ? tf.concat([pixels, tf.fill([1, ...channels], fill, x.dtype as "int32")])
      : pixels;
    const taken = tf.gather(all, tf.tensor1d(indices, "int32"));
    return tf.reshape(taken, [count, height, width, ...channels]) as T;
  });
}
