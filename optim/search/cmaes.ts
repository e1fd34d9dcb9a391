/**
 * CMA-ES.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { cmaConstants } from "./cmaes_constants.ts";
import { foldIn, unfold } from "./fold.ts";
import { eigen } from "./eigen.ts";
import { POPULATION_RULES, type PopulationOptions } from "./options.ts";
import { Search } from "./search.ts";
import { order, row, type Setting, type Strategy } from "./strategy.ts";

/** Options of {@linkcode CMAES}. */
export interface CMAESOptions<B = unknown> extends PopulationOptions<B> {
  /**
   * The first standard deviation of the candidates, as a share of the width of the
   * bounds. Default: 0.3.
   */
  readonly sigma?: number | undefined;
  /**
   * Whether the worse half of the candidates takes away from the covariance.
   * Default: true.
   */
  readonly active?: boolean | undefined;
}

const RULES: OptionRules<CMAESOptions> = {
  ...POPULATION_RULES,
  sigma: "a positive finite number",
  active: boolean,
};

/**
 * CMA-ES: candidates are drawn from a normal distribution, whose mean, covariance and
 * step size follow the better ones.
 *
 * ```text
 * xᵢ = m + σ yᵢ, yᵢ ~ N(0, C)      sorted by value; y = Σ_{i ≤ μ} wᵢ yᵢ
 * m ← m + σ y
 * p_σ ← (1 - c_σ) p_σ + √(c_σ (2 - c_σ) μ_eff) C^-½ y
 * σ ← σ exp(c_σ / d_σ (‖p_σ‖ / E‖N(0, I)‖ - 1))
 * p_c ← (1 - c_c) p_c + h √(c_c (2 - c_c) μ_eff) y
 * C ← (1 + c₁ (1 - h) c_c (2 - c_c) - c₁ - c_μ Σ wᵢ) C + c₁ p_c p_cᵀ + c_μ Σ wᵢ° yᵢ yᵢᵀ
 * h = 1, or 0 where ‖p_σ‖ is too long;  wᵢ° = wᵢ, or wᵢ n / ‖C^-½ yᵢ‖² where wᵢ < 0
 * ```
 *
 * The constants are those of Hansen's tutorial. Near a bound a coordinate is a smooth
 * function of the one that is drawn, folded at the bound, so that a minimum on it is
 * found too.
 *
 * Take it first for anything from two to some hundred elements that has no useful
 * gradient: it learns scales and dependencies of the elements, copes with noise, and
 * has nothing to tune but `populationSize`, which a function with many minima wants
 * ten times as large.
 *
 * {@link https://arxiv.org/abs/1604.00772 | Hansen, The CMA Evolution Strategy: A
 * Tutorial, 2016}.
 *
 * @example Usage
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const search = new optim.CMAES({ a: [-2, 2], b: [-2, 2] }, {
 *   random: new random.RandomState(1),
 * });
 * const { x } = await search.minimize(
 *   ({ a, b }) => (1 - a) ** 2 + 100 * (b - a * a) ** 2,
 * );
 * assertAlmostEquals(x.b, 1, 1e-6);
 * ```
 */
export class CMAES<const B extends Bounds> extends Search<B> {
  /**
   * Create the search; `populationSize` is `4 + ⌊3 ln n⌋` by default, at least 4. It
   * starts from the middle of the bounds.
   */
  constructor(bounds: B, options: CMAESOptions<B> = {}) {
    const action = "create CMAES";
    checkOptions(action, options, RULES);
    const { populationSize } = options;
    if (populationSize !== undefined && populationSize < 4) {
      refuse(action, "populationSize", "at least 4", populationSize);
    }
    super(action, bounds, options, (setting) => adapt(setting, options));
  }
}

