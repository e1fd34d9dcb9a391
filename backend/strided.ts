import * as tf from "@tensorflow/tfjs-core";

/** What a strided slice takes of a tensor. */
export interface Strided {
  /** The first index of each axis. */
  readonly begin: number[];
  /** Where each axis ends; -1 where it ends before the first index. */
  readonly end: number[];
  /** The step along each axis. */
  readonly strides: number[];
  /** The shape before axes are added and dropped. */
  readonly picked: number[];
  /** The shape of the result. */
  readonly shape: number[];
  /** Whether everything is taken as it is. */
  readonly isIdentity: boolean;
}

/** What a strided slice takes of a tensor of `shape`, with all masks resolved. */
export function strided(
  shape: readonly number[],
  attrs: tf.StridedSliceAttrs,
): Strided {
  const { begin, end, strides, isIdentity, finalShape } = tf.slice_util
    .sliceInfo(
      [...shape],
      attrs.begin,
      attrs.end,
      attrs.strides,
      attrs.beginMask,
      attrs.endMask,
      attrs.ellipsisMask,
      attrs.newAxisMask,
      attrs.shrinkAxisMask,
    );
  const picked = tf.slice_util.computeOutShape(begin, end, strides);
  return { begin, end, strides, picked, shape: finalShape, isIdentity };
}
