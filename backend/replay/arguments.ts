/**
 * The arguments of compiled functions.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { mapTensors } from "../../memory.ts";

/** What a program expects of a tensor. */
interface TensorKind {
  /** The type of its elements. */
  readonly dtype: tf.DataType;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
}

/** The kind of an argument: of a tensor, or the argument itself. */
export type ArgumentKind = TensorKind | { readonly value: unknown };

function isObject(x: unknown): boolean {
  return typeof x === "function" || typeof x === "object" && x !== null;
}

/** The kinds of the arguments, if all are tensors or no objects. */
export function kindsOf(args: readonly unknown[]): ArgumentKind[] | undefined {
  const kinds: ArgumentKind[] = [];
  for (const x of args) {
    if (x instanceof tf.Tensor) kinds.push({ dtype: x.dtype, shape: x.shape });
    else if (isObject(x)) return undefined;
    else kinds.push({ value: x });
  }
  return kinds;
}

/** Whether the arguments are of these kinds. */
export function isAlike(
  args: readonly unknown[],
  kinds: readonly ArgumentKind[] | undefined,
): boolean {
  if (args.length !== kinds?.length) return false;
  for (let i = 0; i < args.length; i++) {
    const x = args[i], kind = kinds[i]!;
    if ("value" in kind) {
      if (!Object.is(x, kind.value)) return false;
      continue;
    }
    const { dtype, shape } = kind;
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

/** Run `fn` as it is: what it returns is new, and what else it makes is freed. */
export function runOnce<R>(fn: () => R, args: readonly unknown[]): R {
  const given = new Set(tensorsIn(args));
  return tf.tidy(() =>
    mapTensors(
      fn(),
      (x) => x.kept || given.has(x) ? tf.clone(x) : x,
    ) as tf.TensorContainer
  ) as R;
}
