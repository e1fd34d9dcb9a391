/**
 * Particle swarms.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import type { Bounds } from "./bounds.ts";
import { POPULATION_RULES, type PopulationOptions } from "./options.ts";
import { Search } from "./search.ts";
import { order, row, type Setting, type Strategy, width } from "./strategy.ts";

/** Options of {@linkcode ParticleSwarm}. */
export interface ParticleSwarmOptions<B = unknown>
  extends PopulationOptions<B> {
  /** The share w of its velocity that a particle keeps. Default: 1 / (2 ln 2). */
  readonly inertia?: number | undefined;
  /** The pull of a particle's own best place. Default: 1/2 + ln 2. */
  readonly cognitive?: number | undefined;
  /** The pull of the best place of all. Default: 1/2 + ln 2. */
  readonly social?: number | undefined;
}

const RULES: OptionRules<ParticleSwarmOptions> = {
  ...POPULATION_RULES,
  inertia: "a nonnegative finite number",
  cognitive: "a nonnegative finite number",
  social: "a nonnegative finite number",
};

/**
 * Particle swarm: each particle is pulled to the best place that it has seen, and to
 * the best of all.
 *
 * ```text
 * v ← w v + cognitive r₁ (p - x) + social r₂ (g - x)      r₁, r₂ uniform, by element
 * x ← x + v      p, g: the best places of this particle, and of all
 * ```
 *
 * A particle that would leave the bounds stops at them: that element of its velocity
 * becomes 0. Velocities start as half the way to another random place. The constants
 * are those of Standard PSO 2007.
 *
 * Take it for functions with several minima that are cheap to evaluate in numbers. It
 * may settle early: a larger swarm looks further.
 *
 * {@link https://doi.org/10.1109/ICNN.1995.488968 | Kennedy and Eberhart, 1995}.
 *
 * @example Usage
 * ```ts
 * import { optim, random } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * const search = new optim.ParticleSwarm([[-5, 5], [-5, 5]], {
 *   random: new random.RandomState(1),
 * });
 * const { value } = await search.minimize(
 *   ([x, y]) => x * x + 10 * y * y,
 *   { target: 1e-6 },
 * );
 * assertLess(value, 1e-6);
 * ```
 */
export class ParticleSwarm<const B extends Bounds> extends Search<B> {
  /** Create the search; `populationSize` is 40 by default. */
  constructor(bounds: B, options: ParticleSwarmOptions<B> = {}) {
    const action = "create ParticleSwarm";
    checkOptions(action, options, RULES);
    super(action, bounds, options, (setting) => swarm(setting, options));
  }
}

function swarm(
  { size: n, start, draws }: Setting,
  options: Omit<ParticleSwarmOptions, "start">,
): Strategy {
  const { populationSize: count = 40, inertia = 1 / (2 * Math.LN2) } = options;
  const { cognitive = 0.5 + Math.LN2, social = 0.5 + Math.LN2 } = options;
  const memory = {
    begun: 0,
    positions: new Float64Array(count * n),
    velocities: new Float64Array(count * n),
    bests: new Float64Array(count * n),
    values: new Float64Array(count).fill(Infinity),
  };
  const { positions, velocities, bests } = memory;

  function begin() {
    positions.set(draws.uniform(count * n));
    if (start) positions.set(start);
    const elsewhere = draws.uniform(count * n);
    positions.forEach((x, j) => velocities[j] = (elsewhere[j]! - x) / 2);
  }

  function move() {
    const best = row(bests, order(memory.values)[0]!, n);
    const own = draws.uniform(count * n), all = draws.uniform(count * n);
    positions.forEach((x, j) => {
      const v = inertia * velocities[j]! +
        cognitive * own[j]! * (bests[j]! - x) +
        social * all[j]! * (best[j % n]! - x);
      const next = x + v;
      positions[j] = Math.min(1, Math.max(0, next));
      velocities[j] = positions[j] === next ? v : 0;
    });
  }

  return {
    memory,
    get spread() {
      return width(bests, n);
    },
    get values() {
      return memory.values;
    },
    propose() {
      if (memory.begun === 0) begin();
      else move();
      return Array.from(
        { length: count },
        (_, i) => row(positions, i, n).slice(),
      );
    },
    learn(points, values) {
      points.forEach((point, i) => {
        if (memory.begun === 1 && !(values[i]! < memory.values[i]!)) return;
        row(bests, i, n).set(point);
        memory.values[i] = values[i]!;
      });
      memory.begun = 1;
    },
  };
}
