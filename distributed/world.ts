/**
 * The processes that train one model together.
 *
 * @module
 */
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type Parts,
} from "../checkpoint.ts";
import type { Shard } from "../data/shard.ts";
import {
  check,
  instanceOf,
  listOf,
  refuse,
  string,
} from "../internal/check.ts";
import { RandomState } from "../random.ts";
import type { Tensors } from "../tensors.ts";
import { agree, gatherTexts, NUMBERS } from "./agreement.ts";
import type { Communicator } from "./mpi/communicator.ts";
import { changeRows, type Row } from "./rows.ts";

const communicators = new WeakMap<World, Communicator>();

/** The operations on memory of a world. Internal. */
export function communicatorOf(world: World): Communicator {
  return communicators.get(world)!;
}

/**
 * The processes of a run, each with a rank. All methods are collective: all ranks must
 * call them in the same order. If they do not, each throws; if one does not call at all,
 * the others end after the time limit of `mpi`.
 */
export class World {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** What the MPI library calls itself. */
  readonly library: string;
  readonly #mpi: Communicator;
  readonly #inOrder: boolean;
  /** Whether gradients are reduced while others are computed. */
  readonly overlaps: boolean;

  /** Use `mpi`. */
  constructor(
    mpi: Communicator,
    how: { readonly inOrder: boolean; readonly overlaps: boolean },
  ) {
    this.#mpi = mpi;
    communicators.set(this, mpi);
    this.#inOrder = how.inOrder;
    this.overlaps = how.overlaps;
    this.rank = mpi.rank;
    this.size = mpi.size;
    this.library = mpi.version;
  }

  /** Which part of the data is this rank's, for `train.batches`. */
  get shard(): Shard {
    return { index: this.rank, count: this.size };
  }

