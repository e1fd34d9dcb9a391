/**
 * Methods that use values only, from one start.
 *
 * @module
 */
import type { RandomState } from "../../random/state.ts";
import { CMAES } from "../search/cmaes.ts";
import { DifferentialEvolution } from "../search/differential_evolution.ts";
import { OnePlusOneES } from "../search/one_plus_one_es.ts";
import { ParticleSwarm } from "../search/particle_swarm.ts";
import { RandomSearch } from "../search/random_search.ts";
import type { Search } from "../search/search.ts";
import { simplexOf, verticesAround } from "../search/simplex.ts";
import { type Ended, ROUNDING, type Stopping } from "./descent.ts";
import type { Limits } from "./method.ts";
import type { ValueMethod } from "./options.ts";
import { largest, type Vector } from "./vectors.ts";

/** The value of a vector; `Infinity` where there is none. */
export type ValueOf = (x: Float64Array) => Promise<number>;

/** Nelder and Mead's method, from the simplex that scipy starts with. */
export async function nelderMead(
  valueOf: ValueOf,
  x0: Vector,
  limits: Limits,
  { tolerance, maxIterations, goesOn }: Stopping,
): Promise<Ended> {
  const { low, high } = limits;
  const step = (x: number) => x === 0 ? 0.00025 : 1.05 * x;
  const vertices = verticesAround(x0, step, low, high);
  const simplex = simplexOf({ vertices, low, high, adaptive: false });
  let nIterations = 0;
  const end = (success: boolean, message: string): Ended => ({
    nIterations,
    success,
    message,
  });
  while (true) {
    const points = simplex.propose();
    const values = new Float64Array(points.length);
    for (const [i, point] of points.entries()) {
      values[i] = await valueOf(point);
    }
    simplex.learn(points, values);
    if (!simplex.isWhole) continue;
    nIterations++;
    const x = simplex.vertices.slice(0, x0.length);
    const value = simplex.values[0]!;
    if (!await goesOn({ x, value, nIterations })) {
      return end(false, "the callback has ended it");
    }
    // The last digits of float32 never agree.
    const close = Math.max(tolerance, ROUNDING * Math.abs(value));
    const spread = largest(simplex.values.map((other) => other - value));
    if (simplex.spread <= tolerance && spread <= close) {
      return end(true, "the vertices are within the tolerance");
    }
    if (nIterations === maxIterations) {
      return end(false, "the greatest number of iterations is reached");
    }
  }
}

type Pairs = readonly (readonly [number, number])[];

const SEARCHES: Record<
  Exclude<ValueMethod, "nelder-mead">,
  (
    bounds: Pairs,
    options: { start: number[]; random: RandomState },
  ) => Search<Pairs>
> = {
  "cma-es": (bounds, options) => new CMAES(bounds, options),
  "differential-evolution": (bounds, options) =>
    new DifferentialEvolution(bounds, options),
  "particle-swarm": (bounds, options) => new ParticleSwarm(bounds, options),
  "one-plus-one-es": (bounds, options) => new OnePlusOneES(bounds, options),
  "random-search": (bounds, options) => new RandomSearch(bounds, options),
};

/** A search, from a start that is a candidate or the first mean. */
export async function search(
  method: Exclude<ValueMethod, "nelder-mead">,
  valueOf: ValueOf,
  x0: Vector,
  { low, high }: Limits,
  { tolerance, maxIterations, goesOn }: Stopping,
  random: RandomState,
): Promise<Ended> {
  const bounds = Array.from(low, (low, i) => [low, high[i]!] as const);
  const found = SEARCHES[method](bounds, { start: [...x0], random });
  let isStopped = false, isLong = false;
  const { nIterations, success, message } = await found.minimize(
    (x) => valueOf(Float64Array.from(x)),
    {
      // What is spent is counted by the values.
      budget: Number.MAX_SAFE_INTEGER,
      tolerance,
      valueTolerance: ROUNDING,
      callback: async ({ nIterations }) => {
        const best = found.best();
        if (best) {
          const x = Float64Array.from(best.x);
          isStopped = !await goesOn({ x, value: best.value, nIterations });
        }
        isLong = nIterations >= maxIterations;
        return !isStopped && !isLong;
      },
    },
  );
  return {
    nIterations,
    success,
    message: isLong && !isStopped && !success
      ? "the greatest number of iterations is reached"
      : message,
  };
}
