/**
 * How many evaluations each search needs to reach the minima of known functions.
 *
 * @module
 */
import * as optim from "../../optim/mod.ts";
import { Draws } from "../../optim/search/draws.ts";
import { RandomState } from "../../random.ts";
import { FUNCTIONS, type TestFunction } from "./_functions.ts";

/** How close to the least value counts as reached. */
export const TARGET = 1e-6;

type Pairs = (readonly [number, number])[];
type Create = (
  bounds: Pairs,
  options: { random: RandomState; start: number[] },
) => optim.Search<Pairs>;

/** A search, and how many evaluations it may take, by function. */
export interface Contestant {
  readonly create: (f: TestFunction) => Create;
  /** In the order of the functions. */
  readonly budgets: readonly number[];
}

/** Candidates at a time that many minima ask for. */
const isRugged = ({ n, f }: TestFunction) =>
  [FUNCTIONS["Rastrigin"]!.f, FUNCTIONS["Styblinski-Tang"]!.f].includes(f) &&
  n > 2;

/** Searches with the settings of the table in docs/minimize.md. */
export const CONTESTANTS: Readonly<Record<string, Contestant>> = {
  CMAES: {
    create: (f) => (bounds, options) =>
      new optim.CMAES(bounds, {
        ...options,
        ...(isRugged(f) ? { populationSize: 100 } : {}),
      }),
    budgets: [20_000, 40_000, 8_000, 15_000, 1_500],
  },
  DifferentialEvolution: {
    create: () => (bounds, options) =>
      new optim.DifferentialEvolution(bounds, options),
    budgets: [90_000, 15_000, 12_000, 7_000, 1_500],
  },
  ParticleSwarm: {
    create: (f) => (bounds, options) =>
      new optim.ParticleSwarm(bounds, {
        ...options,
        ...(f.n > 5 || isRugged(f) ? { populationSize: 100 } : {}),
      }),
    budgets: [1_200_000, 200_000, 8_000, 12_000, 3_000],
  },
  OnePlusOneES: {
    create: () => (bounds, options) => new optim.OnePlusOneES(bounds, options),
    budgets: [300_000, 2_500_000, 5_000, 60_000, 1_000],
  },
  NelderMead: {
    create: () => (bounds, { start }) =>
      new optim.NelderMead(bounds, { start, adaptive: true }),
    budgets: [8_000, 20_000_000, 10_000, 60_000, 500],
  },
};

/**
 * The evaluations that a search takes to reach the minimum of a function. Where it
 * converges elsewhere it starts again from another random point.
 *
 * @returns Infinity if the budget was not enough.
 */
export async function evaluations(
  { create }: Contestant,
  f: TestFunction,
  budget: number,
  seed: number,
): Promise<number> {
  const bounds = Array.from({ length: f.n }, () => f.bounds);
  const random = new RandomState(seed), draws = new Draws(random);
  const [low, high] = f.bounds;
  let spent = 0;
  while (true) {
    const start = Array.from(
      draws.uniform(f.n),
      (u) => low + u * (high - low),
    );
    const search = create(f)(bounds, { random, start });
    const left = budget - spent;
    if (left < search.ask().length) return Infinity;
    const { value, nEvaluations } = await search.minimize(f.f, {
      budget: left,
      target: f.least + TARGET,
      tolerance: 1e-10,
    });
    spent += nEvaluations;
    if (value <= f.least + TARGET) return spent;
  }
}
