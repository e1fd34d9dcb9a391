/**
 * Searches: candidates are asked for, and their values told.
 *
 * @module
 */
import { defaultState } from "../../random/default.ts";
import {
  type BatchOf,
  type Bounds,
  type CandidateOf,
  Space,
} from "./bounds.ts";
import { Draws } from "./draws.ts";
import {
  type BatchFunction,
  type Best,
  type CandidateFunction,
  drive,
  type Engine,
  type SearchResult,
  type SearchRunOptions,
  valuesOf,
} from "./drive.ts";
import type { RandomOptions } from "./options.ts";
import { checkState, cut, joined, type SearchState } from "./search_state.ts";
import { copyMemory, loadMemory } from "./strategy.ts";
import type { Memory, Setting, Strategy } from "./strategy.ts";

/**
 * A search for the least value of a function without gradients.
 *
 * {@linkcode Search.ask} gives candidates in the structure of the bounds, and
 * {@linkcode Search.tell} takes their values: numbers, of which NaN stands for an
 * evaluation that failed. {@linkcode Search.minimize} does both until the search has
 * converged.
 *
 * The search computes in float64 on the host. A number of a candidate is as precise;
 * a tensor is of float32. It is saved and continued as an optimizer is, bit for bit:
 * its state has the stream that it draws from.
 *
 * @example Ask and tell
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const search = new optim.CMAES({ gain: [0, 2], tau: [1, 50] }, {
 *   random: new random.RandomState(1),
 * });
 * for (let i = 0; i < 60; i++) {
 *   const candidates = search.ask();
 *   search.tell(candidates.map(({ gain, tau }) =>
 *     (gain - 0.5) ** 2 + (tau / 20 - 1) ** 2
 *   ));
 * }
 * assertAlmostEquals(search.best()!.x.gain, 0.5, 1e-3);
 * ```
 *
 * @example All candidates at once
 * ```ts
 * import { optim, random, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const search = new optim.DifferentialEvolution(
 *   { w: [tf.fill([3], -2), tf.fill([3], 2)] },
 *   { random: new random.RandomState(1) },
 * );
 * const { value } = await search.minimizeBatch(
 *   ({ w }) => tf.sum(tf.square(w), 1), // [candidates, 3] to [candidates]
 *   { target: 1e-4 },
 * );
 * assertLess(value, 1e-4);
 * ```
 *
 * @typeParam B The bounds.
 */
export abstract class Search<const B extends Bounds> {
  readonly #name: string;
  readonly #space: Space<B>;
  readonly #strategy: Strategy;
  #draws: Draws | undefined;
  #nEvaluations = 0;
  #pending: Float64Array[] | undefined;
  #best: Float64Array | undefined;
  #bestValue = NaN;

