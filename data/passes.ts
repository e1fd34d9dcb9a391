/**
 * Passes over examples: their order and position.
 *
 * @module
 */
import {
  anything,
  boolean,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import * as random from "../random.ts";
import { stream } from "../random/state.ts";
import { checkShard, partOf, type Shard, WHOLE } from "./shard.ts";

/** Options of {@linkcode batches}. */
export interface BatchesOptions {
  /** Examples in a batch. @default {32} */
  readonly batchSize?: number;
  /** Whether to draw a new order of the examples for each pass. @default {false} */
  readonly shuffle?: boolean;
  /** The random state that orders are drawn from. Default: `random.default`. */
  readonly random?: random.RandomState;
  /** Whether to drop a last batch that has fewer examples. @default {false} */
  readonly dropLast?: boolean;
  /**
   * Take one process' part of each batch, as `world.shard` says. `batchSize` stays the
   * size of the whole batch, so that a run has the same steps with any number of
   * processes. A batch with fewer examples than parts is dropped. Default: all of each
   * batch.
   */
  readonly shard?: Shard;
}

/** The rules of {@linkcode BatchesOptions}. */
export const BATCHES_RULES: OptionRules<BatchesOptions> = {
  batchSize: "a positive integer",
  shuffle: boolean,
  random: stream,
  dropLast: boolean,
  shard: anything,
};

/** The position of a pass over {@linkcode Batches}, as plain data. */
export interface BatchesPlace {
  /** The key that the order of this pass was drawn from; `null` without shuffling. */
  readonly order: random.RandomKey | null;
  /** Batches yielded so far in this pass. */
  readonly position: number;
  /** Examples in a batch; the position counts such batches. */
  readonly batchSize?: number;
  /** Examples in the sources. */
  readonly examples?: number;
}

/** One pass: which examples each batch has. */
export interface Pass {
  /** The batch to begin with. */
  readonly from: number;
  /** The examples of batch `i`, or of this process' part of it. */
  indicesOf(i: number): Int32Array;
  /** Note that batch `i` is given away. */
  give(i: number): void;
  /** Note that all batches were. */
  end(): void;
}

/** The batches of a pass, of the order of its examples. */
export type Cut = (order: Int32Array) => readonly Int32Array[];

/** Batches of examples that follow each other. */
function contiguous({ batchSize = 32, dropLast }: BatchesOptions): Cut {
  return (order) => {
    const round = dropLast ? Math.floor : Math.ceil;
    const length = round(order.length / batchSize);
    return Array.from(
      { length },
      (_, i) => order.subarray(i * batchSize, (i + 1) * batchSize),
    );
  };
}

/** The batches that have an example for each of `count` parts. */
function forParts(cut: Cut, count: number): Cut {
  return (order) => cut(order).filter(({ length }) => length >= count);
}

/**
 * The base of batches that can be iterated over many times, each time in a new order if
 * shuffled.
 */
export abstract class Passes {
  /** Batches in one pass. */
  readonly length: number;
  /** Examples in one pass. */
  readonly examples: number;
  /** The part of each batch that is taken. */
  readonly shard: Shard;
  /** Examples in the sources; more than `examples` if the last batch is dropped. */
  readonly #held: number;
  readonly #batchSize: number;
  readonly #shuffle: boolean;
  readonly #random: random.RandomState;
  readonly #cut: Cut;
  #place: BatchesPlace | null = null;
  /** Where the next pass starts, after `loadStateDict`. */
  #resume: BatchesPlace | null = null;

  /** Passes over `examples` examples; always as many batches. */
  constructor(
    examples: number,
    options: BatchesOptions,
    cut: Cut = contiguous(options),
  ) {
    const { batchSize = 32, dropLast = false, shard = WHOLE } = options;
    checkShard("make batches", shard, batchSize);
    const parts = shard.count === 1 ? cut : forParts(cut, shard.count);
    const batches = parts(inOrder(examples));
    if (batches.length === 0) {
      const least = dropLast ? batchSize : shard.count;
      throw new RangeError(
        `Cannot make batches: there must be examples for at least one batch of ${least}: there are ${examples}`,
      );
    }
    this.shard = shard;
    this.#batchSize = batchSize;
    this.#shuffle = options.shuffle ?? false;
    this.#random = options.random ?? random.default;
    this.#cut = parts;
    this.length = batches.length;
    this.examples = batches.reduce((sum, { length }) => sum + length, 0);
    this.#held = examples;
  }

  /** Begin a pass. */
  protected begin(): Pass {
    const resume = this.#resume;
    this.#resume = null;
    const key = resume
      ? resume.order
      : this.#shuffle
      ? this.#random.value
      : null;
    const batches = this.#cut(this.#order(key, resume === null));
    const batchSize = this.#batchSize;
    return {
      from: resume?.position ?? 0,
      indicesOf: (i) => partOf(batches[i]!, this.shard),
      give: (i) => {
        const examples = this.#held;
        this.#place = { order: key, position: i + 1, batchSize, examples };
      },
      end: () => {
        this.#place = null;
      },
    };
  }

  /**
   * The position of the current pass, as plain data.
   *
   * @returns The position; `null` between two passes.
   */
  stateDict(): BatchesPlace | null {
    return this.#place ?? this.#resume;
  }

  /**
   * Start the next pass at a saved position. The random state that shuffles is
   * saved and loaded separately.
   *
   * @param place What {@linkcode Passes.stateDict} returned.
   * @throws {RangeError} If these batches have no such position.
   */
  loadStateDict(place: BatchesPlace | null): void {
    if (place !== null) this.#checkPlace(place);
    this.#resume = place;
    this.#place = null;
  }

  #checkPlace(place: BatchesPlace): void {
    const action = "load the place in the batches";
    if (typeof place !== "object") {
      refuse(action, "it", "what stateDict() returned", place, TypeError);
    }
    const { position, order, batchSize, examples } = place;
    const within = Number.isSafeInteger(position) && position >= 0 &&
      position <= this.length;
    if (!within || (order !== null) !== this.#shuffle) {
      throw new RangeError(
        `Cannot ${action}: it must be one of ${this.length} ${
          this.#shuffle ? "shuffled" : "unshuffled"
        } batches: current place is ${JSON.stringify(place)}`,
      );
    }
    if (order !== null) checkKey(action, order);
    if (position === 0) return;
    for (
      const [name, saved, now] of [
        ["batchSize", batchSize, this.#batchSize],
        ["the number of examples", examples, this.#held],
      ] as const
    ) {
      if (saved === undefined || saved === now) continue;
      refuse(action, name, `${saved}, as when the pass began`, now);
    }
  }

  /** The order of a pass; `advance` is whether to draw from the shared state. */
  #order(key: random.RandomKey | null, advance: boolean): Int32Array {
    const n = this.#held;
    if (key === null) return inOrder(n);
    const state = advance ? this.#random : new random.RandomState(key);
    return random.permutation(n, { random: state });
  }
}

function inOrder(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Throw unless `key` is the key of a random state. */
function checkKey(action: string, key: random.RandomKey): void {
  const { key: words, offset } = Object(key);
  const isWord = (x: unknown) => Number.isInteger(x) && x as number >= 0;
  const isKey = Array.isArray(words) && words.length === 2 &&
    words.every(isWord) && Number.isSafeInteger(offset) && offset >= 0;
  if (!isKey) refuse(action, "order", "the key of a random state", key);
}
