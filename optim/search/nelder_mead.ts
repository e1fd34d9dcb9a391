/**
 * The method of Nelder and Mead.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { START_RULES, type StartOptions } from "./options.ts";
import { Search } from "./search.ts";
import { simplexOf, verticesAround } from "./simplex.ts";

/** Options of {@linkcode NelderMead}. */
export interface NelderMeadOptions<B = unknown> extends StartOptions<B> {
  /**
   * How far the first vertices are from the start, as a share of the width of the
   * bounds. Default: 0.1.
   */
  readonly size?: number | undefined;
  /**
   * Whether a simplex of more dimensions expands and contracts less, after Gao and
   * Han, 2012. Default: false.
   */
  readonly adaptive?: boolean | undefined;
}

const RULES: OptionRules<NelderMeadOptions> = {
  ...START_RULES,
  size: "in (0, 1]",
  adaptive: boolean,
};

/**
 * The method of Nelder and Mead: a simplex of `n + 1` points walks downhill.
 *
 * ```text
 * c: the center of all vertices but the worst, w
 * reflect   c + (c - w)      expand  c + χ (c - w)
 * contract  c ± ψ (c - w)    shrink  b + σ (x - b), around the best vertex b
 * χ = 2, ψ = ½, σ = ½; adaptive: χ = 1 + 2/n, ψ = ¾ - 1/(2n), σ = 1 - 1/n
 * ```
 *
 * It decides as scipy's `nelder-mead`, and draws no random numbers. After the first
 * `n + 1` candidates it asks for one at a time, or for `n` where it shrinks.
 *
 * Take it for a handful of elements and a function of one minimum that has no useful
 * gradient. It needs few evaluations there, and may get stuck in more than ten
 * dimensions.
 *
 * {@link https://doi.org/10.1093/comjnl/7.4.308 | Nelder and Mead, 1965}.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const search = new optim.NelderMead({ tau: [1, 50], gain: [0, 2] });
 * const { x } = await search.minimize(
 *   ({ tau, gain }) => (tau - 20) ** 2 + (gain - 0.5) ** 2,
 * );
 * assertAlmostEquals(x.tau, 20, 1e-3);
 * ```
 */
export class NelderMead<const B extends Bounds> extends Search<B> {
  /** Create the search; it starts from the middle of the bounds by default. */
  constructor(bounds: B, options: NelderMeadOptions<B> = {}) {
    const action = "create NelderMead";
    checkOptions(action, options, RULES);
    const { size: step = 0.1, adaptive = false } = options;
    super(action, bounds, options, ({ size, start }) => {
      const low = new Float64Array(size), high = low.map(() => 1);
      const middle = start ?? low.map(() => 0.5);
      const vertices = verticesAround(middle, (x) => x + step, low, high);
      return simplexOf({ vertices, low, high, adaptive });
    });
  }
}
