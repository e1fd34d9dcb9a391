import * as tf from "@tensorflow/tfjs-core";
import { strided } from "../../backend/strided.ts";
import { sumToShape } from "./broadcast.ts";
import {
  fromInputs,
  fromList,
  fromNothing,
  type Gradients,
  zeros,
} from "./rule.ts";
import { around, dilate } from "./strides.ts";

/** Kernels that only move values. */
export const shape: Gradients = {
  Identity: fromNothing((dy) => ({ x: () => tf.clone(dy) })),
  // Only a float result carries a gradient; rounding to integers is flat.
  Cast: fromInputs(["x"], (dy, { x }, { dtype }: tf.CastAttrs) => ({
    x: () => dtype === "float32" ? tf.clone(dy) : zeros(x.shape),
  })),
  Reshape: fromInputs(["x"], (dy, { x }) => ({
    x: () => tf.reshape(dy, x.shape),
  })),
  ExpandDims: fromInputs(["input"], (dy, { input }) => ({
    input: () => tf.reshape(dy, input.shape),
  })),
  Transpose: fromNothing((dy, { perm }: tf.TransposeAttrs) => ({
    x: () => tf.transpose(dy, tf.backend_util.getUndoAxesPermutation(perm)),
  })),
  Reverse: fromNothing((dy, { dims }: tf.ReverseAttrs) => ({
    x: () => tf.reverse(dy, dims),
  })),
  FlipLeftRight: fromNothing((dy) => ({
    image: () => tf.reverse(dy, 2),
  })),
  BroadcastTo: fromInputs(["x"], (dy, { x }) => ({
    x: () => sumToShape(dy, x.shape),
  })),
  Tile: fromInputs(["x"], (dy, { x }, { reps }: tf.TileAttrs) => ({
    x: () => {
      // From the last axis on, so that the axes before it are still repeated.
      let sum = dy;
      const sizes = [...dy.shape];
      for (let axis = reps.length - 1; axis >= 0; axis--) {
        if (reps[axis] === 1) continue;
        const [outer, inner] = around(sizes, axis);
        const size = x.shape[axis]!;
        const blocks = [outer, reps[axis]!, size * inner];
        sum = tf.sum(tf.reshape(sum, blocks), 1);
        sizes[axis] = size;
      }
      return tf.reshape(sum, x.shape);
    },
  })),

  Slice: fromInputs(["x"], (dy, { x }, { begin, size }: tf.SliceAttrs) => ({
    x: () => {
      const [start] = tf.slice_util.parseSliceParams(x, begin, size);
      return place(dy, start as number[], x.shape);
    },
  })),
  StridedSlice: fromInputs(["x"], (dy, { x }, attrs: tf.StridedSliceAttrs) => ({
    x: () => {
      const { begin, strides, picked } = strided(x.shape, attrs);
      if (dy.size === 0) return zeros(x.shape);
      // As many axes as x has, those that were dropped with size 1.
      let spread: tf.Tensor = tf.reshape(dy, picked);
      const backward = strides.flatMap((step, i) => step < 0 ? [i] : []);
      if (backward.length > 0) spread = tf.reverse(spread, backward);
      strides.forEach((step, i) => spread = dilate(spread, i, Math.abs(step)));
      const start = begin.map((at, i) =>
        strides[i]! < 0 ? at + (picked[i]! - 1) * strides[i]! : at
      );
      return place(spread, start, x.shape);
    },
  })),
  PadV2: fromInputs(["x"], (dy, { x }, { paddings }: tf.PadV2Attrs) => ({
    x: () => tf.slice(dy, paddings.map(([before]) => before), x.shape),
  })),
  MirrorPad: fromInputs(
    ["x"],
    (dy, { x }, { paddings, mode }: tf.MirrorPadAttrs) => ({
      x: () =>
        paddings.reduce(
          (sum, [before, after], axis) =>
            before + after === 0 ? sum : unmirror(
              sum,
              axis,
              before,
              after,
              x.shape[axis]!,
              mode === "reflect" ? 1 : 0,
            ),
          tf.clone(dy),
        ),
    }),
  ),
  SpaceToBatchND: fromNothing(
    (dy, { blockShape, paddings }: tf.SpaceToBatchNDAttrs) => ({
      x: () => tf.batchToSpaceND(dy, blockShape, paddings),
    }),
  ),
  BatchToSpaceND: fromNothing(
    (dy, { blockShape, crops }: tf.BatchToSpaceNDAttrs) => ({
      x: () => tf.spaceToBatchND(dy, blockShape, crops),
    }),
  ),
  DepthToSpace: fromInputs(
    ["x"],
    (dy, { x }, { blockSize, dataFormat }: tf.DepthToSpaceAttrs) => ({
      x: () => spaceToDepth(dy, x.shape, blockSize, dataFormat),
    }),
  ),
  Diag: fromInputs(["x"], (dy, { x }) => ({
    x: () => {
      // The diagonal of [n, n] is the first column of [n, n + 1].
      const n = x.size;
      const rows = tf.reshape(
        tf.pad(tf.reshape(dy, [n * n]), [[0, n]]),
        [n, n + 1],
      );
      return tf.reshape(tf.slice(rows, [0, 0], [n, 1]), x.shape);
    },
  })),

  Concat: fromList((dy, inputs, { axis }: tf.ConcatAttrs) => {
    const along = tf.util.parseAxisParam(axis, dy.shape)[0]!;
    let start = 0;
    return Object.fromEntries(inputs.map((input, i) => {
      const begin = dy.shape.map((_, d) => d === along ? start : 0);
      start += input.shape[along]!;
      return [i, () => tf.slice(dy, begin, input.shape)];
    }));
  }),
  SplitV: {
    gradFunc: (dys, _, attrs) => ({
      x: () => tf.concat(list(dys), (attrs as unknown as tf.SplitVAttrs).axis),
    }),
  },
  Pack: fromList((dy, inputs, { axis }: tf.PackAttrs) => {
    const parts = tf.unstack(dy, axis);
    return Object.fromEntries(inputs.map((_, i) => [i, () => parts[i]!]));
  }),
  Unpack: {
    gradFunc: (dys, _, attrs) => ({
      value: () =>
        tf.stack(list(dys), (attrs as unknown as tf.UnpackAttrs).axis),
    }),
  },
};

