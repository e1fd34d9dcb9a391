/**
 * Kernels that move values without changing them: slices, joins, padding, tiling,
 * reversing and transposing.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { strided } from "../../strided.ts";
import { type Loop, move, permute, strides } from "./moves.ts";
import {
  alias,
  clear,
  output,
  pointer,
  replace,
  size,
  stockKernel,
  view,
  zeros,
} from "../machine/registry.ts";

/** Bytes of an element. */
function width(x: tf.TensorInfo): number {
  return tf.util.bytesPerElement(x.dtype);
}

/** Leave strings, which are no numbers in memory, to tfjs. */
function numeric<I extends string, A>(
  name: string,
  kernel: (
    inputs: Readonly<Record<I, tf.TensorInfo>>,
    attrs: A,
  ) => tf.TensorInfo | tf.TensorInfo[],
) {
  replace<I, A>(name, (args) => {
    const first = Object.values<tf.TensorInfo>(args.inputs)[0]!;
    if (first.dtype !== "string") return kernel(args.inputs, args.attrs);
    const stock = stockKernel(name) as unknown as (
      a: typeof args,
    ) => tf.TensorInfo;
    return stock(args);
  });
}

/** The box of `x` that begins at `begin`, every `step`th element. */
function box(
  x: tf.TensorInfo,
  begin: readonly number[],
  shape: readonly number[],
  step: readonly number[] = shape.map(() => 1),
): tf.TensorInfo {
  const out = output(shape, x.dtype), bytes = width(x);
  const inSteps = strides(x.shape, bytes), outSteps = strides(shape, bytes);
  const first = begin.reduce((at, b, i) => at + b * inSteps[i]!, pointer(x));
  const loops = shape.map((n, i) => ({
    n,
    in: inSteps[i]! * step[i]!,
    out: outSteps[i]!,
  }));
  move(first, pointer(out), loops, bytes);
  return out;
}

/** Put `x` into `out` at `begin`. */
function place(x: tf.TensorInfo, out: tf.TensorInfo, begin: readonly number[]) {
  const bytes = width(x), outSteps = strides(out.shape, bytes);
  const inSteps = strides(x.shape, bytes);
  const to = begin.reduce((at, b, i) => at + b * outSteps[i]!, pointer(out));
  const loops = x.shape.map((n, i) => ({
    n,
    in: inSteps[i]!,
    out: outSteps[i]!,
  }));
  move(pointer(x), to, loops, bytes);
}

function split(
  x: tf.TensorInfo,
  sizes: readonly number[],
  axis: number,
): tf.TensorInfo[] {
  let at = 0;
  return sizes.map((n) => {
    const begin = x.shape.map((_, i) => i === axis ? at : 0);
    at += n;
    return box(x, begin, x.shape.map((m, i) => i === axis ? n : m));
  });
}

function unpack(x: tf.TensorInfo, axis: number): tf.TensorInfo[] {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.filter((_, i) => i !== at);
  const ones = Array<number>(x.shape[at]!).fill(1);
  return split(x, ones, at).map(({ dataId, dtype }) => ({
    dataId,
    dtype,
    shape,
  }));
}

function concat(inputs: readonly tf.TensorInfo[], axis: number): tf.TensorInfo {
  const first = inputs[0]!, at = tf.util.parseAxisParam(axis, first.shape)[0]!;
  const shapes = inputs.map((x) => x.shape);
  tf.backend_util.assertParamsConsistent(shapes, at);
  const shape = tf.backend_util.computeOutShape(shapes, at);
  const some = inputs.filter((x) => size(x.shape) > 0);
  if (some.length === 1) return alias(some[0]!, shape);
  const out = output(shape, first.dtype);
  let from = 0;
  for (const x of some) {
    place(x, out, shape.map((_, i) => i === at ? from : 0));
    from += x.shape[at]!;
  }
  return out;
}

function pack(inputs: readonly tf.TensorInfo[], axis: number): tf.TensorInfo {
  const first = inputs[0]!,
    at = axis < 0 ? axis + first.shape.length + 1 : axis;
  for (const x of inputs) {
    tf.util.assertShapesMatch(
      x.shape,
      first.shape,
      "All tensors passed to stack must match",
    );
  }
  const flat = inputs.map((x) => ({
    dataId: x.dataId,
    dtype: x.dtype,
    shape: x.shape.toSpliced(at, 0, 1),
  }));
  return concat(flat, at);
}