function adapt(
  { size: n, start, draws }: Setting,
  options: Omit<CMAESOptions, "start">,
): Strategy {
  const { sigma = 0.3, active = true } = options;
  const { populationSize: lambda = 4 + Math.floor(3 * Math.log(n)) } = options;
  const k = cmaConstants(n, lambda, active);
  const identity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  const memory = {
    sigma,
    generation: 0,
    decomposed: 0,
    mean: start ? start.map(unfold) : new Float64Array(n).fill(0.5),
    pathSigma: new Float64Array(n),
    pathC: new Float64Array(n),
    covariance: identity,
    vectors: identity.slice(),
    deviations: new Float64Array(n).fill(1),
    steps: new Float64Array(lambda * n),
  };
  const { mean, pathSigma, pathC, covariance, vectors, deviations, steps } =
    memory;
  let latest: ArrayLike<number> = [];

  /** The covariance to the power -1/2, times `x`. */
  function whiten(x: Float64Array): Float64Array {
    const along = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) along[j]! += vectors[i * n + j]! * x[i]!;
    }
    return multiply(along.map((a, j) => a / deviations[j]!));
  }

  /** The eigenvectors times `x`. */
  function multiply(x: Float64Array): Float64Array {
    return new Float64Array(n).map((_, i) =>
      x.reduce((total, a, j) => total + vectors[i * n + j]! * a, 0)
    );
  }

  /** Decompose the covariance, but no more often than it changes. */
  function decompose() {
    const gap = memory.generation - memory.decomposed;
    if (gap * 10 * n * (k.c1 + k.cmu) <= 1) return;
    const { values, vectors: next } = eigen(covariance, n);
    const greatest = Math.max(...values);
    vectors.set(next);
    // Rounding must not make a variance zero or negative.
    values.forEach((x, i) =>
      deviations[i] = Math.sqrt(Math.max(x, 1e-20 * greatest))
    );
    memory.decomposed = memory.generation;
  }

  return {
    memory,
    get spread() {
      const widest = Math.sqrt(
        Math.max(...mean.map((_, i) => covariance[i * n + i]!)),
      );
      return memory.sigma * widest;
    },
    get values() {
      return latest;
    },
    propose() {
      const z = draws.normal(lambda * n);
      return Array.from({ length: lambda }, (_, i) => {
        const step = row(z, i, n).map((x, j) => deviations[j]! * x);
        row(steps, i, n).set(multiply(step));
        return row(steps, i, n).map((y, j) =>
          foldIn(mean[j]! + memory.sigma * y)
        );
      });
    },
    learn(_, values) {
      latest = values;
      const ranks = order(values);
      const ranked = (i: number) => row(steps, ranks[i]!, n);
      const move = new Float64Array(n);
      for (let i = 0; i < k.parents; i++) {
        ranked(i).forEach((y, j) => move[j]! += k.weights[i]! * y);
      }
      move.forEach((y, j) => mean[j]! += memory.sigma * y);
      memory.generation++;

      const gain = Math.sqrt(k.cs * (2 - k.cs) * k.mueff);
      whiten(move).forEach((y, j) =>
        pathSigma[j] = (1 - k.cs) * pathSigma[j]! + gain * y
      );
      const length = Math.hypot(...pathSigma);
      const unbiased = length /
        Math.sqrt(1 - (1 - k.cs) ** (2 * memory.generation));
      const h = Number(unbiased < (1.4 + 2 / (n + 1)) * k.chi);
      const gainC = h * Math.sqrt(k.cc * (2 - k.cc) * k.mueff);
      move.forEach((y, j) => pathC[j] = (1 - k.cc) * pathC[j]! + gainC * y);

      const total = k.weights.reduce((total, w) => total + w, 0);
      const kept = 1 + k.c1 * (1 - h) * k.cc * (2 - k.cc) - k.c1 -
        k.cmu * total;
      covariance.forEach((c, j) => covariance[j] = kept * c);
      addOuter(covariance, pathC, k.c1);
      k.weights.forEach((w, i) => {
        if (w === 0) return;
        const y = ranked(i);
        const weight = w > 0 ? w : w * n / squared(whiten(y));
        addOuter(covariance, y, k.cmu * weight);
      });
      memory.sigma *= Math.exp(k.cs / k.ds * (length / k.chi - 1));
      decompose();
    },
  };
}

/** `matrix + factor x xᵀ` */
function addOuter(matrix: Float64Array, x: Float64Array, factor: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) matrix[i * n + j]! += factor * x[i]! * x[j]!;
  }
}

function squared(x: Float64Array): number {
  return x.reduce((total, x) => total + x * x, 0);
}
