/**
 * The state of a search, and its checks.
 *
 * @module
 */
import { check, checkObject, refuse } from "../../internal/check.ts";
import { type RandomKey, RandomState } from "../../random/state.ts";
import type { Space } from "./bounds.ts";
import { checkMemory, type Memory } from "./strategy.ts";

/** The state of a search, as plain data. */
export interface SearchState {
  /** The least value of each element. */
  readonly low: Float64Array;
  /** The greatest value of each element. */
  readonly high: Float64Array;
  /** The stream that it draws from; `null` if it draws nothing. */
  readonly random: RandomKey | null;
  /** The number of values that it was told. */
  readonly nEvaluations: number;
  /** The best point so far; `null` if there is none. */
  readonly best: Float64Array | null;
  /** Its value. */
  readonly bestValue: number;
  /** The points that were asked for and not told, in a row. */
  readonly pending: Float64Array | null;
  /** What its algorithm remembers. */
  readonly memory: Readonly<Record<string, number | Float64Array>>;
}

/** What a state must be like. */
export interface Own {
  /** The bounds. */
  readonly space: Pick<Space<unknown>, "low" | "high" | "size">;
  /** Whether the search draws random numbers. */
  readonly draws: boolean;
  /** What its algorithm remembers. */
  readonly memory: Memory;
}

/** Throw unless `state` is of a search like this one, with the same bounds. */
export function checkState(
  action: string,
  state: SearchState,
  { space, draws, memory }: Own,
): void {
  checkObject(action, state, "the state");
  const { low, high, random, nEvaluations, best, bestValue, pending } = state;
  checkSame(action, "low", space.low, low);
  checkSame(action, "high", space.high, high);
  check(action, "nEvaluations", nEvaluations, "a nonnegative integer");
  check(action, "bestValue", bestValue, "a number");
  if (best !== null) checkPoints(action, "best", best, space.size, true);
  if (pending !== null) checkPoints(action, "pending", pending, space.size);
  if ((random === null) === draws) {
    const is = draws ? "the position of a stream" : "null";
    refuse(action, "random", is, random, TypeError);
  }
  if (random !== null) new RandomState(0).value = random;
  checkMemory(action, memory, state.memory);
}

/** Points in a row. */
export function joined(
  points: readonly Float64Array[],
  size: number,
): Float64Array {
  const all = new Float64Array(points.length * size);
  points.forEach((point, i) => all.set(point, i * size));
  return all;
}

/** The points of a row. */
export function cut(all: Float64Array, size: number): Float64Array[] {
  return Array.from(
    { length: all.length / size },
    (_, i) => all.slice(i * size, (i + 1) * size),
  );
}

function checkSame(
  action: string,
  name: string,
  own: Float64Array,
  given: unknown,
): void {
  const isSame = given instanceof Float64Array && given.length === own.length &&
    own.every((x, i) => x === given[i]);
  if (isSame) return;
  const value = given instanceof Float64Array ? [...given] : given;
  refuse(action, name, `that of the bounds, ${[...own]}`, value);
}

function checkPoints(
  action: string,
  name: string,
  given: unknown,
  size: number,
  isOne = false,
): void {
  const is = isOne
    ? `a Float64Array of length ${size}`
    : `a Float64Array of points with ${size} elements`;
  if (!(given instanceof Float64Array)) {
    refuse(action, name, is, given, TypeError);
  }
  const count = given.length / size;
  if (isOne ? count === 1 : count > 0 && Number.isInteger(count)) return;
  refuse(action, name, is, `${given.length} numbers`);
}
