/**
 * Bounds of what is searched, and the structure that they define.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../../internal/check.ts";

/** The least and the greatest value: of a number, or of each element of a tensor. */
export type Bound =
  | readonly [low: number, high: number]
  | readonly [low: tf.Tensor, high: tf.Tensor];

/** A pair of bounds, or lists and records of them, nested to any depth. */
export type Bounds =
  | Bound
  | readonly Bounds[]
  | { readonly [name: string]: Bounds };

/** What is searched: a number or a tensor in place of each pair of bounds. */
export type CandidateOf<B> = Bounds extends B ? unknown
  : B extends readonly [number, number] ? number
  : B extends readonly [infer T extends tf.Tensor, tf.Tensor] ? T
  : { -readonly [K in keyof B]: CandidateOf<B[K]> };

/** Several candidates as one: a tensor `[candidates, ...shape]` for each pair. */
export type BatchOf<B> = Bounds extends B ? unknown
  : B extends readonly [number, number] ? tf.Tensor1D
  : B extends readonly [tf.Tensor, tf.Tensor] ? tf.Tensor
  : { -readonly [K in keyof B]: BatchOf<B[K]> };

/** One pair of bounds, and where its elements are among all. */
interface Leaf {
  readonly path: string;
  /** The shape of the tensors; none for a number. */
  readonly shape: number[] | undefined;
  readonly offset: number;
  readonly size: number;
}

/** A pair of bounds replaced by its leaf. */
type Tree = Leaf[] | Leaf | { readonly [name: string]: Tree } | Tree[];

/**
 * The box that bounds describe, as a cube: point `u` of `[0, 1]ⁿ` is the candidate
 * `low + u (high - low)`.
 */
export class Space<B> {
  /** The number of elements. */
  readonly size: number;
  /** The least value of each element. */
  readonly low: Float64Array<ArrayBuffer>;
  /** The greatest value of each element. */
  readonly high: Float64Array<ArrayBuffer>;
  readonly #tree: Tree;

  /** Check `bounds`; `action` is what an error says cannot be done. */
  constructor(action: string, bounds: B) {
    const low: number[] = [], high: number[] = [];
    const add = (path: string, [from, to]: Bound): Leaf => {
      const offset = low.length;
      const [shape, a, b] = endsOf(action, path, from, to);
      a.forEach((x, i) => {
        const is = "finite, and the first below the second";
        const holds = Number.isFinite(x) && Number.isFinite(b[i]!) && x < b[i]!;
        if (!holds) refuse(action, path, is, [x, b[i]]);
        low.push(x);
        high.push(b[i]!);
      });
      return { path, shape, offset, size: low.length - offset };
    };
    this.#tree = grow(action, bounds, "bounds", add);
    this.size = low.length;
    this.low = Float64Array.from(low);
    this.high = Float64Array.from(high);
    if (this.size > 0) return;
    throw new RangeError(
      `Cannot ${action}: bounds must have at least one element: there is none`,
    );
  }

  /** The elements of the candidate at `point`. */
  values(point: Float64Array): Float64Array {
    const { low, high } = this;
    return point.map((u, i) =>
      Math.min(high[i]!, Math.max(low[i]!, low[i]! + u * (high[i]! - low[i]!)))
    );
  }

  /** The candidate at `point`; the caller owns its tensors. */
  candidate(point: Float64Array): CandidateOf<B> {
    const values = this.values(point);
    return map(
      this.#tree,
      ({ shape, offset, size }) =>
        shape
          ? tf.tensor(
            Float32Array.from(values.subarray(offset, offset + size)),
            shape,
            "float32",
          )
          : values[offset]!,
    ) as CandidateOf<B>;
  }

  /** The candidates at `points` as one; the caller owns its tensors. */
  batch(points: readonly Float64Array[]): BatchOf<B> {
    const values = points.map((point) => this.values(point));
    return map(this.#tree, ({ shape = [], offset, size }) => {
      const all = new Float32Array(points.length * size);
      values.forEach((x, i) =>
        all.set(x.subarray(offset, offset + size), i * size)
      );
      return tf.tensor(all, [points.length, ...shape], "float32");
    }) as BatchOf<B>;
  }

  /** The point of a candidate, which must be inside of the bounds. */
  point(action: string, name: string, x: unknown): Float64Array<ArrayBuffer> {
    const point = new Float64Array(this.size);
    const { low, high } = this;
    match(action, this.#tree, x, name, ({ shape, offset, size }, x, path) => {
      const values = elements(action, path, x, shape);
      for (let i = offset; i < offset + size; i++) {
        const value = values[i - offset]!;
        if (!(value >= low[i]! && value <= high[i]!)) {
          refuse(action, path, `in [${low[i]}, ${high[i]}]`, value);
        }
        point[i] = (value - low[i]!) / (high[i]! - low[i]!);
      }
    });
    return point;
  }
}

