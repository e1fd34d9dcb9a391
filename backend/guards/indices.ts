/**
 * Indices are checked before they are used, where they can be read: tfjs' kernels
 * would read or write past the tensor, or take 0 for what is not there.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { recording } from "../../internal/recording.ts";
import type { Check, KernelArgs } from "./guard.ts";

/** A kernel with indices: one for each of the first axes of a shape. */
interface Indexed {
  readonly action: string;
  /** The name of the input that holds the indices. */
  readonly indices: string;
  /** The lengths of the axes. */
  readonly shape: (args: KernelArgs) => readonly number[];
}

function shapeOf(name: string): Indexed["shape"] {
  return ({ inputs }) => (inputs[name] as tf.TensorInfo).shape;
}

function option<T>({ attrs }: KernelArgs, name: string): T {
  return attrs![name] as T;
}

const KERNELS: Readonly<Record<string, Indexed>> = {
  GatherV2: {
    action: "gather",
    indices: "indices",
    // All indices are of one axis.
    shape: (args) => {
      const { shape } = args.inputs["x"] as tf.TensorInfo;
      return [shape.at(option<number>(args, "axis"))!];
    },
  },
  GatherNd: {
    action: "gatherND",
    indices: "indices",
    shape: shapeOf("params"),
  },
  CropAndResize: {
    action: "cropAndResize",
    indices: "boxInd",
    shape: (args) => shapeOf("image")(args).slice(0, 1),
  },
  ScatterNd: {
    action: "scatterND",
    indices: "indices",
    shape: (args) => option(args, "shape"),
  },
  TensorScatterUpdate: {
    action: "tensorScatterUpdate",
    indices: "indices",
    shape: shapeOf("tensor"),
  },
  SparseToDense: {
    action: "sparseToDense",
    indices: "sparseIndices",
    shape: (args) => option(args, "outputShape"),
  },
};

/** The values of a tensor; undefined where they cannot be read at once. */
export type ReadValues = (x: tf.TensorInfo) => ArrayLike<number> | undefined;

/** The checks of kernels with indices, which are read by `read`. */
export function indexChecks(
  read: ReadValues,
): Readonly<Record<string, Check>> {
  return Object.fromEntries(
    Object.entries(KERNELS).map(([name, kernel]) => [name, (args) => {
      const given = args.inputs[kernel.indices] as tf.TensorInfo;
      const look = (values: ArrayLike<number>) => check(kernel, args, values);
      const now = () => {
        const values = read(given);
        if (values) look(values);
      };
      if (recording.now) recording.now.inspect(given, look, now);
      else now();
    }]),
  );
}

/** Whether all indices that can be read lie in the tensor. */
export function areInside(
  kernelName: string,
  args: KernelArgs,
  read: ReadValues,
): boolean {
  const kernel = KERNELS[kernelName]!;
  const values = read(args.inputs[kernel.indices] as tf.TensorInfo);
  return !values || firstOutside(kernel, args, values) === undefined;
}

function firstOutside(
  { indices, shape }: Indexed,
  args: KernelArgs,
  values: ArrayLike<number>,
): { axis: number; axes: number; most: number; id: number } | undefined {
  const given = args.inputs[indices] as tf.TensorInfo;
  const lengths = shape(args);
  const axes = lengths.length === 1 || given.shape.length < 2
    ? 1
    : given.shape.at(-1)!;
  for (let i = 0; i < values.length; i++) {
    const axis = i % axes, most = lengths[axis]!, id = values[i]!;
    if (!(id >= 0 && id < most)) return { axis, axes, most, id };
  }
  return undefined;
}

function check(
  kernel: Indexed,
  args: KernelArgs,
  values: ArrayLike<number>,
): void {
  const found = firstOutside(kernel, args, values);
  if (!found) return;
  const where = found.axes > 1 ? ` of axis ${found.axis}` : "";
  throw new RangeError(
    `Cannot ${kernel.action}: indices${where} must be in [0, ${found.most}): current value is ${found.id}`,
  );
}