  /**
   * Create a search.
   *
   * @param action What an error says cannot be done.
   * @param bounds `[low, high]` for each number, or tensors of one shape for each
   * tensor, in lists and records. Tensors are read at once, and stay the caller's; on
   * WebGPU in a browser, which reads none at once, the bounds must be numbers.
   * @param options Where to start, and which stream to draw from.
   * @param strategy Makes the algorithm.
   */
  constructor(
    action: string,
    bounds: B,
    { start, random = defaultState }: RandomOptions<B>,
    strategy: (setting: Setting) => Strategy,
  ) {
    this.#name = new.target.name;
    const space = new Space(action, bounds);
    this.#space = space;
    const point = start === undefined
      ? undefined
      : space.point(action, "start", start);
    const draws = () => this.#draws ??= new Draws(random);
    this.#strategy = strategy({
      size: space.size,
      start: point,
      get draws() {
        return draws();
      },
    });
  }

  /** The number of values that it was told. */
  get nEvaluations(): number {
    return this.#nEvaluations;
  }

  /** The width of where it searches now, as a share of that of the bounds. */
  get spread(): number {
    return this.#strategy.spread;
  }

  /**
   * The next candidates to evaluate. It gives the same ones until they are told.
   *
   * @returns Candidates in the structure of the bounds; the caller owns their
   * tensors.
   */
  ask(): CandidateOf<B>[] {
    return this.#ask().map((point) => this.#space.candidate(point));
  }

  /**
   * The candidates of {@linkcode Search.ask} as one.
   *
   * @returns A tensor `[candidates, ...shape]` in place of each pair of bounds, which
   * the caller owns.
   */
  askBatch(): BatchOf<B> {
    return this.#space.batch(this.#ask());
  }

  /**
   * Tell the values of the candidates that were asked for.
   *
   * @param values One number for each candidate, in their order; NaN for one that
   * failed.
   * @throws {Error} If no candidates were asked for.
   */
  tell(values: ArrayLike<number>): void {
    const action = `tell ${this.#name}`;
    const points = this.#pending;
    if (!points) throw new Error(`Cannot ${action}: it must be asked first`);
    const numbers = valuesOf(action, values, points.length);
    numbers.forEach((value, i) => {
      if (Number.isNaN(value) || value >= this.#bestValue) return;
      this.#bestValue = value;
      this.#best = points[i]!.slice();
    });
    const failed = numbers.map((x) => Number.isNaN(x) ? Infinity : x);
    this.#strategy.learn(points, failed);
    this.#nEvaluations += points.length;
    this.#pending = undefined;
  }

  /**
   * The best candidate of all that were told, or `undefined` if none had a value.
   * Its tensors are new, and the caller's.
   */
  best(): Best<B> | undefined {
    const point = this.#best;
    return point &&
      { x: this.#space.candidate(point), value: this.#bestValue };
  }

  /**
   * Ask and tell until the search has converged, or the budget is spent.
   *
   * Called again, it goes on from where it is.
   *
   * @param fn The value of a candidate: a number, or a tensor with one element, or a
   * promise of either. The tensors of the candidate are freed after the call, and so
   * are those that it makes, unless it returns a promise.
   * @param options See {@linkcode SearchRunOptions}.
   * @returns The best of all that it has seen.
   * @throws {Error} If every evaluation failed; and what `fn` throws.
   */
  minimize(
    fn: CandidateFunction<B>,
    options: SearchRunOptions = {},
  ): Promise<SearchResult<B>> {
    return drive(this, this.#engine(), options, { each: fn });
  }

  /**
   * As {@linkcode Search.minimize}, with all candidates in one call.
   *
   * @param fn The values of a batch of candidates: a tensor `[candidates]`, numbers,
   * or a promise of either.
   * @param options See {@linkcode SearchRunOptions}.
   * @returns The best of all that it has seen.
   */
  minimizeBatch(
    fn: BatchFunction<B>,
    options: SearchRunOptions = {},
  ): Promise<SearchResult<B>> {
    return drive(this, this.#engine(), options, { all: fn });
  }

  /** The state, to be saved: plain data, a copy. */
  stateDict(): SearchState {
    const { low, high, size } = this.#space;
    const pending = this.#pending;
    return {
      low: low.slice(),
      high: high.slice(),
      random: this.#draws?.position ?? null,
      nEvaluations: this.#nEvaluations,
      best: this.#best?.slice() ?? null,
      bestValue: this.#bestValue,
      pending: pending ? joined(pending, size) : null,
      memory: copyMemory(this.#strategy.memory),
    };
  }

  /** Throw if the state is not of a search like this one, with the same bounds. */
  checkStateDict(state: SearchState): void {
    checkState(`load ${this.#name}`, state, {
      space: this.#space,
      draws: this.#draws !== undefined,
      memory: this.#strategy.memory,
    });
  }

  /**
   * Load a state; the search goes on bit for bit, from candidates that were asked for
   * and not told. If it throws, nothing changes.
   */
  loadStateDict(state: SearchState): void {
    this.checkStateDict(state);
    const { random, nEvaluations, best, bestValue, pending, memory } = state;
    if (random !== null) this.#draws!.position = random;
    this.#nEvaluations = nEvaluations;
    this.#best = best === null ? undefined : best.slice();
    this.#bestValue = bestValue;
    this.#pending = pending === null
      ? undefined
      : cut(pending, this.#space.size);
    loadMemory(this.#strategy.memory, memory as Memory);
  }

  #engine(): Engine {
    return {
      action: `minimize by ${this.#name}`,
      size: this.#space.size,
      strategy: this.#strategy,
      next: () => this.#ask().length,
      least: () => this.#bestValue,
    };
  }

  #ask(): readonly Float64Array[] {
    return this.#pending ??= this.#strategy.propose();
  }
}
