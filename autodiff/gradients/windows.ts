import * as tf from "@tensorflow/tfjs-core";

/** One axis of a window that slides over an image. */
export interface Axis {
  /** Of the image. */
  readonly size: number;
  /** Cells of the window. */
  readonly window: number;
  /** Between windows. */
  readonly stride: number;
  /** Between cells. */
  readonly dilation: number;
  /** Padding before the image. */
  readonly before: number;
  /** How many windows there are. */
  readonly out: number;
}

/** The shape of images. */
export type Shape4D = [number, number, number, number];
/** The shape of volumes. */
export type Shape5D = [number, number, number, number, number];

/** Height and width of windows of which tfjs has worked out the sizes. */
export function planeOf(info: tf.backend_util.Conv2DInfo): [Axis, Axis] {
  return [{
    size: info.inHeight,
    window: info.filterHeight,
    stride: info.strideHeight,
    dilation: info.dilationHeight,
    before: info.padInfo.top,
    out: info.outHeight,
  }, {
    size: info.inWidth,
    window: info.filterWidth,
    stride: info.strideWidth,
    dilation: info.dilationWidth,
    before: info.padInfo.left,
    out: info.outWidth,
  }];
}

/** The same for volumes, the depth first. */
export function volumeOf(info: tf.backend_util.Conv3DInfo): Axis[] {
  const depth = {
    size: info.inDepth,
    window: info.filterDepth,
    stride: info.strideDepth,
    dilation: info.dilationDepth,
    before: info.padInfo.front,
    out: info.outDepth,
  };
  return [depth, ...planeOf(info as unknown as tf.backend_util.Conv2DInfo)];
}

/** The padding after the image that the last window reaches into. */
export function after(
  { size, window, stride, dilation, before, out }: Axis,
): number {
  const reach = (out - 1) * stride + (window - 1) * dilation + 1;
  return Math.max(0, reach - size - before);
}

/**
 * For each cell of the window, in order, what lies there in every window:
 * `[batch, ...image, channels]` to tensors `[batch, ...windows, channels]`.
 */
export function cells(
  x: tf.Tensor,
  axes: readonly Axis[],
  fill: number,
): tf.Tensor[] {
  const paddings = axes.map((axis) =>
    [axis.before, after(axis)] as [number, number]
  );
  const padded = tf.pad(x, [[0, 0], ...paddings, [0, 0]], fill);
  const offsets = axes.reduce<number[][]>(
    (all, { window, dilation }) =>
      all.flatMap((offset) =>
        Array.from({ length: window }, (_, i) => [...offset, i * dilation])
      ),
    [[]],
  );
  const batch = x.shape[0]!;
  const channels = x.shape[x.rank - 1]!;
  const strides = [1, ...axes.map(({ stride }) => stride), 1];
  return offsets.map((offset) => {
    const sizes = axes.map(({ stride, out }) => (out - 1) * stride + 1);
    const begin = [0, ...offset, 0];
    if (strides.every((stride) => stride === 1)) {
      return tf.slice(padded, begin, [batch, ...sizes, channels]);
    }
    const end = sizes.map((size, i) => offset[i]! + size);
    return tf.stridedSlice(padded, begin, [batch, ...end, channels], strides);
  });
}

/** Of `choices`, the one whose `value` is the `best`: the first of several. */
export function atBest(
  values: readonly tf.Tensor[],
  best: tf.Tensor,
  choices: readonly tf.Tensor[],
): tf.Tensor {
  let picked = tf.zerosLike(best);
  let open = tf.onesLike(best);
  values.forEach((value, i) => {
    const hit = tf.mul(open, tf.cast(tf.equal(value, best), "float32"));
    picked = tf.add(picked, tf.mul(hit, choices[i]!));
    open = tf.sub(open, hit);
  });
  return picked;
}
