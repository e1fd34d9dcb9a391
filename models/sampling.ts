/**
 * Drawing the next token.
 *
 * @module
 */
import type { OptionRules } from "../internal/check.ts";
import * as randomness from "../random.ts";
import type { RandomState } from "../random.ts";
import { stream } from "../random/state.ts";

/** How the next token is drawn. */
export interface SamplingOptions {
  /**
   * What scores are divided by: below 1 the likely tokens become likelier. 0 always
   * takes the likeliest. Default: 1.
   */
  readonly temperature?: number;
  /**
   * How many of the likeliest tokens may be drawn, with those that are as likely as the
   * last of them. Default: all.
   */
  readonly topK?: number;
  /**
   * Only the likeliest tokens may be drawn, as few as have this probability together
   * (Holtzman et al. 2019). Default: 1, which is all.
   */
  readonly topP?: number;
  /** The stream to draw from. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode SamplingOptions}. */
export const SAMPLING_RULES: OptionRules<SamplingOptions> = {
  temperature: "a nonnegative finite number",
  topK: "a positive integer",
  topP: "in (0, 1]",
  random: stream,
};

/**
 * The probability of each token: the softmax of `scores / temperature` over the `topK`
 * highest, of these those of the smallest set that has probability `topP`.
 *
 * @param scores The logits.
 * @param options See {@linkcode SamplingOptions}.
 */
export function tokenProbabilities(
  scores: ArrayLike<number>,
  { temperature = 1, topK, topP = 1 }: SamplingOptions,
): Float64Array {
  const p = Float64Array.from(scores);
  const highest = p.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(highest)) {
    throw new RangeError(
      `Cannot draw a token: scores must be finite: the highest is ${highest}`,
    );
  }
  if (temperature === 0) {
    const best = p.indexOf(highest);
    return p.fill(0).fill(1, best, best + 1);
  }
  const lowest = topK !== undefined && topK < p.length
    ? p.toSorted()[p.length - topK]!
    : -Infinity;
  for (let i = 0; i < p.length; i++) {
    p[i] = p[i]! < lowest ? 0 : Math.exp((p[i]! - highest) / temperature);
  }
  normalize(p);
  if (topP === 1) return p;
  const order = Uint32Array.from(p.keys()).sort((i, j) => p[j]! - p[i]!);
  let before = 0; // the probability of all that are likelier
  for (const i of order) {
    const own = p[i]!;
    if (before >= topP) p[i] = 0;
    before += own;
  }
  normalize(p);
  return p;
}

/** Draw a token. */
export function drawToken(
  scores: ArrayLike<number>,
  options: SamplingOptions,
): number {
  const probabilities = tokenProbabilities(scores, options);
  if (options.temperature === 0) return probabilities.indexOf(1);
  const { random = randomness.default } = options;
  const [high, low] = random.words(2) as unknown as [number, number];
  let left = ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  let last = 0;
  for (const [token, probability] of probabilities.entries()) {
    if (probability === 0) continue;
    last = token;
    left -= probability;
    if (left < 0) break;
  }
  return last;
}

function normalize(p: Float64Array) {
  const sum = p.reduce((a, b) => a + b, 0);
  for (let i = 0; i < p.length; i++) p[i]! /= sum;
}
