/**
 * The names of an optimizer's parameters, as types.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/**
 * An optimizer whose parameters have the names `K`; of names that are known at run
 * time only, `K` is `string`.
 *
 * @typeParam K The names.
 */
export interface Registered<K extends PropertyKey> {
  /** A type only: there is no such value. */
  readonly "~names"?: { readonly [P in K]: true };
}

/** An optimizer the names of whose parameters are not known to the compiler. */
export interface UnnamedOptimizer {
  /** As in `Optimizer`. */
  readonly stepCount: number;
  /** A type only: there is no such value. */
  readonly "~names"?: never;
}

/**
 * An optimizer the names of whose parameters are those of `N`.
 *
 * @typeParam N A record with these names.
 */
export interface NamedOptimizer<N> {
  /** As in `Optimizer`. */
  readonly stepCount: number;
  /** A type only: there is no such value. */
  readonly "~names"?: N;
}

/**
 * Gradients of the parameters named in `N`, some of which may be missing.
 *
 * @typeParam N A record with these names.
 */
export type GradientsOf<N> = { readonly [P in keyof N]?: tf.Tensor };
