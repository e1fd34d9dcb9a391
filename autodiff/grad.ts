/**
 * Gradients of functions of states and arguments.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { boolean, callable, check, checkOptions } from "../internal/check.ts";
import { compiledByTests } from "../internal/recording.ts";
import { differentiate } from "./differentiate.ts";
import type { Task } from "./task.ts";
import type { GradsOf } from "./nest.ts";
import { resolveTarget, TARGET_RULES, type TargetOptions } from "./target.ts";

/** Options of {@linkcode grad}. */
export interface GradOptions extends TargetOptions {
  /** Whether to return the function's value after the gradients. Default: false. */
  readonly returnValue?: boolean;
  /**
   * Whether the function returns `[value, aux]`; aux is returned last, its tensors
   * owned by the caller. Default: false.
   */
  readonly hasAux?: boolean;
}

const VALUE_AND_GRAD_RULES = { ...TARGET_RULES, hasAux: boolean };
const RULES = { ...VALUE_AND_GRAD_RULES, returnValue: boolean };

/** Gradients in the arguments that `N` numbers. */
export type ArgGradsOf<A extends readonly unknown[], N> = N extends number
  ? A[N]
  : { -readonly [K in keyof N]: N[K] extends number ? A[N[K]] : never };

/** The gradients that {@linkcode grad} gives for arguments `A` and options `O`. */
export type GradsFor<A extends readonly unknown[], O> = O extends
  { readonly states: infer S }
  ? O extends { readonly argnums: infer N } ? [GradsOf<S>, ArgGradsOf<A, N>]
  : GradsOf<S>
  : O extends { readonly argnums: infer N } ? ArgGradsOf<A, N>
  : A[0];

/** The value in what a differentiated function returns. */
export type ValueOf<R> = R extends tf.Tensor ? R
  : R extends readonly [infer V, unknown] ? V
  : never;

/** The auxiliary value in what a differentiated function returns. */
export type AuxOf<R> = R extends readonly [unknown, infer X] ? X : undefined;

/** The result of {@linkcode grad}: gradients, then value, then aux. */
export type GradResult<A extends readonly unknown[], R, O> = O extends
  { readonly returnValue: true }
  ? O extends { readonly hasAux: true } ? [GradsFor<A, O>, ValueOf<R>, AuxOf<R>]
  : [GradsFor<A, O>, ValueOf<R>]
  : O extends { readonly hasAux: true } ? [GradsFor<A, O>, AuxOf<R>]
  : GradsFor<A, O>;

/** The result of a function to differentiate. */
export type Differentiable = tf.Tensor | readonly [tf.Tensor, unknown];

/**
 * The function that computes the gradient of `fn`, which returns a scalar.
 *
 * Gradients have the structure of `states`; with `argnums` as well, the result is
 * `[gradients in states, gradients in arguments]`. The caller owns them (an
 * optimizer's `step` frees them), and the value and aux.
 *
 * The point of differentiation is the values of the states at the time of the call.
 * What `fn` writes to states is kept, as in a call of `fn` alone; if `fn` throws, every
 * state keeps its value from before, and no tensor leaks. Calls may be nested.
 *
 * @example Usage
 * ```ts
 * import { autodiff, ParamState, scope, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = scope(() => new ParamState(tf.tensor1d([3, 4])));
 * const gradient = autodiff.grad(() => tf.sum(tf.square(w.value)), {
 *   states: { w },
 *   returnValue: true,
 * });
 * const [grads, loss] = gradient();
 * assertEquals([...await grads.w.data()], [6, 8]);
 * assertEquals([...await loss.data()], [25]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam R What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a scalar, or `[scalar, aux]` with `hasAux`.
 * @param options See {@linkcode GradOptions}.
 * @returns A function of the arguments of `fn`.
 * @throws {TypeError} If `states` holds no state, or an index is not one; when
 * called, if `fn` does not return what it should or a state is of integers.
 */
export function grad<
  A extends readonly unknown[],
  R extends Differentiable,
  const O extends GradOptions = Record<never, never>,
>(
  fn: (...args: A) => R,
  options: O = {} as O,
): (...args: A) => GradResult<A, R, O> {
  return prepare(fn, options, true) as (
    ...args: A
  ) => GradResult<A, R, O>;
}

/**
 * As {@linkcode grad}, for functions that return a tensor of any shape: the
 * gradient of the sum of its elements.
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam R What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a tensor, or `[tensor, aux]` with `hasAux`.
 * @param options See {@linkcode GradOptions}.
 * @returns A function of the arguments of `fn`.
 */
export function vectorGrad<
  A extends readonly unknown[],
  R extends Differentiable,
  const O extends GradOptions = Record<never, never>,
>(
  fn: (...args: A) => R,
  options: O = {} as O,
): (...args: A) => GradResult<A, R, O> {
  return prepare(fn, options, false) as (
    ...args: A
  ) => GradResult<A, R, O>;
}

/** Options of {@linkcode valueAndGrad}. */
export type ValueAndGradOptions = Omit<GradOptions, "returnValue">;

/** The result of {@linkcode valueAndGrad}. */
export interface ValueAndGrads<G, V, X> {
  /** The value of the function. */
  readonly value: V;
  /** The gradients, in the structure of the states. */
  readonly grads: G;
  /** The auxiliary value, with `hasAux`. */
  readonly aux: X;
}

/**
 * As {@linkcode grad}, with a record of value, gradients and aux as the result.
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam R What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a scalar, or `[scalar, aux]` with `hasAux`.
 * @param options See {@linkcode GradOptions}.
 * @returns A function of the arguments of `fn` that returns
 * `{ value, grads, aux }`.
 */
export function valueAndGrad<
  A extends readonly unknown[],
  R extends Differentiable,
  const O extends ValueAndGradOptions = Record<never, never>,
>(
  fn: (...args: A) => R,
  options: O = {} as O,
): (...args: A) => ValueAndGrads<GradsFor<A, O>, ValueOf<R>, AuxOf<R>> {
  checkOptions<ValueAndGradOptions>(
    "differentiate",
    options,
    VALUE_AND_GRAD_RULES,
  );
  const { hasAux = false } = options;
  const gradient = prepare(
    fn,
    { ...options, returnValue: true } as GradOptions,
    true,
  );
  return (...args) => {
    const [grads, value, aux] = gradient(...args) as unknown[];
    return {
      value: value as ValueOf<R>,
      grads: grads as GradsFor<A, O>,
      aux: (hasAux ? aux : undefined) as AuxOf<R>,
    };
  };
}

/** Checks the options once, and returns the function that differentiates. */
function prepare<A extends readonly unknown[]>(
  fn: (...args: A) => unknown,
  options: GradOptions,
  scalar: boolean,
): (...args: A) => unknown {
  check("differentiate", "the first argument", fn, callable);
  checkOptions("differentiate", options, RULES);
  const { returnValue = false, hasAux = false, checkStates = true } = options;
  const target = resolveTarget(options);
  const { states, argnums } = target;
  return compiledByTests((...args: A) => {
    const outcome = differentiate({
      fn: fn as Task["fn"],
      args,
      states,
      argnums,
      hasAux,
      checkStates,
      scalar,
    });
    const grads = target.gradients(outcome);
    if (!returnValue) outcome.value.dispose();
    if (!returnValue && !hasAux) return grads;
    return [
      grads,
      ...(returnValue ? [outcome.value] : []),
      ...(hasAux ? [outcome.aux] : []),
    ];
  });
}
