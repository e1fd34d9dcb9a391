/**
 * Gradients of functions of states and arguments.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { collect, type GradsOf, mirror, type StateNest } from "./nest.ts";
import { differentiate, type Outcome, type Task } from "./differentiate.ts";

/** Options of {@linkcode grad}. */
export interface GradOptions {
  /** The states to differentiate in: a state, or lists and records of such. */
  readonly states?: StateNest;
  /**
   * The index or indices of the arguments to differentiate in. Default: 0
   * without `states`, none with them.
   */
  readonly argnums?: number | readonly number[];
  /** Whether to return the function's value after the gradients. Default: false. */
  readonly returnValue?: boolean;
  /**
   * Whether the function returns `[value, aux]`; aux is returned last, its
   * tensors owned by the caller. Default: false.
   */
  readonly hasAux?: boolean;
  /**
   * Whether to throw if a state is not read, rather than give zeros. Default:
   * true.
   */
  readonly checkStates?: boolean;
}

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

/** The rest of what a differentiated function returns. */
export type AuxOf<R> = R extends readonly [unknown, infer X] ? X : undefined;

/** What {@linkcode grad} returns: gradients, then value, then aux. */
export type GradResult<A extends readonly unknown[], R, O> = O extends
  { readonly returnValue: true }
  ? O extends { readonly hasAux: true } ? [GradsFor<A, O>, ValueOf<R>, AuxOf<R>]
  : [GradsFor<A, O>, ValueOf<R>]
  : O extends { readonly hasAux: true } ? [GradsFor<A, O>, AuxOf<R>]
  : GradsFor<A, O>;

/** What a differentiated function may return. */
export type Differentiable = tf.Tensor | readonly [tf.Tensor, unknown];

/**
 * The function that computes the gradient of `fn`, which returns a scalar.
 *
 * Gradients have the structure of `states`; with `argnums` too they are
 * `[gradients in states, gradients in arguments]`. They belong to the caller (an
 * optimizer's `step` frees them), and so do the value and aux.
 *
 * It differentiates in the values that the states hold when it is called. What
 * `fn` writes to states is kept, as if it had been called alone; if it throws,
 * every state is as before, and nothing leaks. It may be nested.
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
>(fn: (...args: A) => R, options?: O): (...args: A) => GradResult<A, R, O> {
  return prepare(fn, options ?? {}, true) as (
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
>(fn: (...args: A) => R, options?: O): (...args: A) => GradResult<A, R, O> {
  return prepare(fn, options ?? {}, false) as (
    ...args: A
  ) => GradResult<A, R, O>;
}

/** Options of {@linkcode valueAndGrad}. */
export type ValueAndGradOptions = Omit<GradOptions, "returnValue">;

/** What {@linkcode valueAndGrad} returns. */
export interface ValueAndGrads<G, V, X> {
  /** What the function returned. */
  readonly value: V;
  /** The gradients, in the structure of the states. */
  readonly grads: G;
  /** What it returned besides, with `hasAux`. */
  readonly aux: X;
}

/**
 * As {@linkcode grad}, with names for what is returned.
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
  options?: O,
): (...args: A) => ValueAndGrads<GradsFor<A, O>, ValueOf<R>, AuxOf<R>> {
  const { hasAux = false } = options ?? {};
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

/** Check the options once, and return the function that runs them. */
function prepare<A extends readonly unknown[]>(
  fn: (...args: A) => unknown,
  options: GradOptions,
  scalar: boolean,
): (...args: A) => unknown {
  if (typeof fn !== "function") {
    throw new TypeError(
      `Cannot differentiate: the first argument must be a function: current value is ${fn}`,
    );
  }
  const { states, returnValue = false, hasAux = false, checkStates = true } =
    options;
  const argnums = options.argnums ?? (states === undefined ? 0 : undefined);
  const indices = toIndices(argnums);
  const leaves = states === undefined ? new Map() : collect(states);

  function gradients(outcome: Outcome): unknown {
    const ofArgs = typeof argnums === "number" ? outcome.args[0] : outcome.args;
    if (states === undefined) return ofArgs;
    const ofStates = mirror(states, (state) => outcome.states.get(state)!);
    return argnums === undefined ? ofStates : [ofStates, ofArgs];
  }

  return (...args) => {
    const outcome = differentiate({
      fn: fn as Task["fn"],
      args,
      states: leaves,
      argnums: indices,
      hasAux,
      checkStates,
      scalar,
    });
    const grads = gradients(outcome);
    if (!returnValue) outcome.value.dispose();
    if (!returnValue && !hasAux) return grads;
    return [
      grads,
      ...(returnValue ? [outcome.value] : []),
      ...(hasAux ? [outcome.aux] : []),
    ];
  };
}

function toIndices(argnums: number | readonly number[] | undefined): number[] {
  const indices = argnums === undefined ? [] : [argnums].flat();
  for (const i of indices) {
    if (Number.isInteger(i) && i >= 0) continue;
    throw new RangeError(
      `Cannot differentiate: argnums must be indices of arguments, from 0: current value is ${i}`,
    );
  }
  if (new Set(indices).size < indices.length) {
    throw new RangeError(
      `Cannot differentiate: argnums must differ: current value is [${indices}]`,
    );
  }
  if (argnums !== undefined && indices.length === 0) {
    throw new RangeError("Cannot differentiate: argnums must not be empty");
  }
  return indices;
}
