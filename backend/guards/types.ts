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
import type { Detour } from "./guard.ts";

/** Kernels, and which of their inputs must have one type; without a list all. */
const OF_ONE_TYPE: Readonly<Record<string, readonly string[] | undefined>> = {
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

/** Kernels that take tensors of several types. */
export const TYPES: Readonly<Record<string, Detour>> = {
  ...fromLists(OF_ONE_TYPE, withOneType),
  ...fromLists(OF_FLOATS, withFloats),
};

function fromLists(
  lists: Readonly<Record<string, readonly string[] | undefined>>,
  detour: (only?: readonly string[]) => Detour,
): Record<string, Detour> {
  return Object.fromEntries(
    Object.entries(lists).map(([name, only]) => [name, detour(only)]),
  );
}

function withFloats(only?: readonly string[]): Detour {
  return (args, run) => {
    const given = args.inputs as Record<string, tf.Tensor | undefined>;
    const others = (only ?? Object.keys(given)).filter((name) =>
      given[name] && given[name].dtype !== "float32"
    );
    if (others.length === 0) return run(args);
    return tf.tidy(() => {
      const inputs = { ...args.inputs };
      for (const name of others) {
        inputs[name] = tf.cast(given[name]!, "float32");
      }
      return run({ ...args, inputs }) as tf.Tensor;
    });
  };
}

function withOneType(only?: readonly string[]): Detour {
  return (args, run) => {
    const names = only ?? Object.keys(args.inputs);
    const given = args.inputs as Record<string, tf.Tensor>;
    const { dtype } = given[names[0]!]!;
    if (names.every((name) => given[name]!.dtype === dtype)) return run(args);
    const type = commonType(names.map((name) => given[name]!.dtype));
    return tf.tidy(() => {
      // A list of inputs is an array.
      const inputs = Array.isArray(args.inputs)
        ? [...args.inputs] as unknown as tf.NamedTensorInfoMap
        : { ...args.inputs };
      for (const name of names) inputs[name] = tf.cast(given[name]!, type);
      return run({ ...args, inputs }) as tf.Tensor;
    });
  };
}
