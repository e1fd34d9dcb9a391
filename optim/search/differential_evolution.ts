/**
 * Differential evolution.
 *
 * @module
 */
import {
  checkOptions,
  either,
  oneOf,
  type OptionRules,
  pair,
  refuse,
} from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { POPULATION_RULES, type PopulationOptions } from "./options.ts";
import { Search } from "./search.ts";
import { order, row, type Setting, type Strategy, width } from "./strategy.ts";

/** Options of {@linkcode DifferentialEvolution}. */
export interface DifferentialEvolutionOptions<B = unknown>
  extends PopulationOptions<B> {
  /**
   * What mutants start from: the best vector, or one drawn at random. Default:
   * `"best/1/bin"`.
   */
  readonly strategy?: "best/1/bin" | "rand/1/bin" | undefined;
  /**
   * The factor F of the difference, or the two ends between which it is drawn anew
   * for each generation. Default: [0.5, 1].
   */
  readonly mutation?: number | readonly [number, number] | undefined;
  /** The probability that an element is the mutant's. Default: 0.7. */
  readonly recombination?: number | undefined;
}

const FACTOR = "a nonnegative finite number";

const RULES: OptionRules<DifferentialEvolutionOptions> = {
  ...POPULATION_RULES,
  strategy: oneOf("best/1/bin", "rand/1/bin"),
  mutation: (x) =>
    Array.isArray(x) ? pair(FACTOR, FACTOR)(x) : either(FACTOR)(x),
  recombination: "in [0, 1]",
};

/**
 * Differential evolution: vectors of a population change by differences of others.
 *
 * ```text
 * v = x_a + F (x_b - x_c)      x_a is the best, or drawn; b, c are drawn
 * u = v where r < recombination and in one drawn element, else xᵢ
 * xᵢ ← u if f(u) ≤ f(xᵢ)
 * ```
 *
 * An element outside of the bounds is drawn anew within them. The first population is
 * a Latin hypercube, as in scipy's `differential_evolution`; trials of a generation
 * are asked for at once, as there with `updating="deferred"`.
 *
 * Take it for functions with many minima and up to some dozens of elements, where
 * evaluations are cheap: it is slow and hard to fool.
 *
 * {@link https://doi.org/10.1023/A:1008202821328 | Storn and Price, 1997}.
 *
 * @example Usage
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const search = new optim.DifferentialEvolution(
 *   { x: [-5, 5], y: [-5, 5] },
 *   { random: new random.RandomState(1) },
 * );
 * const { x: best } = await search.minimize(
 *   ({ x, y }) => (x - 1) ** 2 + Math.abs(y),
 * );
 * assertAlmostEquals(best.x, 1, 1e-4);
 * ```
 */
export class DifferentialEvolution<const B extends Bounds> extends Search<B> {
  /**
   * Create the search; `populationSize` is 15 for each element by default, at least
   * 5.
   */
  constructor(bounds: B, options: DifferentialEvolutionOptions<B> = {}) {
    const action = "create DifferentialEvolution";
    checkOptions(action, options, RULES);
    const { populationSize, mutation = [0.5, 1] } = options;
    if (populationSize !== undefined && populationSize < 5) {
      refuse(action, "populationSize", "at least 5", populationSize);
    }
    const [low, high] = typeof mutation === "number"
      ? [mutation, mutation]
      : mutation;
    if (low > high) refuse(action, "mutation", "[low, high]", mutation);
    super(
      action,
      bounds,
      options,
      (setting) => evolve(setting, options, [low, high]),
    );
  }
}

/**
 * `base + factor (a - b)` where `takes` is true, and the target elsewhere: the trial
 * of a target.
 */
export function trialOf(
  target: Float64Array,
  [base, a, b]: readonly [Float64Array, Float64Array, Float64Array],
  factor: number,
  takes: (k: number) => boolean,
): Float64Array {
  return target.map((x, k) =>
    takes(k) ? base[k]! + factor * (a[k]! - b[k]!) : x
  );
}

function evolve(
  { size: n, start, draws }: Setting,
  options: Omit<DifferentialEvolutionOptions, "start">,
  [low, high]: readonly [number, number],
): Strategy {
  const { strategy = "best/1/bin", recombination = 0.7 } = options;
  const { populationSize: count = Math.max(5, 15 * n) } = options;
  const memory = {
    begun: 0,
    population: new Float64Array(count * n),
    values: new Float64Array(count).fill(Infinity),
  };
  const member = (i: number) => row(memory.population, i, n);

  function trial(i: number, factor: number, best: number): Float64Array {
    const others = draws.choose(count, 4).filter((j) => j !== i);
    const [a, b, c] = others as [number, number, number];
    const parents = strategy === "best/1/bin" ? [best, a, b] : [a, b, c];
    const chances = draws.uniform(n);
    const sure = draws.choose(n, 1)[0];
    const [x, y, z] = parents.map(member) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const point = trialOf(
      member(i),
      [x, y, z],
      factor,
      (k) => k === sure || chances[k]! < recombination,
    );
    const anew = draws.uniform(n);
    return point.map((u, k) => u >= 0 && u <= 1 ? u : anew[k]!);
  }

  return {
    memory,
    get spread() {
      return width(memory.population, n);
    },
    get values() {
      return memory.values;
    },
    propose() {
      if (memory.begun === 0) {
        const first = draws.hypercube(count, n);
        if (start) first[0] = start.slice();
        return first;
      }
      const factor = low + (high - low) * draws.uniform(1)[0]!;
      const best = order(memory.values)[0]!;
      return Array.from({ length: count }, (_, i) => trial(i, factor, best));
    },
    learn(points, values) {
      points.forEach((point, i) => {
        if (memory.begun === 1 && values[i]! > memory.values[i]!) return;
        member(i).set(point);
        memory.values[i] = values[i]!;
      });
      memory.begun = 1;
    },
  };
}