/** tfjs passes the gradient of an only output without a list around it. */
function list(dys: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(dys) ? dys : [dys];
}

/** Zeros of `shape` with `part` in them at `begin`. */
function place(part: tf.Tensor, begin: number[], shape: number[]): tf.Tensor {
  if (part.rank === 0) return tf.clone(part);
  return tf.pad(
    part,
    shape.map((n, i) => [begin[i]!, n - begin[i]! - part.shape[i]!]),
  );
}

/** Folds what was reflected at both ends of an axis of `size` back onto it. */
function unmirror(
  dy: tf.Tensor,
  axis: number,
  before: number,
  after: number,
  size: number,
  skipped: number,
): tf.Tensor {
  const range = (start: number, length: number) =>
    tf.slice(
      dy,
      dy.shape.map((_, i) => i === axis ? start : 0),
      dy.shape.map((n, i) => i === axis ? length : n),
    );
  const shape = dy.shape.map((n, i) => i === axis ? size : n);
  const at = (start: number) => shape.map((_, i) => i === axis ? start : 0);
  const folded = (start: number, length: number, to: number) =>
    place(tf.reverse(range(start, length), axis), at(to), shape);
  let sum = range(before, size);
  if (before > 0) sum = tf.add(sum, folded(0, before, skipped));
  if (after > 0) {
    const end = folded(before + size, after, size - after - skipped);
    sum = tf.add(sum, end);
  }
  return sum;
}

/** Blocks of pixels back to channels. */
function spaceToDepth(
  dy: tf.Tensor,
  shape: number[],
  block: number,
  dataFormat: "NHWC" | "NCHW",
): tf.Tensor {
  const [batch, a, b, c] = shape as [number, number, number, number];
  if (dataFormat === "NCHW") {
    const last = tf.transpose(dy, [0, 2, 3, 1]);
    const y = spaceToDepth(last, [batch, b, c, a], block, "NHWC");
    return tf.transpose(y, [0, 3, 1, 2]);
  }
  // The channels of a row of a block move together.
  const rows = tf.reshape(dy, [batch * a, block, b, c / block]);
  return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), shape);
}
