/**
 * Kernels that do something to each axis, for tensors of more axes than tfjs' have.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../kernel.ts";

const { sizeFromShape } = tf.util;

/** The most axes that tfjs' kernels have. */
const MOST = 4;

/** The shipped kernel returns zeros from rank 5 on: so one axis at a time. */
export function padByAxis(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    if (x.rank <= MOST) return shipped(args);
    const { paddings, constantValue } = args.attrs as unknown as tf.PadV2Attrs;
    return byAxis(
      x,
      padded(paddings),
      (flat, axis) =>
        tf.pad(flat, [[0, 0], paddings[axis]!, [0, 0]], constantValue),
    );
  };
}

/** The shipped kernel has an invalid shader from rank 5 on: so one axis at a time. */
export function mirrorByAxis(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    if (x.rank <= MOST) return shipped(args);
    const { paddings, mode } = args.attrs as unknown as tf.MirrorPadAttrs;
    return byAxis(
      x,
      padded(paddings),
      (flat, axis) =>
        tf.mirrorPad(flat, [[0, 0], paddings[axis]!, [0, 0]], mode),
    );
  };
}

/** The shipped kernel throws from rank 5 on: so one axis at a time. */
export function reverseByAxis(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    if (x.rank <= MOST) return shipped(args);
    const { dims } = args.attrs as unknown as tf.ReverseAttrs;
    const axes = tf.util.parseAxisParam(dims, x.shape);
    return byAxis(x, axes, (flat) => tf.reverse(flat, 1));
  };
}

/** The axes that get something before or after. */
function padded(paddings: readonly [number, number][]): number[] {
  return paddings.flatMap(([before, after], axis) =>
    before + after > 0 ? [axis] : []
  );
}

/** Runs `run` for each of `axes` on `[all before, axis, all after]`. */
function byAxis(
  x: tf.Tensor,
  axes: readonly number[],
  run: (flat: tf.Tensor3D, axis: number) => tf.Tensor,
): tf.Tensor {
  return tf.tidy(() => {
    let y = tf.clone(x);
    for (const axis of axes) {
      const { shape } = y;
      const flat: tf.Tensor3D = tf.reshape(y, [
        sizeFromShape(shape.slice(0, axis)),
        shape[axis]!,
        sizeFromShape(shape.slice(axis + 1)),
      ]);
      const made = run(flat, axis);
      y = tf.reshape(made, shape.with(axis, made.shape[1]!));
    }
    return y;
  });
}