function pad(
  x: tf.TensorInfo,
  paddings: readonly (readonly [number, number])[],
  value: number,
): tf.TensorInfo {
  const shape = x.shape.map((n, i) => n + paddings[i]![0] + paddings[i]![1]);
  if (paddings.every(([p, q]) => p === 0 && q === 0)) return alias(x);
  const out = output(shape, x.dtype);
  if (value === 0) clear(out);
  else view(out).fill(value);
  place(x, out, paddings.map(([before]) => before));
  return out;
}

function tile(x: tf.TensorInfo, reps: readonly number[]): tf.TensorInfo {
  const bytes = width(x),
    out = output(x.shape.map((n, i) => n * reps[i]!), x.dtype);
  const inSteps = strides(x.shape, bytes), outSteps = strides(out.shape, bytes);
  const loops = x.shape.flatMap((n, i): Loop[] => [
    { n: reps[i]!, in: 0, out: n * outSteps[i]! },
    { n, in: inSteps[i]!, out: outSteps[i]! },
  ]);
  move(pointer(x), pointer(out), loops, bytes);
  return out;
}

function reverse(
  x: tf.TensorInfo,
  dims: number | readonly number[],
): tf.TensorInfo {
  const axes = tf.util.parseAxisParam(dims as number[], x.shape);
  if (x.shape.length === 0) return alias(x);
  const begin = x.shape.map((n, i) =>
    axes.includes(i) ? Math.max(0, n - 1) : 0
  );
  return box(
    x,
    begin,
    x.shape,
    x.shape.map((_, i) => axes.includes(i) ? -1 : 1),
  );
}

function transpose(x: tf.TensorInfo, perm: readonly number[]): tf.TensorInfo {
  if (perm.every((axis, i) => axis === i)) return alias(x);
  const out = output(perm.map((axis) => x.shape[axis]!), x.dtype);
  permute(pointer(x), pointer(out), x.shape, perm, width(x));
  return out;
}

function stridedSlice(
  x: tf.TensorInfo,
  attrs: tf.StridedSliceAttrs,
): tf.TensorInfo {
  const { begin, strides, picked, shape, isIdentity } = strided(x.shape, attrs);
  if (isIdentity) return alias(x, shape);
  return { ...box(x, begin, picked, strides), shape };
}

/** Replace kernels that move data. */
export function registerLayout(): void {
  numeric<"x", unknown>("Identity", ({ x }) => alias(x));
  numeric<"x", { begin: number | number[]; size: number | number[] }>(
    "Slice",
    ({ x }, attrs) => {
      const [begin, shape] = tf.slice_util.parseSliceParams(
        x as tf.Tensor,
        attrs.begin,
        attrs.size,
      ) as [number[], number[]];
      tf.slice_util.assertParamsValid(x as tf.Tensor, begin, shape);
      return box(x, begin, shape);
    },
  );
  numeric<"x", tf.StridedSliceAttrs>(
    "StridedSlice",
    ({ x }, attrs) => stridedSlice(x, attrs),
  );
  numeric<"x", { numOrSizeSplits: number | number[]; axis: number }>(
    "SplitV",
    ({ x }, { numOrSizeSplits, axis }) => {
      const at = tf.util.parseAxisParam(axis, x.shape)[0]!;
      const sizes = tf.backend_util.prepareSplitSize(
        x as tf.Tensor,
        numOrSizeSplits,
        at,
      );
      return split(x, sizes, at);
    },
  );
  numeric<"value", { axis: number }>(
    "Unpack",
    ({ value }, { axis }) => unpack(value, axis),
  );
  numeric<string, { axis: number }>(
    "Concat",
    (inputs, { axis }) => concat(Object.values(inputs), axis),
  );
  numeric<string, { axis: number }>(
    "Pack",
    (inputs, { axis }) => pack(Object.values(inputs), axis),
  );
  numeric<"x", { paddings: [number, number][]; constantValue: number }>(
    "PadV2",
    ({ x }, { paddings, constantValue }) => pad(x, paddings, constantValue),
  );
  numeric<"x", { reps: number[] }>("Tile", ({ x }, { reps }) => tile(x, reps));
  numeric<"x", { dims: number | number[] }>(
    "Reverse",
    ({ x }, { dims }) => reverse(x, dims),
  );
  numeric<"x", { perm: number[] }>(
    "Transpose",
    ({ x }, { perm }) => transpose(x, perm),
  );
  numeric<"x", unknown>("ZerosLike", ({ x }) => zeros(x.shape, x.dtype));
}
