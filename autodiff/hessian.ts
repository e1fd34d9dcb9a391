/**
 * Hessians, and products with them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  callable,
  check,
  checkOptions,
  type OptionRules,
} from "../internal/check.ts";
import { type ArgGradsOf, grad } from "./grad.ts";
import { jacobian, type JacobianOf } from "./jacobian.ts";
import {
  collect,
  type GradsOf,
  match,
  mirror,
  type StateNest,
} from "./nest.ts";
import type { VjpOptions } from "./vjp.ts";

/**
 * The function that computes the Hessian of `fn`, which returns a scalar.
 *
 * With `states` it has their structure twice: shapes are those of the outer state,
 * then of the inner one. With `argnums` it is one tensor.
 *
 * @typeParam A The arguments of `fn`.
 * @param fn Returns a scalar.
 * @param options `{ states }` or `{ argnums }`, one state, record, or index.
 * Default: the first argument.
 * @returns A function of the arguments of `fn`.
 * @throws {TypeError} If both `states` and `argnums` are given.
 */
export function hessian<
  A extends readonly unknown[],
  const O extends HessianOptions = Record<never, never>,
>(
  fn: (...args: A) => tf.Tensor,
  options: O = {} as O,
): (...args: A) => HessianOf<A, O> {
  checkOptions<HessianOptions>("differentiate twice", options, HESSIAN_RULES);
  const { states, argnums = 0 } = options as HessianOptions;
  if (states === undefined) {
    return jacobian(grad(fn, { argnums }) as (...args: A) => tf.Tensor, {
      argnums,
    }) as (...args: A) => HessianOf<A, O>;
  }
  if (options?.argnums !== undefined) {
    throw new TypeError(
      "Cannot differentiate twice: give states or argnums, not both",
    );
  }
  collect(states);
  const rows = (...args: A) =>
    mirror(states, (state) => {
      const row = grad(fn, { states: state, checkStates: false });
      const options: VjpOptions = { states, checkStates: false };
      return jacobian(row as (...args: A) => tf.Tensor, options)(...args);
    });
  return rows as (...args: A) => HessianOf<A, O>;
}

/** Options of {@linkcode hessian}. */
export interface HessianOptions {
  /** The states to differentiate in. */
  readonly states?: StateNest;
  /** The index of the argument to differentiate in. Default: 0. */
  readonly argnums?: number;
}

const HESSIAN_RULES: OptionRules<HessianOptions> = {
  states: anything,
  argnums: "a nonnegative integer",
};

/** The result of {@linkcode hessian}. */
export type HessianOf<A extends readonly unknown[], O> = O extends
  { readonly states: infer S } ? NestOf<S, JacobianOf<GradsOf<S>>>
  : JacobianOf<ArgGradsOf<A, 0>>;

/** `T` in place of each state of `N`. */
export type NestOf<N, T> = N extends { readonly value: tf.Tensor } ? T
  : { [K in keyof N]: NestOf<N[K], T> };

/**
 * The function that computes the product of the Hessian of `fn` in `states` with
 * a vector of their structure, without computing the Hessian.
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam S The states.
 * @param fn Returns a scalar.
 * @param states The states to differentiate in.
 * @returns A function of the vector, in the structure of `states`, and then the
 * arguments of `fn`.
 */
export function hessianVectorProduct<
  A extends readonly unknown[],
  const S extends StateNest,
>(
  fn: (...args: A) => tf.Tensor,
  states: S,
): (vector: GradsOf<S>, ...args: A) => GradsOf<S> {
  check("differentiate", "the first argument", fn, callable);
  const leaves = [...collect(states).keys()];
  const gradient = grad(fn, { states: leaves, checkStates: false });
  function product(vector: unknown, ...args: A): unknown {
    const factors = match("multiply by the Hessian", states, vector, "vector");
    return grad(() => {
      const grads = gradient(...args) as tf.Tensor[];
      const terms = grads.map((g, i) =>
        tf.sum(tf.mul(g, factors.get(leaves[i]!)!))
      );
      return tf.addN(terms);
    }, { states: states as StateNest, checkStates: false })();
  }
  return product as (vector: GradsOf<S>, ...args: A) => GradsOf<S>;
}
