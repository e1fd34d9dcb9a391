/**
 * The loop that asks and tells until a search has converged.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import type { BatchOf, CandidateOf } from "./bounds.ts";
import { callInScope } from "./in_scope.ts";
import type { Strategy } from "./strategy.ts";

/** A value of a function to minimize: a number, or a tensor with one element. */
export type Value = number | tf.Tensor;

/** The value of a candidate; NaN if it failed. */
export type CandidateFunction<B> = (
  candidate: CandidateOf<B>,
) => Value | PromiseLike<Value>;

/** The values of a batch of candidates; NaN for one that failed. */
export type BatchFunction<B> = (
  batch: BatchOf<B>,
) =>
  | ArrayLike<number>
  | tf.Tensor
  | PromiseLike<ArrayLike<number> | tf.Tensor>;

/** Where a search stands. */
export interface SearchProgress {
  /** The number of evaluations in this run. */
  readonly nEvaluations: number;
  /** The number of times that candidates were asked for in this run. */
  readonly nIterations: number;
  /** The least value so far; NaN if every evaluation has failed. */
  readonly value: number;
  /** The width of where it searches now, as a share of that of the bounds. */
  readonly spread: number;
}

/** Options of `minimize` and `minimizeBatch` of a search. */
export interface SearchRunOptions {
  /**
   * The greatest number of evaluations; the run ends before candidates that would
   * exceed it. Default: 1000 for each element of a candidate.
   */
  readonly budget?: number | undefined;
  /** The run ends when a value is as low as that. Default: -Infinity. */
  readonly target?: number | undefined;
  /**
   * The run ends when the candidates of the search lie within this share of the width
   * of the bounds. Default: 1e-8.
   */
  readonly tolerance?: number | undefined;
  /**
   * The run ends when the values that the search compares differ by no more than this
   * share of the greatest of them. Default: 1e-12, or 1e-6 where `fn` returns
   * tensors, whose float32 has no more digits.
   */
  readonly valueTolerance?: number | undefined;
  /**
   * Called after each time that values were told; the run ends if it returns `false`,
   * or a promise of that.
   */
  readonly callback?:
    | ((progress: SearchProgress) => unknown)
    | undefined;
}

/** The rules of {@linkcode SearchRunOptions}. */
export const RUN_RULES: OptionRules<SearchRunOptions> = {
  budget: "a positive integer",
  target: "a number",
  tolerance: "a nonnegative finite number",
  valueTolerance: "a nonnegative finite number",
  callback: callable,
};

/** The best candidate so far, and its value. */
export interface Best<B> {
  /** The candidate; the caller owns its tensors. */
  readonly x: CandidateOf<B>;
  /** Its value. */
  readonly value: number;
}

/** What a search has found. */
export interface SearchResult<B> extends Best<B> {
  /** The number of evaluations in this run. */
  readonly nEvaluations: number;
  /** The number of times that candidates were asked for in this run. */
  readonly nIterations: number;
  /** Whether it converged or reached the target. */
  readonly success: boolean;
  /** Why it ended. */
  readonly message: string;
}

/** What the loop needs of a search. */
interface Driven<B> {
  ask(): CandidateOf<B>[];
  askBatch(): BatchOf<B>;
  tell(values: ArrayLike<number>): void;
  best(): Best<B> | undefined;
  readonly spread: number;
}

/** What the loop needs besides. */
export interface Engine {
  /** What an error says cannot be done. */
  readonly action: string;
  /** The number of elements of a candidate. */
  readonly size: number;
  /** How the search goes about it. */
  readonly strategy: Strategy;
  /** The number of candidates that are asked for next. */
  readonly next: () => number;
  /** The least value so far. */
  readonly least: () => number;
}

/** Evaluates the candidates asked for: one by one, or all in one call. */
type Evaluator<B> =
  | { readonly each: CandidateFunction<B> }
  | { readonly all: BatchFunction<B> };

