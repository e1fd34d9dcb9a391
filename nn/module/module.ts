/**
 * Modules: the parts of a model, which find the states inside them.
 *
 * @module
 */
import "../../internal/dispose.ts";
import { type AnyState, ParamState, type States } from "../../state.ts";
import { frames } from "../../internal/frames.ts";
import {
  type Filter,
  type StateClass,
  type StateGuard,
  toPredicate,
} from "./filter.ts";
import { predictInBatches } from "./in_batches.ts";
import { walk } from "./walk.ts";

/**
 * The states that one filter selects: of a class, those of the class; of a predicate or
 * a tag, states of tensors.
 */
export type Selected<F> = F extends StateClass<infer S> ? States<S>
  : F extends StateGuard<infer S> ? States<S>
  : States;

/** The modules whose `call` has not returned yet, outermost first. */
const calls: Module[] = [];

/** The module that threw each error, kept until the outermost call adds its path. */
const origins: WeakMap<Error, Module> = new WeakMap();

/**
 * A part of a model: an object whose properties hold states and other modules.
 *
 * Implement the computation as `update`, and run it with `call`. States and modules
 * are found in properties, arrays, plain objects and maps, in the order in which
 * they were defined. One in a `#private` field, a `Set` or an object of another class
 * cannot be found, and throws.
 *
 * @example Usage
 * ```ts
 * import { nn, ParamState, scope, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * class Scale extends nn.Module {
 *   readonly factor = scope(() => new ParamState(tf.scalar(2)));
 *   override update(x: tf.Tensor1D): tf.Tensor1D {
 *     return tf.mul(x, this.factor.value);
 *   }
 * }
 *
 * await useBackend("cpu");
 * const scale = new Scale();
 * assertEquals(Object.keys(scale.states(ParamState)), ["factor"]);
 * assertEquals([...await scale.call(tf.tensor1d([1, 2])).data()], [2, 4]);
 * ```
 */
export abstract class Module {
  /** Whether a first call has read no parameter that `states` cannot find. */
  #checked = false;

  /** The computation of the module; run it with {@linkcode Module.call}. */
  abstract update(...args: never[]): unknown;

  /**
   * Runs `update`.
   *
   * @param args The arguments of `update`.
   * @returns The result of `update`.
   * @throws The error of `update`, with the path of the module that threw it.
   */
  call(...args: Parameters<this["update"]>): ReturnType<this["update"]> {
    const outermost = calls.length === 0;
    calls.push(this);
    try {
      return (outermost && !this.#checked
        ? this.#checkedCall(args) as ReturnType<this["update"]>
        : this.update(...args)) as ReturnType<this["update"]>;
    } catch (error) {
      if (typeof this.update !== "function") {
        throw new TypeError(
          `Cannot call ${this.constructor.name}: it must have the method update, which computes what call returns`,
        );
      }
      if (error instanceof Error) this.#locate(error, outermost);
      throw error;
    } finally {
      calls.pop();
    }
  }

  /**
   * Runs `call` to predict: with `fit` false in the environment, outside of any
   * gradient, and in batches of 256 examples, so that there may be many.
   * {@linkcode predictor} takes another size.
   *
   * @example Usage
   * ```ts
   * import { nn, tf, useBackend } from "@braintape/braintape";
   * import { assertEquals } from "@std/assert";
   *
   * await useBackend("cpu");
   * const model = new nn.Sequential(
   *   new nn.Linear(4, 8),
   *   new nn.Dropout(),
   *   new nn.Linear(8, 3),
   * );
   * const scores = model.predict(tf.ones([1000, 4]));
   * assertEquals(scores.shape, [1000, 3]);
   * const classes = await tf.argMax(scores, 1).data();
   * assertEquals(classes.length, 1000);
   * ```
   *
   * @param args The arguments of `update`. The first axis of each tensor counts the
   *   examples.
   * @returns The result of `update` for all examples, which the caller owns.
   * @throws {RangeError} If tensors have different numbers of examples.
   */
  predict(...args: Parameters<this["update"]>): ReturnType<this["update"]> {
    const call = (...some: Parameters<this["update"]>) => this.call(...some);
    return predictInBatches(call, args, 256);
  }

  /**
   * The states in this module and the modules inside it, by path.
   *
   * A state that can be reached by several paths appears under the first of them. With
   * several filters, each state belongs to the first that selects it.
   *
   * @returns The states, in order of definition.
   * @throws {TypeError} If a state is in a place that cannot be searched.
   */
  states(): States<AnyState>;
  /** The states that `filter` selects: a class, a tag or a predicate. */
  states<F extends Filter>(filter: F): Selected<F>;
  /** For each filter, the states that it selects and no filter before it does. */
  states<F extends readonly [Filter, Filter, ...Filter[]]>(
    ...filters: F
  ): { [K in keyof F]: Selected<F[K]> };
  states(...filters: readonly Filter[]): unknown {
    const { states } = walk(this, Module);
    if (filters.length === 0) return states;
    const predicates = filters.map(toPredicate);
    const results = filters.map((): Record<string, AnyState> => ({}));
    for (const [path, state] of Object.entries(states)) {
      const i = predicates.findIndex((test) => test(path, state));
      if (i >= 0) results[i]![path] = state;
    }
    return results.length === 1 ? results[0] : results;
  }

  /**
   * This module, under the path `""`, and the modules inside it.
   *
   * @returns The modules by path, in order of definition.
   */
  modules(): Record<string, Module> {
    return walk(this, Module).modules;
  }

  /** Frees all states. */
  dispose(): void {
    for (const state of Object.values(this.states())) state.dispose();
  }

  /** As {@linkcode Module.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Runs `update`, and throws if it reads a parameter that `states` cannot find. */
  #checkedCall(args: readonly unknown[]): unknown {
    const reads = new Set<object>();
    const outer = frames.observer;
    frames.observer = reads;
    let result: unknown;
    try {
      result = this.update(...args as never[]);
    } finally {
      frames.observer = outer;
    }
    const found = new Set<object>(Object.values(this.states()));
    for (const state of reads) {
      if (state instanceof ParamState && !found.has(state)) {
        throw new TypeError(
          `Cannot call ${this.constructor.name}: it reads a parameter that states() cannot find: keep it in a property that is not #private, in this module or one inside it`,
        );
      }
    }
    this.#checked = true;
    return result;
  }

  /** Notes which module threw; the outermost call adds its path to the message. */
  #locate(error: Error, outermost: boolean) {
    if (!origins.has(error)) origins.set(error, this);
    if (!outermost) return;
    const origin = origins.get(error)!;
    const path = Object.entries(this.modules())
      .find(([, module]) => module === origin)?.[0];
    if (path) error.message += ` (in ${path} of ${this.constructor.name})`;
  }
}
