/**
 * Vector-Jacobian products.
 *
 * @module
 */
import "../internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import { callable, check, checkOptions, tensor } from "../internal/check.ts";
import type { GradsFor } from "./grad.ts";
import { record } from "./record.ts";
import { differentiate } from "./differentiate.ts";
import type { Task } from "./task.ts";
import { checkArgument, checkValue } from "./task_checks.ts";
import { resolveTarget, TARGET_RULES, type TargetOptions } from "./target.ts";

/** Options of {@linkcode vjp} and {@linkcode jacobian}. */
export type VjpOptions = TargetOptions;

/** The result of {@linkcode vjp}. */
export interface Vjp<V, G> extends Disposable {
  /** The value of the function, owned by the caller. */
  readonly value: V;
  /**
   * The gradients for a gradient `dy` in the value, of the value's shape. It may be
   * called any number of times.
   */
  pullback(dy: tf.Tensor): G;
  /** Frees the tensors that `pullback` needs. */
  dispose(): void;
}

/**
 * The function that computes `fn` and, for any gradient in its value, the
 * gradients in states and arguments.
 *
 * What `fn` writes to states is kept once. Each pullback runs `fn` again from
 * the states (random numbers included) that it met the first time.
 *
 * @example Usage
 * ```ts
 * import { autodiff, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const square = (x: tf.Tensor1D) => tf.square(x);
 * using product = autodiff.vjp(square)(tf.tensor1d([1, 2]));
 * const gradient = product.pullback(tf.tensor1d([10, 100]));
 * assertEquals([...await gradient.data()], [20, 400]);
 * ```
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam V What `fn` returns.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape.
 * @param options As of {@linkcode grad}.
 * @returns A function of the arguments of `fn`.
 */
export function vjp<
  A extends readonly unknown[],
  V extends tf.Tensor,
  const O extends VjpOptions = Record<never, never>,
>(
  fn: (...args: A) => V,
  options: O = {} as O,
): (...args: A) => Vjp<V, GradsFor<A, O>> {
  const given: VjpOptions = options;
  check("differentiate", "the first argument", fn, callable);
  checkOptions("differentiate", given, TARGET_RULES);
  const { checkStates = true } = given;
  const target = resolveTarget(given);

  return (...args) => {
    for (const i of target.argnums) checkArgument(args, i);
    const { value, from } = record(() => {
      const result: unknown = fn(...args);
      checkValue({ scalar: false }, result);
      return result as V;
    });
    const inputs = args.map((x) =>
      x instanceof tf.Tensor ? tf.keep(tf.clone(x)) : x
    );
    const product: Vjp<V, unknown> = {
      value,
      pullback(dy) {
        check("pull back", "dy", dy, tensor);
        if (!tf.util.arraysEqual(dy.shape, value.shape)) {
          throw new RangeError(
            `Cannot pull back: dy must have the value's shape [${value.shape}]: current shape is [${dy.shape}]`,
          );
        }
        const outcome = differentiate({
          fn: fn as unknown as Task["fn"],
          args: inputs,
          states: target.states,
          argnums: target.argnums,
          hasAux: false,
          checkStates,
          scalar: false,
          dy,
          from,
        });
        outcome.value.dispose();
        return target.gradients(outcome);
      },
      dispose() {
        tf.dispose([...from.values(), ...inputs] as tf.TensorContainer);
      },
      [Symbol.dispose]() {
        this.dispose();
      },
    };
    return product as Vjp<V, GradsFor<A, O>>;
  };
}
