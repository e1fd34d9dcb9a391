/**
 * The options that searches share.
 *
 * @module
 */
import { anything, type OptionRules } from "../../internal/check.ts";
import { type RandomState, stream } from "../../random/state.ts";
import type { CandidateOf } from "./bounds.ts";

/** Options of every search. */
export interface StartOptions<B = unknown> {
  /**
   * Where to begin, in the structure of the bounds: the first candidate, or what the
   * first ones lie around. Default: the middle, or nowhere in particular.
   */
  readonly start?: CandidateOf<B> | undefined;
}

/** Options of searches that draw random numbers. */
export interface RandomOptions<B = unknown> extends StartOptions<B> {
  /**
   * The stream that the search splits one of its own from. Default: the default
   * stream.
   */
  readonly random?: RandomState | undefined;
}

/** Options of searches by many candidates at a time. */
export interface PopulationOptions<B = unknown> extends RandomOptions<B> {
  /** The number of candidates that are asked for at a time. */
  readonly populationSize?: number | undefined;
}

/** The rules of {@linkcode StartOptions}. */
export const START_RULES: OptionRules<StartOptions> = { start: anything };

/** The rules of {@linkcode RandomOptions}. */
export const RANDOM_RULES: OptionRules<RandomOptions> = {
  ...START_RULES,
  random: stream,
};

/** The rules of {@linkcode PopulationOptions}. */
export const POPULATION_RULES: OptionRules<PopulationOptions> = {
  ...RANDOM_RULES,
  populationSize: "a positive integer",
};
