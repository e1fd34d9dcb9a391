/**
 * The options and the result of `minimize`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  callable,
  oneOf,
  type OptionRules,
} from "../../internal/check.ts";
import { type RandomState, stream } from "../../random/state.ts";
import type { Bounds } from "../search/bounds.ts";
import type { TensorsOf } from "./variables.ts";

/** The methods that use gradients. */
export type GradientMethod = "l-bfgs" | "l-bfgs-b" | "bfgs" | "newton-cg";

/** The methods that use values only. */
export type ValueMethod =
  | "nelder-mead"
  | "cma-es"
  | "differential-evolution"
  | "particle-swarm"
  | "one-plus-one-es"
  | "random-search";

/** The methods of {@linkcode minimize}. */
export type MinimizeMethod = GradientMethod | ValueMethod;

/** Where `minimize` stands. */
export interface MinimizeProgress<X> {
  /**
   * The variables, in the structure of `x0`: tensors that are freed after the call, or
   * the states, which hold these values.
   */
  readonly x: X;
  /** The value there. */
  readonly value: number;
  /** The number of iterations since the start or restart. */
  readonly nIterations: number;
  /** The number of evaluations so far. */
  readonly nEvaluations: number;
}

/** Options of {@linkcode minimize}. */
export interface MinimizeOptions<X = unknown> {
  /** The method. Default: `"l-bfgs"`, or `"l-bfgs-b"` with bounds. */
  readonly method?: MinimizeMethod | undefined;
  /**
   * The least and greatest values, rounded to float32: a pair `[low, high]` of numbers,
   * or of tensors of the shape of a variable, for all variables, or in their
   * structure. `-Infinity` and `Infinity` are no bound. Default: none.
   */
  readonly bounds?: Bounds | undefined;
  /**
   * How many further times to start, each time from a point drawn between the bounds;
   * the best end counts. Default: 0.
   */
  readonly nRestarts?: number | undefined;
  /** The stream that is drawn from. Default: the default stream. */
  readonly random?: RandomState | undefined;
  /**
   * Methods with gradients end when no element of the gradient is above it (of the
   * step `P(x - g) - x`, with bounds); `"nelder-mead"` when neither the variables nor
   * the values of its vertices differ by more; other searches when their candidates
   * lie within this share of the width of the bounds. Default: 1e-5, 1e-4 and 1e-6.
   */
  readonly tolerance?: number | undefined;
  /**
   * The greatest number of iterations from each start. Default: 1000, 200 for each
   * element for `"nelder-mead"`, and none for other searches.
   */
  readonly maxIterations?: number | undefined;
  /**
   * The greatest number of evaluations in all. Default: none for methods with
   * gradients, 1000 for each element and start for others.
   */
  readonly budget?: number | undefined;
  /** How many steps `"l-bfgs"` and `"l-bfgs-b"` remember. Default: 10. */
  readonly memorySize?: number | undefined;
  /**
   * Called after each iteration; the present start ends, and no other begins, if it
   * returns `false`, or a promise of that.
   */
  readonly callback?: ((progress: MinimizeProgress<X>) => unknown) | undefined;
}

/** The names of all methods. */
const METHODS: readonly MinimizeMethod[] = [
  "l-bfgs",
  "l-bfgs-b",
  "bfgs",
  "newton-cg",
  "nelder-mead",
  "cma-es",
  "differential-evolution",
  "particle-swarm",
  "one-plus-one-es",
  "random-search",
];

/** The rules of {@linkcode MinimizeOptions}. */
export const MINIMIZE_RULES: OptionRules<MinimizeOptions> = {
  method: oneOf(...METHODS),
  bounds: anything,
  nRestarts: "a nonnegative integer",
  random: stream,
  tolerance: "a nonnegative finite number",
  maxIterations: "a positive integer",
  budget: "a positive integer",
  memorySize: "a positive integer",
  callback: callable,
};

/** What {@linkcode minimize} has found. The caller owns its tensors. */
export interface Minimum<X> {
  /** Where the value is least: new tensors, or the states of `x0`, which hold it. */
  readonly x: X;
  /** The least value. */
  readonly value: number;
  /** The gradient there, as tensors in the structure of `x0`; not of searches. */
  readonly gradient?: TensorsOf<X>;
  /** How often the value was computed, with the gradient or without. */
  readonly nEvaluations: number;
  /** How often the gradient was computed. */
  readonly nGradients: number;
  /** How often a product with the Hessian was computed: by `"newton-cg"`. */
  readonly nHessianProducts: number;
  /** The number of iterations, of all starts. */
  readonly nIterations: number;
  /** Whether the best start has ended at a minimum. */
  readonly success: boolean;
  /** Why it has ended. */
  readonly message: string;
}

/** A function of variables in the structure of `X`, whose least value is sought. */
export type MinimizeFunction<X> = (x: X) => tf.Tensor;
