/**
 * Vector-Jacobian products, Jacobians, Hessians and products with them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import {
  anything,
  callable,
  check,
  checkOptions,
  type OptionRules,
  tensor,
} from "../check.ts";
import { type ArgGradsOf, grad, type GradsFor } from "./grad.ts";
import { collect, type GradsOf, mirror, type StateNest } from "./nest.ts";
import { record } from "./record.ts";
import { checkArgument, differentiate, type Task } from "./differentiate.ts";
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
    const { value, from } = record(() => fn(...args));
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

/**
 * The function that computes the Jacobian of `fn`: the derivative of each
 * element of its value in each element of states and arguments.
 *
 * Shapes are the value's shape, then the input's. It runs `fn` once for each
 * element of the value.
 *
 * @typeParam A The arguments of `fn`.
 * @typeParam O The options.
 * @param fn Returns a tensor of any shape.
 * @param options As of {@linkcode grad}.
 * @returns A function of the arguments of `fn`, which gives tensors in the
 * structure that {@linkcode grad} would.
 */
export function jacobian<
  A extends readonly unknown[],
  const O extends VjpOptions = Record<never, never>,
>(
  fn: (...args: A) => tf.Tensor,
  options: O = {} as O,
): (...args: A) => JacobianOf<GradsFor<A, O>> {
  const product = vjp(fn, options);
  return (...args) =>
    scope(() => {
      const { value, pullback, dispose } = product(...args);
      const rows = Array.from({ length: value.size }, (_, i) => {
        const onehot = new Float32Array(value.size);
        onehot[i] = 1;
        return pullback(tf.tensor(onehot, value.shape));
      });
      dispose();
      return stack(rows, value.shape) as JacobianOf<GradsFor<A, O>>;
    });
}

/** Tensors of any rank, in the structure of gradients `G`. */
export type JacobianOf<G> = G extends tf.Tensor ? tf.Tensor
  : { [K in keyof G]: JacobianOf<G[K]> };

/** Nests of equal structure, stacked tensor by tensor along new axes `shape`. */
function stack(rows: readonly unknown[], shape: readonly number[]): unknown {
  const [first] = rows;
  if (first instanceof tf.Tensor) {
    const tensors = rows as tf.Tensor[];
    return tf.reshape(tf.stack(tensors), [...shape, ...first.shape]);
  }
  const at = (key: string) =>
    rows.map((row) => (row as Record<string, unknown>)[key]);
  if (Array.isArray(first)) {
    return first.map((_, i) => stack(at(String(i)), shape));
  }
  return Object.fromEntries(
    Object.keys(first as object).map((key) => [key, stack(at(key), shape)]),
  );
}

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
  const leaves = [...collect(states).keys()];
  const gradient = grad(fn, { states: leaves, checkStates: false });
  function product(vector: unknown, ...args: A): unknown {
    const factors = flatten(vector);
    return grad(() => {
      const grads = gradient(...args) as tf.Tensor[];
      return tf.addN(grads.map((g, i) => tf.sum(tf.mul(g, factors[i]!))));
    }, { states: states as StateNest, checkStates: false })();
  }
  return product as (vector: GradsOf<S>, ...args: A) => GradsOf<S>;
}

function flatten(nest: unknown): tf.Tensor[] {
  if (nest instanceof tf.Tensor) return [nest];
  return Object.values(nest as object).flatMap(flatten);
}
