/**
 * The (1+1) evolution strategy.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { foldIn, unfold } from "./fold.ts";
import { RANDOM_RULES, type RandomOptions } from "./options.ts";
import { Search } from "./search.ts";
import type { Setting, Strategy } from "./strategy.ts";

/** Options of {@linkcode OnePlusOneES}. */
export interface OnePlusOneESOptions<B = unknown> extends RandomOptions<B> {
  /** The first step size, as a share of the width of the bounds. Default: 0.3. */
  readonly sigma?: number | undefined;
  /** The share of successes at which the step size stays as it is. Default: 1/5. */
  readonly successRate?: number | undefined;
}

const RULES: OptionRules<OnePlusOneESOptions> = {
  ...RANDOM_RULES,
  sigma: "a positive finite number",
  successRate: "in (0, 1)",
};

/**
 * The (1+1) evolution strategy: one parent, one child, and steps that grow with
 * success.
 *
 * ```text
 * y = x + σ z, z ~ N(0, I)
 * σ ← σ exp((1 - successRate) / d), x ← y      where f(y) < f(x)
 * σ ← σ exp(-successRate / d)                  elsewhere
 * d = √(n + 1)
 * ```
 *
 * Coordinates are folded at the bounds as those of {@linkcode CMAES} are. A value that
 * is equal is no success: on a plateau steps become shorter, and the
 * search ends. It starts from the middle of the bounds.
 *
 * Take it where one evaluation comes after the other, and for a first look: it is the
 * simplest search that adapts, and copes with noise badly and with narrow valleys
 * slowly.
 *
 * Rechenberg, Evolutionsstrategie, 1973; in the form of
 * {@link https://doi.org/10.1007/978-3-662-43505-2_44 | Hansen, Arnold and Auger, 2015}.
 *
 * @example Usage
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const search = new optim.OnePlusOneES([0, 10], {
 *   random: new random.RandomState(1),
 * });
 * const { x } = await search.minimize((x) => (x - 3) ** 2);
 * assertAlmostEquals(x, 3, 1e-4);
 * ```
 */
export class OnePlusOneES<const B extends Bounds> extends Search<B> {
  /** Create the search. */
  constructor(bounds: B, options: OnePlusOneESOptions<B> = {}) {
    const action = "create OnePlusOneES";
    checkOptions(action, options, RULES);
    super(action, bounds, options, (setting) => climb(setting, options));
  }
}

function climb(
  { size: n, start, draws }: Setting,
  { sigma = 0.3, successRate = 0.2 }: Omit<OnePlusOneESOptions, "start">,
): Strategy {
  const memory = {
    begun: 0,
    sigma,
    parent: start ? start.map(unfold) : new Float64Array(n).fill(0.5),
    child: new Float64Array(n),
    value: Infinity,
  };
  const damping = Math.sqrt(n + 1);
  return {
    memory,
    get spread() {
      return memory.sigma;
    },
    values: [],
    propose() {
      if (memory.begun === 0) return [memory.parent.map(foldIn)];
      const z = draws.normal(n);
      memory.parent.forEach((x, i) =>
        memory.child[i] = x + memory.sigma * z[i]!
      );
      return [memory.child.map(foldIn)];
    },
    learn(_, [value]) {
      const isBetter = value! < memory.value;
      if (memory.begun === 1) {
        memory.sigma *= Math.exp((Number(isBetter) - successRate) / damping);
      }
      if (memory.begun === 1 && isBetter) memory.parent.set(memory.child);
      if (isBetter) memory.value = value!;
      memory.begun = 1;
    },
  };
}