/** Whether `x` is a pair of numbers, or of tensors. */
export function isBound(x: unknown): x is Bound {
  if (!Array.isArray(x) || x.length !== 2) return false;
  const of = (test: (x: unknown) => boolean) => test(x[0]) || test(x[1]);
  return of((x) => typeof x === "number") || of((x) => x instanceof tf.Tensor);
}

/** The shape of a pair of bounds, and the elements of both. */
function endsOf(
  action: string,
  path: string,
  from: number | tf.Tensor,
  to: number | tf.Tensor,
): [
  shape: number[] | undefined,
  low: ArrayLike<number> & number[],
  high: number[],
] {
  if (!(from instanceof tf.Tensor) && !(to instanceof tf.Tensor)) {
    check(action, `${path}[0]`, from, "a number");
    check(action, `${path}[1]`, to, "a number");
    return [undefined, [from], [to]];
  }
  const [low, high] = [from, to].map((x, i) => {
    check(action, `${path}[${i}]`, x, tensor);
    const { dtype } = x as tf.Tensor;
    if (dtype !== "float32") {
      refuse(action, `${path}[${i}]`, "a tensor of float32", x, TypeError);
    }
    return x as tf.Tensor;
  }) as [tf.Tensor, tf.Tensor];
  if (!tf.util.arraysEqual(low.shape, high.shape)) {
    refuse(action, `${path}[1]`, `of shape [${low.shape}]`, high);
  }
  return [low.shape, [...low.dataSync()], [...high.dataSync()]];
}

/** The elements of a number or tensor of some shape. */
function elements(
  action: string,
  path: string,
  x: unknown,
  shape: number[] | undefined,
): ArrayLike<number> {
  if (!shape) {
    check(action, path, x, "a number");
    return [x as number];
  }
  check(action, path, x, tensor);
  const of = x as tf.Tensor;
  if (!tf.util.arraysEqual(of.shape, shape)) {
    refuse(action, path, `of shape [${shape}]`, of);
  }
  return of.dataSync();
}

function grow(
  action: string,
  bounds: unknown,
  path: string,
  add: (path: string, bound: Bound) => Leaf,
): Tree {
  if (isBound(bounds)) return add(path, bounds);
  if (Array.isArray(bounds)) {
    return bounds.map((x, i) => grow(action, x, `${path}[${i}]`, add));
  }
  const prototype = typeof bounds === "object" && bounds !== null &&
    Object.getPrototypeOf(bounds);
  if (prototype !== Object.prototype && prototype !== null) {
    const is = "a pair [low, high], or lists and records of pairs";
    refuse(action, path, is, bounds, TypeError);
  }
  return Object.fromEntries(
    Object.entries(bounds as object)
      .map(([name, x]) => [name, grow(action, x, `${path}.${name}`, add)]),
  );
}

function isLeaf(tree: Tree): tree is Leaf {
  return "offset" in tree && typeof tree.offset === "number";
}

function map(tree: Tree, fn: (leaf: Leaf) => unknown): unknown {
  if (isLeaf(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((x) => map(x, fn));
  return Object.fromEntries(
    Object.entries(tree).map(([name, x]) => [name, map(x as Tree, fn)]),
  );
}

function match(
  action: string,
  tree: Tree,
  x: unknown,
  path: string,
  fn: (leaf: Leaf, x: unknown, path: string) => void,
): void {
  if (isLeaf(tree)) return fn(tree, x, path);
  const names = Object.keys(tree);
  const isAlike = typeof x === "object" && x !== null &&
    Array.isArray(x) === Array.isArray(tree) &&
    Object.keys(x).length === names.length &&
    names.every((name) => Object.hasOwn(x, name));
  if (!isAlike) {
    refuse(action, path, "of the structure of the bounds", x, TypeError);
  }
  for (const name of names) {
    const at = Array.isArray(tree) ? `${path}[${name}]` : `${path}.${name}`;
    const values = x as Record<string, unknown>;
    match(action, (tree as Record<string, Tree>)[name]!, values[name], at, fn);
  }
}
