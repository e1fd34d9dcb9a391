/**
 * The function to minimize, of a vector.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { grad, hessianVectorProduct } from "../../autodiff/mod.ts";
import { refuse } from "../../internal/check.ts";
import { isThenable } from "../../memory.ts";
import type { Point } from "./method.ts";
import type { Held, Variables } from "./variables.ts";
import type { Vector } from "./vectors.ts";

/** The evaluations that were made. */
export interface Counts {
  /** How often the value was computed, with the gradient or without. */
  nEvaluations: number;
  /** How often the gradient was. */
  nGradients: number;
  /** How often a product with the Hessian was. */
  nHessianProducts: number;
}

/** A point, and the gradient there if it is known. */
export interface Found {
  /** The variables. */
  readonly x: Vector;
  /** The value. */
  readonly value: number;
  /** Its gradient. */
  readonly gradient: Vector | undefined;
}

/** Thrown when no more evaluations are allowed. */
export class BudgetSpent extends Error {}

/**
 * A function of held variables, of a vector. Each vector is rounded to float32 first,
 * as what the function sees is.
 */
export class Objective<X extends Variables> {
  /** The evaluations so far. */
  readonly counts: Counts = {
    nEvaluations: 0,
    nGradients: 0,
    nHessianProducts: 0,
  };
  /** The least finite value since this was last cleared. */
  best: Found | undefined;
  readonly #held: Held<X>;
  readonly #fn: () => tf.Tensor;
  readonly #budget: number;
  readonly #gradient: () => [tf.Tensor[], tf.Tensor];
  #product: ((vector: tf.Tensor[]) => tf.Tensor[]) | undefined;

  /** Minimize `fn` with at most that many evaluations. */
  constructor(held: Held<X>, fn: (x: X) => tf.Tensor, budget: number) {
    this.#held = held;
    this.#fn = () => checked(fn(held.argument));
    this.#budget = budget;
    this.#gradient = grad(this.#fn, {
      states: held.states,
      returnValue: true,
      checkStates: false,
    }) as () => [tf.Tensor[], tf.Tensor];
  }

  /** The value and the gradient. */
  async pointAt(given: Vector): Promise<Point> {
    const x = this.#begin(given);
    this.counts.nGradients++;
    const all = tf.tidy(() => {
      const [grads, value] = this.#gradient();
      return flat([value, ...grads]);
    });
    const [value, ...gradient] = await numbersOf(all);
    const point = { x, value: value!, gradient: Float64Array.from(gradient) };
    this.#note(point);
    return point;
  }

  /** The value alone; `Infinity` where it is not finite, so that no method goes there. */
  async valueAt(given: Float64Array): Promise<number> {
    const x = this.#begin(given);
    const all = tf.tidy(() => flat([this.#fn()]));
    const [value] = await numbersOf(all);
    this.#note({ x, value: value!, gradient: undefined });
    return Number.isFinite(value) ? value! : Infinity;
  }

  /** The product of the Hessian with a vector. */
  async hessianProduct(x: Vector, vector: Vector): Promise<Vector> {
    this.#product ??= hessianVectorProduct(
      this.#fn,
      this.#held.states,
    ) as unknown as (vector: tf.Tensor[]) => tf.Tensor[];
    this.#held.write(x);
    this.counts.nHessianProducts++;
    const all = tf.tidy(() => flat(this.#product!(this.#held.list(vector))));
    return Float64Array.from(await numbersOf(all));
  }

  #begin(given: Float64Array): Vector {
    if (this.counts.nEvaluations >= this.#budget) throw new BudgetSpent();
    this.counts.nEvaluations++;
    this.#held.write(given);
    return Float64Array.from(given, Math.fround);
  }

  #note(point: Found): void {
    const isLeast = point.value < (this.best?.value ?? Infinity);
    if (isLeast && Number.isFinite(point.value)) this.best = point;
  }
}

/** What the function has returned, if it is a value. */
function checked(value: unknown): tf.Tensor {
  const holds = value instanceof tf.Tensor && value.rank === 0 &&
    value.dtype === "float32";
  if (holds) return value;
  // A promise may be rejected later, when nobody waits for it.
  if (isThenable(value)) value.then(undefined, () => {});
  const is = "a scalar of float32";
  return refuse("minimize", "what fn returns", is, value, TypeError);
}

/** All elements of some tensors in one. */
function flat(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  return tf.concat1d(tensors.map((x) => tf.reshape<tf.Rank.R1>(x, [-1])));
}

async function numbersOf(x: tf.Tensor): Promise<number[]> {
  const values = await x.data();
  x.dispose();
  return [...values];
}
