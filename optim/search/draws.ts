/**
 * Random numbers of double precision, from a stream of its own.
 *
 * @module
 */
import { probit } from "../../random/normal.ts";
import type { RandomKey, RandomState } from "../../random/state.ts";

/** Draws of numbers for a search. */
export class Draws {
  readonly #stream: RandomState;

  /** Take a stream of its own from `random`, which moves on by one block. */
  constructor(random: RandomState) {
    this.#stream = random.split(1)[0]!;
  }

  /** The stream and the position in it. */
  get position(): RandomKey {
    return this.#stream.value;
  }

  set position(next: RandomKey) {
    this.#stream.value = next;
  }

  /** Numbers between 0 and 1, without the ends. */
  uniform(length: number): Float64Array<ArrayBuffer> {
    const words = this.#stream.words(2 * length);
    return new Float64Array(length).map((_, i) =>
      ((words[2 * i]! >>> 5) * 2 ** 26 + (words[2 * i + 1]! >>> 6) + 0.5) /
      2 ** 53
    );
  }

  /** Standard normal numbers. */
  normal(length: number): Float64Array<ArrayBuffer> {
    return this.uniform(length).map(probit);
  }

  /** The first `count` of the integers below `n` in random order. */
  choose(n: number, count: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    this.uniform(count).forEach((u, i) => {
      const j = i + Math.floor(u * (n - i));
      [order[i], order[j]] = [order[j]!, order[i]!];
    });
    return order.slice(0, count);
  }

  /**
   * Points of the cube `[0, 1]ⁿ`, of which each coordinate has one point in each of
   * `count` equal parts: a Latin hypercube.
   */
  hypercube(count: number, n: number): Float64Array<ArrayBuffer>[] {
    const points = Array.from(
      { length: count },
      () => new Float64Array(n),
    );
    for (let k = 0; k < n; k++) {
      const offsets = this.uniform(count);
      this.choose(count, count).forEach((part, i) =>
        points[i]![k] = (part + offsets[i]!) / count
      );
    }
    return points;
  }
}
