/**
 * Text as sequences of character numbers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  anything,
  boolean,
  check,
  checkOptions,
  instanceOf,
  type OptionRules,
} from "../internal/check.ts";
import * as random from "../random.ts";
import { stream } from "../random/state.ts";
import { checkShard, partOf, type Shard, WHOLE } from "./shard.ts";

/**
 * The characters of a text, sorted, and a number for each.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = new train.Vocabulary("banana");
 * assertEquals([...vocabulary.encode("nab")], [2, 0, 1]);
 * assertEquals(vocabulary.decode([2, 0, 1]), "nab");
 * ```
 */
export class Vocabulary {
  /** The characters, by number. */
  readonly characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /**
   * Collect the characters of `text` (code points, so that an emoji is one).
   *
   * @param text A text that has each of them at least once.
   */
  constructor(text: string) {
    this.characters = [...new Set(text)].sort();
    this.#numbers = new Map(this.characters.map((c, i) => [c, i]));
  }

  /** How many characters there are. */
  get size(): number {
    return this.characters.length;
  }

  /**
   * The numbers of a text.
   *
   * @param text Made of the characters of this vocabulary.
   * @returns One number for each character.
   * @throws {RangeError} If it has another character.
   */
  encode(text: string): Int32Array<ArrayBuffer> {
    const numbers = new Int32Array(text.length);
    let length = 0;
    for (const character of text) {
      const number = this.#numbers.get(character);
      if (number === undefined) {
        throw new RangeError(
          `Cannot encode text: each character must be one of the vocabulary's ${this.size}: current value is ${
            JSON.stringify(character)
          }`,
        );
      }
      numbers[length++] = number;
    }
    return numbers.slice(0, length);
  }

  /**
   * The text of some numbers.
   *
   * @param numbers Numbers as {@linkcode Vocabulary.encode} returns them.
   * @returns The text.
   * @throws {RangeError} If a number stands for no character.
   */
  decode(numbers: Iterable<number>): string {
    let text = "";
    for (const number of numbers) {
      const character = this.characters[number];
      if (character === undefined) {
        throw new RangeError(
          `Cannot decode numbers: each must be an integer in [0, ${this.size}): current value is ${number}`,
        );
      }
      text += character;
    }
    return text;
  }
}

/** Options of {@linkcode textWindows}. */
export interface TextWindowsOptions {
  /** Windows in a batch. */
  readonly batchSize: number;
  /** Characters in a window. */
  readonly context: number;
  /** The random state that positions are drawn from. Default: `random.default`. */
  readonly random?: random.RandomState;
  /** The number of batches. Default: unlimited. */
  readonly count?: number;
  /**
   * Whether each loop yields the same windows, as for validation data. The random
   * state then stays unchanged.
   *
   * @default {false}
   */
  readonly repeat?: boolean;
  /**
   * Take one process' part of each batch, as `world.shard` says; `batchSize` stays the
   * size of the whole batch. Default: all of each batch.
   */
  readonly shard?: Shard;
}

/** Windows of a text and the same windows one character later, in batches. */
export interface TextWindows
  extends Iterable<[x: tf.Tensor2D, y: tf.Tensor2D]> {
  /** The part of each batch that is taken. */
  readonly shard: Shard;
}

const RULES: OptionRules<TextWindowsOptions> = {
  batchSize: "a positive integer",
  context: "a positive integer",
  random: stream,
  count: "a positive number",
  repeat: boolean,
  shard: anything,
};

/**
 * Windows of a text at random positions, and the same windows one character later:
 * the inputs and targets of a language model.
 *
 * A batch is freed when the next one is taken, and when the loop is left. To
 * resume, save the random state.
 *
 * @param tokens The text, as numbers.
 * @param options Sizes and randomness.
 * @returns Pairs of int32 `[batchSize, context]`.
 * @throws {RangeError} If the text is not longer than a window.
 */
export function textWindows(
  tokens: Int32Array,
  options: TextWindowsOptions,
): TextWindows {
  checkOptions("cut windows", options, RULES);
  check(
    "cut windows",
    "tokens",
    tokens,
    instanceOf(Int32Array, "an Int32Array"),
  );
  const { batchSize, context, count = Infinity, shard = WHOLE } = options;
  checkShard("cut windows", shard, batchSize);
  if (tokens.length <= context) {
    throw new RangeError(
      `Cannot cut windows: the text must be longer than a window of ${context}: it has ${tokens.length} characters`,
    );
  }
  const drawn = options.random ?? random.default;
  const start = drawn.value;
  return {
    shard,
    *[Symbol.iterator]() {
      const source = options.repeat ? new random.RandomState(start) : drawn;
      for (let i = 0; i < count; i++) {
        const all = random.choice(tokens.length - context, {
          size: batchSize,
          replace: true,
          random: source,
        });
        const starts = partOf(all, shard);
        const cut = (shift: number) => {
          const windows = new Int32Array(starts.length * context);
          starts.forEach((start, row) =>
            windows.set(
              tokens.subarray(start + shift, start + shift + context),
              row * context,
            )
          );
          return tf.tensor2d(windows, [starts.length, context], "int32");
        };
        const batch: [tf.Tensor2D, tf.Tensor2D] = [cut(0), cut(1)];
        try {
          yield batch;
        } finally {
          tf.dispose(batch);
        }
      }
    },
  };
}