/** Ask and tell until something ends it. */
export async function drive<B>(
  search: Driven<B>,
  { action, size, strategy, next, least }: Engine,
  options: SearchRunOptions,
  evaluator: Evaluator<B>,
): Promise<SearchResult<B>> {
  const isEach = "each" in evaluator;
  check(action, "fn", isEach ? evaluator.each : evaluator.all, callable);
  checkOptions(action, options, RUN_RULES);
  const { budget = 1000 * size, target = -Infinity, callback } = options;
  const { tolerance = 1e-8 } = options;
  if (next() > budget) {
    const is = `at least the number of candidates asked for, ${next()}`;
    refuse(action, "budget", is, budget);
  }
  let nEvaluations = 0, nIterations = 0;
  const end = (success: boolean, message: string): SearchResult<B> => {
    const best = search.best();
    if (best) return { ...best, nEvaluations, nIterations, success, message };
    throw new Error(
      `Cannot ${action}: every evaluation failed: all ${nEvaluations} values are NaN`,
    );
  };
  while (nEvaluations + next() <= budget) {
    const { values, isFloat32 } = isEach
      ? await eachOf(action, search.ask(), evaluator.each)
      : await allOf(action, search.askBatch(), next(), evaluator.all);
    search.tell(values);
    nEvaluations += values.length;
    nIterations++;
    const { valueTolerance = isFloat32 ? 1e-6 : 1e-12 } = options;
    const value = least(), { spread } = search;
    const goesOn = callback
      ? await callback({ nEvaluations, nIterations, value, spread })
      : true;
    if (value <= target) return end(true, "the target is reached");
    if (goesOn === false) return end(false, "the callback has ended it");
    if (spread <= tolerance) {
      return end(true, "candidates lie within the tolerance");
    }
    if (areClose(strategy.values, valueTolerance)) {
      return end(true, "values differ by no more than the tolerance");
    }
  }
  return end(false, "the budget is spent");
}

/** Whether `values` are finite, and close in relation to the greatest of them. */
function areClose(values: ArrayLike<number>, tolerance: number): boolean {
  if (values.length === 0) return false;
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return Number.isFinite(high - low) &&
    high - low <= tolerance * Math.max(Math.abs(low), Math.abs(high));
}

/** Values of candidates, and whether they came as tensors. */
interface Evaluated {
  readonly values: Float64Array;
  readonly isFloat32: boolean;
}

async function eachOf<B>(
  action: string,
  candidates: CandidateOf<B>[],
  fn: CandidateFunction<B>,
): Promise<Evaluated> {
  const values = new Float64Array(candidates.length);
  let isFloat32 = false;
  try {
    for (let i = 0; i < values.length; i++) {
      const result = await callInScope(() => fn(candidates[i]!));
      if (result instanceof tf.Tensor) {
        isFloat32 = true;
        values[i] = (await read(action, result, 1))[0]!;
      } else {
        check(action, "what fn returns", result, "a number");
        values[i] = result;
      }
    }
  } finally {
    tf.dispose(candidates as tf.TensorContainer);
  }
  return { values, isFloat32 };
}

async function allOf<B>(
  action: string,
  batch: BatchOf<B>,
  count: number,
  fn: BatchFunction<B>,
): Promise<Evaluated> {
  try {
    const result = await callInScope(() => fn(batch));
    const isFloat32 = result instanceof tf.Tensor;
    const values = isFloat32 ? await read(action, result, count) : result;
    return { values: valuesOf(action, values, count), isFloat32 };
  } finally {
    tf.dispose(batch as tf.TensorContainer);
  }
}

/** The values of a tensor, which is freed. */
async function read(
  action: string,
  x: tf.Tensor,
  size: number,
): Promise<ArrayLike<number>> {
  try {
    if (x.size === size) return await x.data();
    const is = size === 1 ? "a tensor with one element" : `${size} values`;
    return refuse(action, "what fn returns", is, x);
  } finally {
    x.dispose();
  }
}

/** `count` numbers, one of which may be NaN. */
export function valuesOf(
  action: string,
  values: unknown,
  count: number,
): Float64Array {
  const list = values as ArrayLike<unknown>;
  const isList = Array.isArray(values) ||
    (ArrayBuffer.isView(values) && !(values instanceof DataView));
  if (!isList) {
    refuse(action, "values", "a list of numbers", values, TypeError);
  }
  if (list.length !== count) {
    refuse(action, "values", `${count} numbers`, `${list.length} of them`);
  }
  return Float64Array.from(list, (x, i) => {
    check(action, `values[${i}]`, x, "a number");
    return x as number;
  });
}