  /**
   * The sum of each tensor over all ranks.
   *
   * For the gradients of a mean over the examples of all ranks, multiply the loss by
   * {@linkcode World.share} before they are computed.
   *
   * @param tensors Of float32, by name; they are freed.
   * @returns The sums, the same bits on all ranks, under the same names; the caller's.
   * @throws {TypeError} If a tensor is not of float32.
   * @throws {RangeError} On all ranks, if they differ in names or shapes.
   */
  async allReduce(tensors: Tensors): Promise<Tensors> {
    const layout: string[] = [];
    for (const [name, { dtype, shape }] of Object.entries(tensors)) {
      if (dtype !== "float32") {
        const rule = "of float32";
        refuse("reduce", `the tensor "${name}"`, rule, dtype, TypeError);
      }
      layout.push(`${name}[${shape}]`);
    }
    this.#agree("reduce", layout.join(" "));
    if (this.size === 1) return tensors;
    return await changeRows(tensors, (row) => this.#reduce(row));
  }

  /**
   * Replace numbers by their sums over all ranks, without waiting for a device.
   *
   * @param values As many on all ranks.
   * @throws {RangeError} On all ranks, if they differ in number.
   */
  reduceInPlace(values: Float32Array): void {
    const rule = instanceOf(Float32Array, "a Float32Array");
    check("reduce", "the values", values, rule);
    this.#agree("reduce", `${values.length} numbers`);
    this.#reduce(values);
  }

  #reduce(row: Row): void {
    if (this.#inOrder) this.#mpi.sumInOrder(row);
    else this.#mpi.allReduce(row);
  }

  /**
   * What part of the whole is this rank's.
   *
   * @param amount Such as the number of examples in its batch.
   * @returns `amount` divided by the sum of all ranks' amounts.
   * @throws {RangeError} On all ranks, if an amount is negative or no number, or all
   *   are 0.
   */
  share(amount: number): number {
    const isBad = !(amount >= 0 && amount < Infinity);
    const sums = this.#agree("share", "", [isBad ? 0 : amount, Number(isBad)]);
    const [total = 0, bad] = sums;
    if (bad === 0 && total > 0) return amount / total;
    throw new RangeError(
      `Cannot share: each amount must be a nonnegative finite number, and their sum positive: the amount of rank ${this.rank} is ${amount}, ${bad} of ${this.size} are refused, the sum of the others is ${total}`,
    );
  }

  /**
   * The sum of each number over all ranks.
   *
   * @param numbers As many on all ranks.
   */
  sum(...numbers: readonly number[]): number[] {
    check("sum", "the numbers", numbers, listOf("a number"));
    const { length } = numbers;
    if (length <= NUMBERS) return this.#agree("sum", `${length}`, numbers);
    this.#agree("sum", `${length}`);
    const sums = Float64Array.from(numbers);
    this.#mpi.allReduce(sums);
    return [...sums];
  }

  /**
   * Plain data of each rank, in the order of ranks.
   *
   * @typeParam T What JSON can hold.
   */
  gather<T>(data: T): T[] {
    this.#agree("gather", "");
    if (this.size === 1) return [data];
    const text = JSON.stringify(data ?? null);
    return gatherTexts(this.#mpi, text).map((text) => JSON.parse(text));
  }

  /**
   * Give the other ranks what rank 0 has: the states of models, optimizers with slots and
   * schedules, random streams, plain data.
   *
   * @typeParam P The parts.
   * @param parts As for `saveCheckpoint`.
   * @returns The parts, with the plain data of rank 0.
   */
  async broadcast<P extends Parts>(parts: P): Promise<P> {
    this.#agree("broadcast", Object.keys(parts).join(" "));
    if (this.size === 1) return parts;
    const own = this.rank === 0 ? await encodeCheckpoint(parts) : undefined;
    const length = Float64Array.of(own?.length ?? 0);
    this.#mpi.broadcast(length);
    const bytes = own ?? new Uint8Array(length[0]!);
    this.#mpi.broadcast(bytes);
    if (this.rank === 0) return parts;
    const { data } = await decodeCheckpoint(bytes, parts);
    return { ...parts, ...data };
  }

  /**
   * A random stream of this rank's own, for what must differ between ranks.
   *
   * @param common A stream that is the same on all ranks; it is not moved.
   */
  ownStream(common: RandomState): RandomState {
    const rule = instanceOf(RandomState, "a RandomState");
    check("make a random stream", "the stream", common, rule);
    return new RandomState(common.value).split(this.size)[this.rank]!;
  }

  /** Wait until all ranks are here. */
  barrier(): void {
    this.#agree("meet", "");
  }

  /**
   * Run `fn` on rank 0, while the others wait for it.
   *
   * @typeParam T What it returns; what JSON can hold.
   * @param fn What to run.
   * @returns What `fn` returned, on all ranks.
   * @throws {Error} On all ranks, if it throws.
   */
  async onFirst<T>(fn: () => T | Promise<T>): Promise<T> {
    let value: T | undefined, error: unknown;
    if (this.rank === 0) {
      try {
        value = await fn();
      } catch (thrown) {
        error = thrown ?? new Error("Something threw nothing");
      }
    }
    const message = error instanceof Error ? error.message : String(error);
    const [first] = this.gather(
      this.rank > 0 ? {} : error === undefined ? { value } : { message },
    );
    if (error !== undefined) throw error;
    if (first!.message !== undefined) throw new Error(first!.message);
    return this.rank === 0 ? value as T : first!.value as T;
  }

  /**
   * Tell the other ranks that this one cannot go on: each throws where it waits for
   * it. A rank whose process ends with an error needs no call, which ends all.
   *
   * @param message Why, for their errors.
   */
  fail(message: string): void {
    check("fail", "the message", message, string);
    this.#agree("fail", `because of: ${message}`);
  }

  #agree(action: string, what: string, numbers?: readonly number[]): number[] {
    return agree(this.#mpi, action, what, numbers);
  }
}
