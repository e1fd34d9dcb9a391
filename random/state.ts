/**
 * Streams of random numbers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, instanceOf, pair, type ValueRule } from "../internal/check.ts";
import { activeLevels, perExample } from "../internal/batching.ts";
import { recording } from "../internal/recording.ts";
import { LongTermState } from "../state.ts";
import { philox } from "./philox.ts";

/**
 * The position of a stream of random numbers: plain immutable data, as checkpoints
 * save it.
 */
export interface RandomKey {
  /** The stream: two unsigned 32-bit integers. */
  readonly key: readonly [number, number];
  /** The number of blocks of four words that have been drawn. */
  readonly offset: number;
}

/** The last word of the counter: the purpose of a block of words. */
const DRAW = 0;
const SPLIT = 1;

/** Why what sets a stream is not replayed: its draws are relative to the position before. */
const SEEDS = "it seeds a random stream";

/**
 * The numbers that are drawn at a position of a stream.
 *
 * @param value The number for each word.
 */
export function numbersAt(
  position: RandomKey,
  length: number,
  value: (word: number) => number,
): Float32Array<ArrayBuffer> {
  const words = philox(position, DRAW, length);
  const numbers = new Float32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = value(words[i]!);
  return numbers;
}

/**
 * A stream of random numbers.
 *
 * Each draw writes the state, so `grad` rolls it back when the loss throws, a
 * checkpoint resumes it, and two streams never influence each other. The numbers
 * are Philox 4x32-10 (Salmon et al. 2011), computed on the host: the same on every
 * backend.
 *
 * @example Independent streams
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
   * Starts the stream of a seed.
   *
   * @param seed A safe integer, or a key.
   * @throws {RangeError} If the seed is not a safe integer.
   */
  constructor(seed: number | RandomKey = 0) {
    super(isKey(seed) ? checked("create RandomState", seed) : keyOf(seed));
  }

  /** The stream and the position in it. */
  override get value(): RandomKey {
    return super.value;
  }

  override set value(next: RandomKey) {
    recording.now?.refuse(SEEDS);
    super.value = checked("write RandomState", next);
  }

  /** As writing `value`. */
  override replace(next: RandomKey): void {
    recording.now?.refuse(SEEDS);
    super.replace(checked("write RandomState", next));
  }

  /** Restarts the stream at a seed, which must be a safe integer. */
  seed(seed: number): void {
    this.value = keyOf(seed);
  }

  /**
   * Draws raw words.
   *
   * @param length The number of words; the stream advances by whole blocks of four.
   * @returns Unsigned 32-bit integers.
   */
  words(length: number): Uint32Array<ArrayBuffer> {
    check("draw words", "length", length, "a nonnegative integer");
    if (activeLevels().length > 0) {
      throw new Error(
        "Cannot draw words inside of vmap: they would be the same for all examples: draw tensors",
      );
    }
    recording.now?.refuse("it uses random words in JavaScript");
    return philox(this.#advance(Math.ceil(length / 4)), DRAW, length);
  }

  /**
   * Draws a float32 tensor.
   *
   * @param shape The sizes of the axes.
   * @param value The element for each word.
   */
  tensor<R extends tf.Rank>(
    shape: tf.ShapeMap[R],
    value: (word: number) => number,
  ): tf.Tensor<R> {
    // Inside of vmap each example has numbers of its own.
    return perExample(shape, (all) => this.#draw(all, value)) as tf.Tensor<R>;
  }

  #draw(shape: number[], value: (word: number) => number): tf.Tensor {
    const length = tf.util.sizeFromShape(shape);
    const values = (position: RandomKey) => numbersAt(position, length, value);
    const position = this.#advance(Math.ceil(length / 4));
    const x = tf.tensor(values(position), shape, "float32");
    const { offset } = position;
    recording.now?.drawn({ stream: this, offset, x, values });
    return x;
  }

  /**
   * New streams, independent of this one and of each other.
   *
   * @param count The number of streams. Default: 2.
   */
  split(count = 2): RandomState[] {
    check("split a stream", "count", count, "a nonnegative integer");
    recording.now?.refuse("it splits a random stream");
    const words = philox(this.#advance(count), SPLIT, 4 * count);
    return Array.from({ length: count }, (_, i) =>
      new RandomState({
        key: [words[4 * i]!, words[4 * i + 1]!],
        offset: 0,
      }));
  }

  /** Advances by a number of blocks, and returns the position before. */
  #advance(blocks: number): RandomKey {
    const { key, offset } = this.value;
    super.value = { key, offset: offset + blocks };
    return { key, offset };
  }
}

/** A stream of random numbers, for checks. */
export const stream: ValueRule = instanceOf(RandomState, "a RandomState");

function isKey(x: unknown): x is RandomKey {
  return typeof x === "object" && x !== null && "key" in x && "offset" in x;
}

const word = "a nonnegative integer";

/** `key`, if it is one: a checkpoint may have been crafted. */
function checked(action: string, key: RandomKey): RandomKey {
  const { key: words, offset } = Object(key) as Partial<RandomKey>;
  check(action, "key", words, pair(word, word));
  check(action, "offset", offset, word);
  return key;
}

function keyOf(seed: number): RandomKey {
  check("seed a stream", "seed", seed, "an integer");
  return { key: [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], offset: 0 };
}
