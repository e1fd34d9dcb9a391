/**
 * Nests of tensors: what loops carry, take apart and stack.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../internal/check.ts";
import { isLocal, isThenable } from "../memory.ts";

/** A tensor, nothing, or lists and plain records of nests. */
export type TensorNest =
  | tf.Tensor
  | null
  | undefined
  | readonly TensorNest[]
  | { readonly [key: string]: TensorNest };

/** The rank of an item along the first axis. */
export interface RankBelow {
  /** Of rank 1. */
  [tf.Rank.R1]: tf.Rank.R0;
  /** Of rank 2. */
  [tf.Rank.R2]: tf.Rank.R1;
  /** Of rank 3. */
  [tf.Rank.R3]: tf.Rank.R2;
  /** Of rank 4. */
  [tf.Rank.R4]: tf.Rank.R3;
  /** Of rank 5. */
  [tf.Rank.R5]: tf.Rank.R4;
  /** Of rank 6. */
  [tf.Rank.R6]: tf.Rank.R5;
}

/** The rank of items stacked along a new first axis. */
export interface RankAbove {
  /** Of rank 0. */
  [tf.Rank.R0]: tf.Rank.R1;
  /** Of rank 1. */
  [tf.Rank.R1]: tf.Rank.R2;
  /** Of rank 2. */
  [tf.Rank.R2]: tf.Rank.R3;
  /** Of rank 3. */
  [tf.Rank.R3]: tf.Rank.R4;
  /** Of rank 4. */
  [tf.Rank.R4]: tf.Rank.R5;
  /** Of rank 5. */
  [tf.Rank.R5]: tf.Rank.R6;
}

/** One item of each tensor in `N` along its first axis. */
export type ItemOf<N> = TensorNest extends N ? TensorNest
  : N extends tf.Tensor<infer R> ? tf.Rank extends R ? tf.Tensor
    : R extends keyof RankBelow ? tf.Tensor<RankBelow[R]>
    : tf.Tensor
  : N extends object ? { [K in keyof N]: ItemOf<N[K]> }
  : N;

/** The items that `N` stands for, stacked along a new first axis. */
export type StackedOf<N> = TensorNest extends N ? TensorNest
  : N extends tf.Tensor<infer R> ? tf.Rank extends R ? tf.Tensor
    : R extends keyof RankAbove ? tf.Tensor<RankAbove[R]>
    : tf.Tensor
  : N extends object ? { [K in keyof N]: StackedOf<N[K]> }
  : N;

/** `N` with tensors of any rank, for functions whose result is checked when it is there. */
export type AnyRank<N> = TensorNest extends N ? TensorNest
  : N extends tf.Tensor ? tf.Tensor
  : N extends object ? { readonly [K in keyof N]: AnyRank<N[K]> }
  : N;

/** The tensors of a nest, in a list. */
export interface Flat {
  /** The tensors, records in the order of their sorted keys. */
  readonly leaves: readonly tf.Tensor[];
  /** Where each is, as in `".hidden[0]"`. */
  readonly paths: readonly string[];
  /** Equal for nests of the same form. */
  readonly form: string;
}

/**
 * The tensors in `nest`.
 *
 * @throws {TypeError} If it contains anything else, or a tensor that is disposed.
 */
export function flatten(action: string, name: string, nest: unknown): Flat {
  const leaves: tf.Tensor[] = [], paths: string[] = [];
  function visit(x: unknown, path: string): string {
    if (x instanceof tf.Tensor) {
      check(action, name + path, x, tensor);
      leaves.push(x);
      paths.push(path);
      return "tensor";
    }
    if (x === null || x === undefined) return "nothing";
    if (Array.isArray(x)) {
      return `[${x.map((item, i) => visit(item, `${path}[${i}]`)).join(", ")}]`;
    }
    if (isPlainRecord(x)) {
      const fields = sortedKeys(x).map((key) =>
        `${key}: ${visit(x[key], `${path}.${key}`)}`
      );
      return `{${fields.join(", ")}}`;
    }
    const rule = isThenable(x)
      ? "a nest of tensors, not a promise: the function must not be async"
      : "a tensor, or lists and plain records of tensors";
    return refuse(action, name + path, rule, x, TypeError);
  }
  const form = visit(nest, "");
  return { leaves, paths, form };
}

/** A nest of the form of `nest`, with `leaves` as its tensors. */
export function rebuild(
  nest: unknown,
  leaves: readonly tf.Tensor[],
): unknown {
  let next = 0;
  function visit(x: unknown): unknown {
    if (x instanceof tf.Tensor) return leaves[next++];
    if (Array.isArray(x)) return x.map(visit);
    if (!isPlainRecord(x)) return x;
    return Object.fromEntries(
      sortedKeys(x).map((key) => [key, visit(x[key])]),
    );
  }
  return visit(nest);
}

/** Throw unless `now` has the form, shapes and dtypes of `before`. */
export function checkSame(
  action: string,
  name: string,
  before: Flat,
  now: Flat,
): void {
  if (now.form !== before.form) {
    throw new TypeError(
      `Cannot ${action}: ${name} must keep its form ${before.form}: current form is ${now.form}`,
    );
  }
  before.leaves.forEach(({ shape, dtype }, i) => {
    const x = now.leaves[i]!;
    const isSameShape = tf.util.arraysEqual(shape, x.shape);
    if (isSameShape && x.dtype === dtype) return;
    refuse(
      action,
      name + now.paths[i],
      `a tensor of ${dtype} with shape [${shape}], as before`,
      x,
      isSameShape ? TypeError : RangeError,
    );
  });
}

/** A tensor as one that belongs to the open scope, and to nothing else. */
export function asNew(): (x: tf.Tensor) => tf.Tensor {
  const seen = new Set<tf.Tensor>();
  return (x) => {
    const isNew = isLocal(x) && !seen.has(x);
    seen.add(x);
    return isNew ? x : tf.clone(x);
  };
}

/** A kept tensor, as one that belongs to the open scope. */
export function handOver(x: tf.Tensor): tf.Tensor {
  const own = tf.clone(x);
  x.dispose();
  return own;
}

function isPlainRecord(x: unknown): x is Record<string, unknown> {
  return typeof x === "object" && x !== null &&
    Object.getPrototypeOf(x) === Object.prototype;
}

function sortedKeys(x: object): string[] {
  return Object.keys(x).sort();
}
