/**
 * The variables of a function: tensors or states, as one vector.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import { ParamState, State } from "../../state.ts";
import { type Bounds, isBound } from "../search/bounds.ts";
import type { Limits } from "./method.ts";
import type { Vector } from "./vectors.ts";

/** Where to start: tensors, or states, or lists and records of either. */
export type Variables =
  | tf.Tensor
  | State<tf.Tensor>
  | readonly Variables[]
  | { readonly [name: string]: Variables };

/** Tensors in the structure of `X`. */
export type TensorsOf<X> = Variables extends X ? unknown
  : X extends State<infer T> ? T
  : X extends tf.Tensor ? X
  : { -readonly [K in keyof X]: TensorsOf<X[K]> };

const ACTION = "minimize";

/** One tensor or state, and where its elements are among all. */
interface Leaf {
  readonly path: string;
  readonly state: State<tf.Tensor>;
  readonly shape: number[];
  readonly offset: number;
  readonly size: number;
}

type Tree = Leaf | Tree[] | { readonly [name: string]: Tree };

/** Holds the variables in states, where functions read them. */
export class Held<X> {
  /** The number of elements. */
  readonly size: number;
  /** The states. */
  readonly states: State<tf.Tensor>[];
  /** Whether they are the caller's, and keep what was found. */
  readonly areStates: boolean;
  readonly #x0: X;
  readonly #tree: Tree;
  readonly #leaves: Leaf[] = [];
  readonly #before: tf.Tensor[] = [];
  /** States that were made for tensors. */
  readonly #own: State<tf.Tensor>[] = [];

