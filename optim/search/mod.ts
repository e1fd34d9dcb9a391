/**
 * Searches without gradients.
 *
 * @module
 */
export type { BatchOf, Bound, Bounds, CandidateOf } from "./bounds.ts";
export type {
  PopulationOptions,
  RandomOptions,
  StartOptions,
} from "./options.ts";
export type {
  BatchFunction,
  Best,
  CandidateFunction,
  SearchProgress,
  SearchResult,
  SearchRunOptions,
  Value,
} from "./drive.ts";
export type { Draws } from "./draws.ts";
export type { Memory, Setting, Strategy } from "./strategy.ts";
export { Search } from "./search.ts";
export type { SearchState } from "./search_state.ts";
export { CMAES, type CMAESOptions } from "./cmaes.ts";
export {
  DifferentialEvolution,
  type DifferentialEvolutionOptions,
} from "./differential_evolution.ts";
export { NelderMead, type NelderMeadOptions } from "./nelder_mead.ts";
export { OnePlusOneES, type OnePlusOneESOptions } from "./one_plus_one_es.ts";
export { ParticleSwarm, type ParticleSwarmOptions } from "./particle_swarm.ts";
export { RandomSearch, type RandomSearchOptions } from "./random_search.ts";
