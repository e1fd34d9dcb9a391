/**
 * Kernels that only move values.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  axesOfAll,
  axisOfAll,
  byExample,
  type Call,
  only,
  type Rule,
  type Rules,
  same,
} from "./call.ts";

/** The kernel itself, with settings that `changes` makes; it knows the rank of an example. */
function change<A>(changes: (attrs: A, rank: number) => object): Rule {
  return same((call) => ({
    ...call.attrs,
    ...changes(call.attrs as A, only(call).shape.length),
  }));
}

/** Bits of a mask by axis, with one for the axis of examples. */
function mask(bits: number | undefined, examples: 0 | 1): number {
  return ((bits ?? 0) << 1) | examples;
}

/** The rules. */
export const shapes = (): Rules => ({
  Concat: change(({ axis }: tf.ConcatAttrs, rank) => ({
    axis: axisOfAll(axis, rank),
  })),
  Diag: byExample,
  ExpandDims: change(({ dim }: tf.ExpandDimsAttrs, rank) => ({
    dim: axisOfAll(dim, rank + 1),
  })),
  MirrorPad: change(({ paddings }: tf.MirrorPadAttrs) => ({
    paddings: [[0, 0], ...paddings],
  })),
  Pack: change(({ axis }: tf.PackAttrs, rank) => ({
    axis: axisOfAll(axis, rank + 1),
  })),
  PadV2: change(({ paddings }: tf.PadV2Attrs) => ({
    paddings: [[0, 0], ...paddings],
  })),
  Reshape: same((call) => ({ ...call.attrs, shape: shapeOf(call) })),
  Reverse: change(({ dims }: { dims?: number | number[] | null }, rank) => ({
    dims: axesOfAll(dims, rank),
  })),
  Slice: same((call) => {
    const { begin, size } = call.attrs as unknown as tf.SliceAttrs;
    const one = { shape: only(call).shape } as tf.Tensor;
    const [from, sizes] = tf.slice_util.parseSliceParams(one, begin, size);
    return { begin: [0, ...from!], size: [call.size, ...sizes!] };
  }),
  SplitV: change(({ axis }: tf.SplitVAttrs, rank) => ({
    axis: axisOfAll(axis, rank),
  })),
  StridedSlice: change((attrs: tf.StridedSliceAttrs) => ({
    begin: [0, ...attrs.begin],
    end: [0, ...attrs.end],
    strides: [1, ...attrs.strides],
    beginMask: mask(attrs.beginMask, 1),
    endMask: mask(attrs.endMask, 1),
    ellipsisMask: mask(attrs.ellipsisMask, 0),
    newAxisMask: mask(attrs.newAxisMask, 0),
    shrinkAxisMask: mask(attrs.shrinkAxisMask, 0),
  })),
  Tile: change(({ reps }: tf.TileAttrs) => ({ reps: [1, ...reps] })),
  Transpose: change(({ perm }: tf.TransposeAttrs) => ({
    perm: [0, ...perm.map((axis) => axis + 1)],
  })),
  Unpack: change(({ axis }: tf.UnpackAttrs, rank) => ({
    axis: axisOfAll(axis, rank),
  })),
});

/** The shape of all examples, in which an axis may be -1: what is left. */
function shapeOf(call: Call): number[] {
  const { shape } = only(call);
  const to = call.attrs["shape"] as number[];
  const size = tf.util.sizeFromShape([...shape]);
  return [call.size, ...tf.util.inferFromImplicitShape(to, size)];
}