  /** Hold the tensors or states of `x0`. */
  constructor(x0: X) {
    this.#x0 = x0;
    const seen = new Set<State<tf.Tensor>>();
    const kinds = new Set<boolean>();
    let offset = 0;
    const add = (x: tf.Tensor | State<tf.Tensor>, path: string): Leaf => {
      const isState = x instanceof State;
      kinds.add(isState);
      const given = isState ? x.value : x;
      check(ACTION, path, given, tensor);
      if (given.dtype !== "float32") {
        refuse(ACTION, path, "of float32", given, TypeError);
      }
      if (isState && seen.has(x)) {
        refuse(ACTION, path, "a state that x0 has once", x, TypeError);
      }
      if (x instanceof ParamState && x.frozen) {
        refuse(ACTION, path, "a state that is not frozen", x, TypeError);
      }
      const state = isState ? x : new State<tf.Tensor>(given);
      if (!isState) this.#own.push(state);
      seen.add(state);
      const { shape, size } = given;
      const leaf = { path, state, shape: [...shape], offset, size };
      this.#leaves.push(leaf);
      offset += size;
      return leaf;
    };
    try {
      this.#tree = grow(x0, "x0", add);
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.size = offset;
    this.states = this.#leaves.map(({ state }) => state);
    this.areStates = kinds.has(true);
    this.#before.push(...this.states.map((state) => tf.clone(state.value)));
    if (kinds.size === 1 && offset > 0) return;
    this.dispose();
    throw new TypeError(
      `Cannot ${ACTION}: x0 must have ${
        kinds.size === 2
          ? "tensors or states, not both"
          : "at least one element: there is none"
      }`,
    );
  }

  /** What the function takes: tensors in the structure of `x0`, or its states. */
  get argument(): X {
    if (this.areStates) return this.#x0;
    return map(this.#tree, ({ state }) => state.value) as X;
  }

  /** The elements of all variables. */
  async read(): Promise<Vector> {
    const all = await Promise.all(this.#before.map((x) => x.data()));
    return Float64Array.from(all.flatMap((values) => [...values]));
  }

  /** Give the variables other values. */
  write(x: Float64Array): void {
    scope(() => {
      this.#leaves.forEach(({ state }, i) => state.value = this.#tensor(x, i));
    });
  }

  /** New tensors in the structure of `x0`. */
  tensors(x: Float64Array): TensorsOf<X> {
    return map(
      this.#tree,
      (leaf) => this.#tensor(x, this.#leaves.indexOf(leaf)),
    ) as TensorsOf<X>;
  }

  /** New tensors with the elements of `x`, one for each leaf. */
  list(x: Float64Array): tf.Tensor[] {
    return this.#leaves.map((_, i) => this.#tensor(x, i));
  }

  #tensor(x: Float64Array, i: number): tf.Tensor {
    const { offset, size, shape } = this.#leaves[i]!;
    const values = Float32Array.from(x.subarray(offset, offset + size));
    return tf.tensor(values, shape, "float32");
  }

  /** The bounds of all elements, rounded to float32. */
  async limits(bounds: Bounds | undefined): Promise<Limits> {
    const low = new Float64Array(this.size).fill(-Infinity);
    const high = new Float64Array(this.size).fill(Infinity);
    const pairs: [Leaf, readonly unknown[], string][] = [];
    if (bounds !== undefined) {
      const add = (...pair: typeof pairs[number]) => pairs.push(pair);
      match(this.#tree, bounds, "bounds", add);
    }
    for (const [{ offset, size, shape }, pair, path] of pairs) {
      for (const [side, values] of [low, high].entries()) {
        const found = await endOf(pair[side], shape, `${path}[${side}]`);
        if (typeof found === "number") {
          values.fill(found, offset, offset + size);
        } else values.set(found, offset);
      }
      for (let i = offset; i < offset + size; i++) {
        if (low[i]! <= high[i]!) continue;
        const is = "numbers of which the first is at most the second";
        refuse(ACTION, path, is, [low[i], high[i]]);
      }
    }
    return { low, high };
  }

  /** Throw if `x` is not finite, or beyond its limits. */
  check(x: Vector, { low, high }: Limits): void {
    for (const { path, offset, size } of this.#leaves) {
      for (let i = offset; i < offset + size; i++) {
        const is = low[i] === -Infinity && high[i] === Infinity
          ? "finite"
          : `finite and in [${low[i]}, ${high[i]}]`;
        const holds = Number.isFinite(x[i]) && x[i]! >= low[i]! &&
          x[i]! <= high[i]!;
        if (!holds) refuse(ACTION, path, is, x[i]);
      }
    }
  }

  /** Give states of the caller's the values that they came with. */
  restore(): void {
    if (!this.areStates) return;
    this.states.forEach((state, i) => state.value = this.#before[i]!);
  }

  /** Free what was held. */
  dispose(): void {
    tf.dispose(this.#before);
    for (const state of this.#own) state.dispose();
  }
}

/** One end of a pair of bounds: a number, or those of a tensor. */
async function endOf(
  x: unknown,
  shape: number[],
  path: string,
): Promise<number | ArrayLike<number>> {
  if (typeof x === "number") return Math.fround(x);
  const isAlike = x instanceof tf.Tensor && x.dtype === "float32" &&
    tf.util.arraysEqual(x.shape, shape);
  if (isAlike) return await x.data();
  const is = `a number, or a tensor of float32 of shape [${shape}]`;
  return refuse(ACTION, path, is, x, TypeError);
}

function grow(
  x: unknown,
  path: string,
  leaf: (x: tf.Tensor | State<tf.Tensor>, path: string) => Leaf,
): Tree {
  if (x instanceof tf.Tensor || x instanceof State) return leaf(x, path);
  if (Array.isArray(x)) {
    return x.map((child, i) => grow(child, `${path}[${i}]`, leaf));
  }
  const prototype = typeof x === "object" && x !== null &&
    Object.getPrototypeOf(x);
  if (prototype !== Object.prototype && prototype !== null) {
    const is = "a tensor or a state, or lists and records of them";
    refuse(ACTION, path, is, x, TypeError);
  }
  return Object.fromEntries(
    Object.entries(x as object)
      .map(([name, child]) => [name, grow(child, `${path}.${name}`, leaf)]),
  );
}

function isLeaf(tree: Tree): tree is Leaf {
  return "state" in tree && tree.state instanceof State;
}

function map(tree: Tree, fn: (leaf: Leaf) => unknown): unknown {
  if (isLeaf(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((x) => map(x, fn));
  return Object.fromEntries(
    Object.entries(tree).map(([name, x]) => [name, map(x, fn)]),
  );
}

/** Finds the pair of bounds of each leaf; one pair counts for all below it. */
function match(
  tree: Tree,
  bounds: unknown,
  path: string,
  fn: (leaf: Leaf, bound: readonly unknown[], path: string) => void,
): void {
  if (isBound(bounds)) {
    map(tree, (leaf) => fn(leaf, bounds, path));
    return;
  }
  const isAlike = !isLeaf(tree) && typeof bounds === "object" &&
    bounds !== null && Array.isArray(bounds) === Array.isArray(tree) &&
    `${Object.keys(bounds).sort()}` === `${Object.keys(tree).sort()}`;
  if (!isAlike) {
    const is =
      "a pair [low, high] of numbers or tensors, or such pairs in the structure of x0";
    refuse(ACTION, path, is, bounds, TypeError);
  }
  for (const [name, child] of Object.entries(tree)) {
    const at = Array.isArray(tree) ? `${path}[${name}]` : `${path}.${name}`;
    match(child, (bounds as Record<string, unknown>)[name], at, fn);
  }
}
