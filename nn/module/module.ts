/**
 * Modules: parts of models, which find the states inside them.
 *
 * @module
 */
import { type AnyState, ParamState, type States } from "../../state.ts";
import { frames } from "../../frames.ts";
import { type Filter, type StateClass, toPredicate } from "./filter.ts";
import { walk } from "./walk.ts";

/** The states that one filter selects. */
export type Selected<F> = F extends StateClass<infer S> ? States<S>
  : States<AnyState>;

/** Modules whose `call` is running, outermost first. */
const running: Module[] = [];

/** The module that threw an error, until the outermost one names its path. */
const origins: WeakMap<Error, Module> = new WeakMap();

/**
 * A part of a model: an object whose properties hold states and other modules.
 *
 * Write what it computes as `update`, and run it with `call`. States and modules
 * are found in properties, arrays, plain objects and maps, in the order in which
 * they were defined; what sits in a `#private` field, a `Set` or an object of
 * another class cannot be found, and throws.
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
  /** Whether a first call has shown that every parameter read can be found. */
  #checked = false;

  /** What the module computes: write this, and run {@linkcode Module.call}. */
  abstract update(...args: never[]): unknown;

  /**
   * Run the module.
   *
   * @param args The arguments of `update`.
   * @returns What `update` returned.
   * @throws What `update` throws, with the path of the module that threw it.
   */
  call(...args: Parameters<this["update"]>): ReturnType<this["update"]> {
    const outermost = running.length === 0;
    running.push(this);
    try {
      return (outermost && !this.#checked
        ? this.#checkedCall(args) as ReturnType<this["update"]>
        : this.update(...args)) as ReturnType<this["update"]>;
    } catch (error) {
      if (error instanceof Error) this.#locate(error, outermost);
      throw error;
    } finally {
      running.pop();
    }
  }

  /**
   * The states in this module and the modules inside it, by path.
   *
   * A state that can be reached by several paths appears under the first. With
   * several filters, each state goes to the first that selects it.
   *
   * @returns The states, in order of definition.
   * @throws {TypeError} If a state is where it cannot be found reliably.
   */
  states(): States<AnyState>;
  /** The states that `filter` selects: a class, a tag or a predicate. */
  states<F extends Filter>(filter: F): Selected<F>;
  /** For each filter, the states that it is the first to select. */
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
   * This module, under the empty path, and the modules inside it.
   *
   * @returns The modules by path, in order of definition.
   */
  modules(): Record<string, Module> {
    return walk(this, Module).modules;
  }

  /** Free all states. */
  dispose(): void {
    for (const state of Object.values(this.states())) state.dispose();
  }

  /** As {@linkcode Module.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Run `update`, and look whether it reads a parameter nobody can find. */
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

  /** Remember which module threw, and let the outermost one name its path. */
  #locate(error: Error, outermost: boolean) {
    if (!origins.has(error)) origins.set(error, this);
    if (!outermost) return;
    const origin = origins.get(error)!;
    const path = Object.entries(this.modules())
      .find(([, module]) => module === origin)?.[0];
    if (path) error.message += ` (in ${path} of ${this.constructor.name})`;
  }
}
