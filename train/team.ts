/**
 * What {@linkcode fit} does together with other processes.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Parts } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import { DisagreementError } from "../distributed/agreement.ts";
import type { World } from "../distributed/world.ts";
import type { Module } from "../nn/mod.ts";
import * as random from "../random.ts";
import { BatchState, State } from "../state.ts";
import { scope } from "../memory.ts";
import { mapNamed, type Tensors } from "../tensors.ts";
import type { Measure } from "./measure.ts";

/** Whether a rank has been told to stop, and how. */
export interface Vote {
  /** Why, if it has. */
  readonly reason: string | undefined;
  /** Whether the run is to be resumed. */
  readonly isPaused: boolean;
}

/** The ranks of `world` and the position in their data; undefined of one process. */
export function teamOf(
  world: World | undefined,
  place: () => unknown,
): Team | undefined {
  return world && world.size > 1 ? new Team(world, place) : undefined;
}

/** Run `fn` on the first rank only, if there are others, who get what it returns. */
export async function onFirst<T>(
  team: Team | undefined,
  fn: () => T | Promise<T>,
): Promise<T> {
  return await (team ? team.world.onFirst(fn) : fn());
}

/** The ranks of a run. */
export class Team {
  readonly #world: World;
  /** The share of this rank in the batch of all, which its loss is multiplied by. */
  readonly #share: State<tf.Scalar>;
  #lastShare = 1;
  /** What this rank draws inside of the loss. */
  readonly #own: random.RandomState;
  #streams: readonly random.RandomKey[] = [];
  /** The position in the data. */
  readonly #place: () => unknown;

  /** The ranks of `world`, which are more than one, and the position in their data. */
  constructor(world: World, place: () => unknown) {
    this.#world = world;
    this.#place = place;
    this.#share = scope(() => new State(tf.scalar(1)));
    this.#own = world.ownStream(random.default);
  }

  /** Whether this rank writes, reads and calls back. */
  get isFirst(): boolean {
    return this.#world.rank === 0;
  }

  /** The ranks. */
  get world(): World {
    return this.#world;
  }

  /**
   * `loss`, multiplied by the share of this rank: the sum over all ranks is the mean over
   * all examples, and so is the sum of the gradients.
   */
  weighted<B extends Batch>(loss: Measure<B>): Measure<B> {
    return (...batch) => {
      const value = loss(...batch);
      // What is no scalar is refused by whoever differentiates.
      return value instanceof tf.Tensor && value.rank === 0
        ? tf.mul<tf.Scalar>(value, this.#share.value)
        : value;
    };
  }

  /**
   * Tell `weighted` how many examples the batch of this rank has.
   *
   * @returns How many those of all ranks have.
   */
  weigh(examples: number): number {
    const share = this.#world.share(examples);
    if (share !== this.#lastShare) {
      scope(() => {
        this.#share.value = tf.scalar(share);
      });
      this.#lastShare = share;
    }
    return Math.round(examples / share);
  }

  /** Run `fn` with this rank's own stream in place of `random.default`. */
  withOwnStream<T>(fn: () => T): T {
    const common = random.default.value;
    random.default.value = this.#own.value;
    try {
      return fn();
    } finally {
      this.#own.value = random.default.value;
      random.default.value = common;
    }
  }

  /** The sums of gradients and losses over all ranks; what is given is freed. */
  async sum(
    grads: Tensors,
    loss: tf.Scalar,
  ): Promise<{ grads: Tensors; loss: tf.Scalar }> {
    const name = this.#lossName();
    const sums = await this.#world.allReduce({ ...grads, [name]: loss });
    const { [name]: sum, ...rest } = sums;
    return { grads: rest, loss: sum as tf.Scalar };
  }

  /**
   * What the loss is called among the gradients. Ranks must agree on names: so they must
   * on the order of the data, and on what they will draw from the common stream.
   */
  #lossName(): string {
    const { key, offset } = random.default.value;
    const place = JSON.stringify(this.#place());
    return `the loss, at ${place} of the data and ${key}:${offset} of random.default`;
  }

  /** Whether it holds on all ranks. */
  all(holds: boolean): boolean {
    return this.#world.sum(Number(!holds))[0] === 0;
  }

  /** What all ranks do: what the first one does that stops, if one does. */
  vote(own: Vote): Vote {
    const [stops] = this.#world.sum(Number(own.reason !== undefined));
    if (stops === 0) return own;
    // What is undefined is left out of what is gathered.
    const votes = this.#world.gather(own);
    return votes.find(({ reason }) => reason !== undefined)!;
  }

  /** Start with what the first rank has. */
  async begin(parts: Parts): Promise<void> {
    await this.#world.broadcast(parts);
  }

  /** Where the own streams of all ranks are, since the last `gatherStreams`. */
  get streams(): readonly random.RandomKey[] {
    return this.#streams;
  }

  /** Learn where the own streams of all ranks are, for a checkpoint. */
  gatherStreams(): void {
    this.#streams = this.#world.gather(this.#own.value);
  }

  /** Continue with the streams of a checkpoint; a rank that had none has a new one. */
  loadStreams(streams: readonly random.RandomKey[]): void {
    this.#streams = streams;
    const own = streams[this.#world.rank];
    if (own) this.#own.value = own;
  }

  /**
   * Put the mean over all ranks in place of running statistics, which each rank has of
   * its own batches.
   */
  async averageStatistics(model: Module | undefined): Promise<void> {
    const states = model?.states(BatchState) ?? {};
    const floats: Record<string, State> = {};
    for (const [path, state] of Object.entries(states)) {
      const { value } = state;
      const isFloat = value instanceof tf.Tensor && value.dtype === "float32";
      if (isFloat) floats[path] = state as State;
    }
    if (Object.keys(floats).length === 0) return;
    const { size } = this.#world;
    const means = await this.#world.allReduce(
      scope(() => mapNamed(floats, ({ value }) => tf.div(value, size))),
    );
    for (const path in floats) floats[path]!.value = means[path]!;
    tf.dispose({ ...means });
  }

  /** Free what is on the device. */
  dispose(): void {
    this.#share.dispose();
  }

  /** Tell the other ranks of an error, so that they throw too. */
  fail(error: unknown): void {
    if (error instanceof DisagreementError) return; // which all have
    const message = error instanceof Error ? error.message : String(error);
    try {
      this.#world.fail(message);
    } catch {
      // The first error is the one to be thrown.
    }
  }
}
