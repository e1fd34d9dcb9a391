/**
 * Jacobian-vector products.
 *
 * @module
 */
import "../internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import { boolean, callable, check, checkOptions } from "../internal/check.ts";
import { compiledByTests } from "../internal/recording.ts";
import type { AuxOf, Differentiable, GradsFor, ValueOf } from "./grad.ts";
import { RetainedTape } from "./retained.ts";
import { resolveTarget, TARGET_RULES, type TargetOptions } from "./target.ts";
import type { Task } from "./task.ts";
import { checkArgument } from "./task_checks.ts";
import { traced } from "./traced.ts";

/** Options of {@linkcode jvp} and {@linkcode linearize}. */
export interface JvpOptions extends TargetOptions {
  /**
   * Whether the function returns `[value, aux]`; the tensors of aux are owned by the
   * caller. Default: false.
   */
  readonly hasAux?: boolean;
}

const RULES = { ...TARGET_RULES, hasAux: boolean };

/** The result of {@linkcode linearize}. */
export interface Linearized<V, T, X> extends Disposable {
  /** The value of the function, owned by the caller. */
  readonly value: V;
  /** The auxiliary value, with `hasAux`. */
  readonly aux: X;
  /**
   * The product of the Jacobian with `tangents`, which have the structure that
   * {@linkcode grad} gives: the derivative of the value along them, of the value's
   * shape. It may be called any number of times, and does not run the function.
   */
  pushforward(tangents: T): V;
  /** Frees the tensors that `pushforward` needs. */
  dispose(): void;
}

/**
 * The function that computes `fn` and, for any direction in its states and arguments, the
 * derivative of the value along it.
 *
 * `fn` is run once, and its backward pass once: `Jᵀ u` is linear in the gradient `u` of the
 * value, and its own gradient in `u`, for `v` in its place, is `J v`. That costs about as
 * much as a gradient, and each product then about one and a half runs of `fn`; what the
 * gradient needs is kept until `dispose()`. `vmap(linear.pushforward)` takes the products
 * with many directions in one pass. What `fn` writes to states is kept. Inside of another
 * gradient, products can be differentiated, and are valid until that ends.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const square = (x: tf.Tensor1D) => tf.square<tf.Tensor1D>(x);
 * using linear = autodiff.linearize(square)(tf.tensor1d([1, 2]));
 * const along = linear.pushforward(tf.tensor1d([10, 100]));
 * assertEquals([...await along.data()], [20, 400]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam R What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape, or `[tensor, aux]` with `hasAux`.
 * @param options See {@linkcode JvpOptions}.
 * @returns A function of the arguments of `fn`.
 */
export function linearize<
  A extends readonly unknown[],
  R extends Differentiable,
  const O extends JvpOptions = Record<never, never>,
>(
  fn: (...args: A) => R,
  options: O = {} as O,
): (...args: A) => Linearized<ValueOf<R>, GradsFor<A, O>, AuxOf<R>> {
  const { target, run } = prepare(fn, options);
  return (...args) => {
    const shapes = shapesOf(args, target.argnums);
    const { taken: tape, aux } = run(args);
    const linear: Linearized<tf.Tensor, unknown, unknown> = {
      value: tape.value,
      aux,
      pushforward: (given) => tape.pushforward(target.tangents(given, shapes)),
      dispose: () => tape.dispose(),
      [Symbol.dispose]: () => tape.dispose(),
    };
    return linear as Linearized<ValueOf<R>, GradsFor<A, O>, AuxOf<R>>;
  };
}

/** The result of {@linkcode jvp}. */
export interface Jvp<V, X> {
  /** The value of the function, owned by the caller. */
  readonly value: V;
  /** The derivative of the value along the tangents, owned by the caller. */
  readonly tangent: V;
  /** The auxiliary value, with `hasAux`. */
  readonly aux: X;
}

/**
 * The function that computes `fn` and the derivative of its value along a direction in
 * its states and arguments: the product of its Jacobian with a vector.
 *
 * As {@linkcode linearize} for one direction: about the time of one and a half gradients,
 * whatever the size of the value. For several directions `linearize` runs `fn` once for
 * all.
 *
 * @example Usage
 * ```ts
 * import { autodiff, ParamState, scope, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = scope(() => new ParamState(tf.tensor1d([3, 4])));
 * const along = autodiff.jvp(() => tf.square(w.value), { states: { w } });
 * const { value, tangent } = along({ w: tf.tensor1d([1, 10]) });
 * assertEquals([...await value.data()], [9, 16]);
 * assertEquals([...await tangent.data()], [6, 80]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam R What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape, or `[tensor, aux]` with `hasAux`.
 * @param options See {@linkcode JvpOptions}.
 * @returns A function of the tangents, in the structure that {@linkcode grad} gives, and
 * then the arguments of `fn`.
 */
export function jvp<
  A extends readonly unknown[],
  R extends Differentiable,
  const O extends JvpOptions = Record<never, never>,
>(
  fn: (...args: A) => R,
  options: O = {} as O,
): (
  tangents: GradsFor<A, O>,
  ...args: A
) => Jvp<ValueOf<R>, AuxOf<R>> {
  const { target, run } = prepare(fn, options);
  return compiledByTests((given, ...args) => {
    const shapes = shapesOf(args, target.argnums);
    const tangents = target.tangents(given, shapes);
    const { taken: tape, aux } = run(args);
    try {
      const tangent = tape.pushforward(tangents);
      return { value: tape.value, tangent, aux } as Jvp<
        ValueOf<R>,
        AuxOf<R>
      >;
    } catch (error) {
      tf.dispose([tape.value, aux as tf.TensorContainer]);
      throw error;
    } finally {
      tape.dispose();
    }
  });
}

/** Checks the options once. */
function prepare<A extends readonly unknown[]>(
  fn: (...args: A) => unknown,
  options: JvpOptions,
) {
  check("differentiate", "the first argument", fn, callable);
  checkOptions("differentiate", options, RULES);
  const { hasAux = false, checkStates = true } = options;
  const target = resolveTarget(options);
  const { states, argnums } = target;
  const task = { states, argnums, hasAux, checkStates, scalar: false };
  const run = (args: A) =>
    traced({ ...task, fn: fn as Task["fn"], args }, linearized);
  return { target, run };
}

/** The tape of a function, with what products with tangents need. */
function linearized(
  fn: () => tf.Tensor,
  xs: readonly tf.Tensor[],
): RetainedTape {
  const tape = new RetainedTape(fn, xs);
  try {
    tape.linearize();
    tape.disposeForward();
    return tape;
  } catch (error) {
    tape.dispose();
    tape.value.dispose();
    throw error;
  }
}

function shapesOf(args: readonly unknown[], argnums: readonly number[]) {
  return argnums.map((i) => {
    checkArgument(args, i);
    return (args[i] as tf.Tensor).shape;
  });
}
