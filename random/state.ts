/**
 * The state that random numbers come from.
 *
 * @module
 */
import { LongTermState } from "../state.ts";
import { philox } from "./philox.ts";

/**
 * Where a stream of random numbers stands: which stream, and how far it is.
 *
 * Plain immutable data, so a checkpoint of a {@linkcode RandomState} is this.
 */
export interface RandomKey {
  /** The stream: two unsigned 32-bit integers. */
  readonly key: readonly [number, number];
  /** How many blocks of four words have been drawn from it. */
  readonly offset: number;
}

/** The last word of the counter: what a block of words is for. */
const DRAW = 0;
const SPLIT = 1;

/**
 * A stream of random numbers, and the place reached in it.
 *
 * Drawing writes the state, so `grad` rolls it back when the loss throws, a
 * checkpoint resumes it, and two streams never influence each other. The numbers
 * are Philox 4x32-10 (Salmon et al. 2011), made on the host: the same on every
 * backend.
 *
 * @example A stream of one's own
 * ```ts
 * import { random } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = new random.RandomState(42);
 * const [left, right] = stream.split(2);
 * const first = left!.words(3);
 * left!.value = { ...left!.value, offset: 0 };
 * assertEquals(left!.words(3), first);
 * assertEquals(right!.value.offset, 0);
 * ```
 */
export class RandomState extends LongTermState<RandomKey> {
  /**
   * Start the stream of `seed`.
   *
   * @param seed A safe integer, or a key.
   * @throws {RangeError} If the seed is no safe integer.
   */
  constructor(seed: number | RandomKey = 0) {
    super(typeof seed === "number" ? keyOf(seed) : seed);
  }

  /** Begin the stream of `seed` anew. */
  seed(seed: number): void {
    this.value = keyOf(seed);
  }

  /**
   * Draw raw words.
   *
   * @param length How many; the stream moves on by whole blocks of four.
   * @returns Unsigned 32-bit integers.
   */
  words(length: number): Uint32Array<ArrayBuffer> {
    return philox(this.#advance(Math.ceil(length / 4)), DRAW, length);
  }

  /**
   * New streams, independent of this one and of each other.
   *
   * @param count How many.
   * @returns That many states.
   */
  split(count = 2): RandomState[] {
    const words = philox(this.#advance(count), SPLIT, 4 * count);
    return Array.from({ length: count }, (_, i) =>
      new RandomState({
        key: [words[4 * i]!, words[4 * i + 1]!],
        offset: 0,
      }));
  }

  /** The place before moving on by `blocks`. */
  #advance(blocks: number): RandomKey {
    const { key, offset } = this.value;
    this.value = { key, offset: offset + blocks };
    return { key, offset };
  }
}

function keyOf(seed: number): RandomKey {
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(
      `Cannot seed: the seed must be a safe integer: current value is ${seed}`,
    );
  }
  return { key: [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], offset: 0 };
}
