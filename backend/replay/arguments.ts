/**
 * The arguments of compiled functions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { mapTensors } from "../../memory.ts";

/** What a program expects of a tensor. */
export interface TensorKind {
  /** The type of its elements. */
  readonly dtype: tf.DataType;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
}

/** The kinds of the arguments, if all are tensors. */
export function kindsOf(args: readonly unknown[]): TensorKind[] | undefined {
  if (!args.every((x) => x instanceof tf.Tensor)) return undefined;
  return args.map(({ dtype, shape }) => ({ dtype, shape }));
}

/** Whether the arguments are tensors of these dtypes and shapes. */
export function isAlike(
  args: readonly unknown[],
  tensors: readonly TensorKind[] | undefined,
): boolean {
  if (args.length !== tensors?.length) return false;
  for (let i = 0; i < args.length; i++) {
    const x = args[i], { dtype, shape } = tensors[i]!;
    if (!(x instanceof tf.Tensor) || x.dtype !== dtype) return false;
    if (x.shape.length !== shape.length) return false;
    for (let axis = 0; axis < shape.length; axis++) {
      if (x.shape[axis] !== shape[axis]) return false;
    }
  }
  return true;
}

/** Numbers for functions and objects, by identity. */
const numbers = new WeakMap<object, number>();
let count = 0;

/** Equal for arguments that one program can be run on. */
export function keyOf(x: unknown): string {
  if (x instanceof tf.Tensor) return `${x.dtype}[${x.shape}]`;
  if (typeof x === "string") return JSON.stringify(x);
  if (typeof x === "symbol") return String(x);
  if (typeof x !== "function" && (typeof x !== "object" || x === null)) {
    return `${typeof x} ${Object.is(x, -0) ? "-0" : String(x)}`;
  }
  if (Array.isArray(x)) return `[${x.map(keyOf)}]`;
  if (Object.getPrototypeOf(x) === Object.prototype) {
    const entries = Object.entries(x);
    return `{${
      entries.map(([key, y]) => `${JSON.stringify(key)}:${keyOf(y)}`)
    }}`;
  }
  let number = numbers.get(x);
  if (number === undefined) numbers.set(x, number = ++count);
  return `#${number}`;
}

/** The tensors in arguments, in order. */
export function tensorsIn(args: readonly unknown[]): readonly tf.Tensor[] {
  if (args.every((x) => x instanceof tf.Tensor)) return args;
  const tensors: tf.Tensor[] = [];
  mapTensors([...args], (x) => {
    tensors.push(x);
    return x;
  });
  return tensors;
}
