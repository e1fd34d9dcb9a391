/**
 * Random search.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { POPULATION_RULES, type PopulationOptions } from "./options.ts";
import { Search } from "./search.ts";

/** Options of {@linkcode RandomSearch}. */
export type RandomSearchOptions<B = unknown> = PopulationOptions<B>;

const RULES: OptionRules<RandomSearchOptions> = POPULATION_RULES;

/**
 * Random search: every candidate is drawn uniformly within the bounds.
 *
 * Take it as the yardstick: a search that is not better than this has learned
 * nothing. It never converges; the budget ends it.
 *
 * @example Usage
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * const search = new optim.RandomSearch([-1, 1], {
 *   random: new random.RandomState(1),
 * });
 * const { value } = await search.minimize((x) => x * x, { budget: 500 });
 * assertLess(value, 1e-3);
 * ```
 */
export class RandomSearch<const B extends Bounds> extends Search<B> {
  /** Create the search; `populationSize` is 100 by default. */
  constructor(bounds: B, options: RandomSearchOptions<B> = {}) {
    const action = "create RandomSearch";
    checkOptions(action, options, RULES);
    const { populationSize = 100 } = options;
    super(action, bounds, options, ({ size, start, draws }) => {
      const memory = { begun: 0 };
      return {
        memory,
        spread: Infinity,
        values: [],
        propose() {
          const points = Array.from(
            { length: populationSize },
            () => draws.uniform(size),
          );
          if (memory.begun === 0 && start) points[0] = start.slice();
          memory.begun = 1;
          return points;
        },
        learn() {},
      };
    });
  }
}
