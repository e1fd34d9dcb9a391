/**
 * Element types of ops that take several tensors, the same on every backend: they
 * become the smallest type that holds all of them, as in `tf.add`: bool, then int32,
 * then float32, then complex64.
 *
 * tfjs 4.22 takes the type of the first tensor for the others' bits, or fails.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "./kernel.ts";

/** Kernels, and which of their inputs must have one type; without a list all. */
const KERNELS: Readonly<Record<string, readonly string[] | undefined>> = {
  [tf.Concat]: undefined,
  [tf.Pack]: undefined,
  [tf.Prelu]: undefined,
  [tf.Select]: ["t", "e"],
};

/** Kernels that compute with float32 only, and which of their inputs; without a list all. */
const OF_FLOATS: Readonly<Record<string, readonly string[] | undefined>> = {
  [tf.Acos]: undefined,
  [tf.Acosh]: undefined,
  [tf.Asin]: undefined,
  [tf.Asinh]: undefined,
  [tf.Atan]: undefined,
  [tf.Atan2]: undefined,
  [tf.Atanh]: undefined,
  [tf.Cosh]: undefined,
  [tf.CropAndResize]: ["image", "boxes"],
  [tf.FusedBatchNorm]: undefined,
  [tf.LRN]: undefined,
  [tf.Sinh]: undefined,
};

/** The smallest type that holds all of some types. */
export function commonType(types: readonly tf.DataType[]): tf.DataType {
  return types.reduce((a, b) => tf.upcastType(a, b));
}

/** Make these kernels of a backend take tensors of several types. */
export function upcastInputs(backendName: string): void {
  for (const [name, inputs] of Object.entries(KERNELS)) {
    replaceKernel(
      backendName,
      name,
      (shipped) => withOneType(shipped, inputs),
      "types",
    );
  }
  for (const [name, inputs] of Object.entries(OF_FLOATS)) {
    replaceKernel(
      backendName,
      name,
      (shipped) => withFloats(shipped, inputs),
      "types",
    );
  }
}

function withFloats(
  shipped: KernelFunc,
  only?: readonly string[],
): KernelFunc {
  return (args) => {
    const entries = Object.entries(args.inputs as Record<string, tf.Tensor>)
      .filter(([name, x]) => x && (only?.includes(name) ?? true));
    if (entries.every(([, x]) => x.dtype === "float32")) return shipped(args);
    return tf.tidy(() => {
      const inputs = { ...args.inputs };
      for (const [name, x] of entries) inputs[name] = tf.cast(x, "float32");
      return shipped({ ...args, inputs }) as tf.Tensor;
    });
  };
}

function withOneType(
  shipped: KernelFunc,
  only?: readonly string[],
): KernelFunc {
  return (args) => {
    const names = only ?? Object.keys(args.inputs);
    const given = names.map((name) => args.inputs[name] as tf.Tensor);
    const types = given.map(({ dtype }) => dtype);
    if (types.every((type) => type === types[0])) return shipped(args);
    const type = commonType(types);
    return tf.tidy(() => {
      // A list of inputs is an array.
      const inputs = Array.isArray(args.inputs)
        ? [...args.inputs] as unknown as tf.NamedTensorInfoMap
        : { ...args.inputs };
      names.forEach((name, i) => inputs[name] = tf.cast(given[i]!, type));
      return shipped({ ...args, inputs }) as tf.Tensor;
    });
  };
}
