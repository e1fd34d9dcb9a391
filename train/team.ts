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
import { scope } from "../memory.ts";
import {
  type AnyState,
  BatchState,
  type State,
  type States,
} from "../state.ts";
import { mapNamed, type Tensors } from "../tensors.ts";
import type { Measure } from "./measure.ts";

/** Whether a rank has been told to stop, and how. */
export interface Vote {
  /** Why, if it has. */
  readonly reason: string | undefined;
  /** Whether the run is to be resumed. */
  readonly isPaused: boolean;
}

/** What a step of this rank has computed. */
export interface Gradients {
  /** The gradients. */
  readonly grads: Tensors;
  /** The mean loss. */
  readonly loss: tf.Scalar;
}

/** What takes a step with gradients, and frees them. */
export interface Stepping {
  /** Take a step. */
  step(grads: Tensors): void;
}

/** The ranks of a run, of which there are several. */
export abstract class Team {
  /** The ranks. */
  readonly world: World;
  /** What this rank draws inside of the loss. */
  readonly #own: random.RandomState;
  #streams: readonly random.RandomKey[] = [];
  /** Whether the model is the same on all ranks, as it is at the start. */
  #isSettled = true;

  /** The ranks of `world`. */
  constructor(world: World) {
    this.world = world;
    this.#own = world.ownStream(random.default);
  }

  /** Whether this rank writes, reads and calls back. */
  get isFirst(): boolean {
    return this.world.rank === 0;
  }

  /** The loss of this rank. */
  abstract weighted<B extends Batch>(loss: Measure<B>): Measure<B>;

  /**
   * Note how many examples the batch of this rank has.
   *
   * @returns How many its gradients count for.
   */
  abstract weigh(examples: number): number;

  /** The gradients and the loss to take a step with; takes over those of this rank. */
  abstract sum(own: Gradients): Promise<Gradients>;

  /** What takes the steps. */
  abstract readonly stepping: Stepping;

  /** Called after each step; `isTaken` is false of one that was refused. */
  // deno-lint-ignore require-await -- some wait
  async stepped(_isTaken: boolean): Promise<void> {
    this.#isSettled = false;
  }

  /** Whether it holds, on all ranks if they step together. */
  abstract all(holds: boolean): boolean;

  /** What this rank is to do, where all do the same. */
  abstract vote(own: Vote): Vote;

  /** Make the model the same on all ranks, to be measured or saved; once after a step. */
  async settle(model: Module | undefined): Promise<void> {
    if (this.#isSettled) return;
    await this.averageStatistics(model);
    this.#isSettled = true;
  }

  /** Whether ranks take steps by themselves. */
  readonly isLocal: boolean = false;

  /** Parts of a checkpoint, besides those of one process, or in their place. */
  readonly parts: Parts = {};

  /** Start with what the first rank has in `parts`. */
  async begin(parts: Parts): Promise<void> {
    await this.world.broadcast(parts);
  }

  /** Let the first rank have all that a checkpoint needs. */
  // deno-lint-ignore require-await -- some wait
  async gather(): Promise<void> {
    this.#streams = this.world.gather(this.#own.value);
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

  /** Where the own streams of all ranks were at the last `gather`. */
  get streams(): readonly random.RandomKey[] {
    return this.#streams;
  }

  /** Continue with the streams of a checkpoint; a rank that had none has a new one. */
  loadStreams(streams: readonly random.RandomKey[]): void {
    this.#streams = streams;
    const own = streams[this.world.rank];
    if (own) this.#own.value = own;
  }

  /**
   * Put the mean over all ranks in place of running statistics, which each rank has of
   * its own batches.
   */
  async averageStatistics(model: Module | undefined): Promise<void> {
    await this.takeMean(model?.states(BatchState) ?? {});
  }

  /** Put the mean over all ranks in place of states of floats. */
  protected async takeMean(states: States<AnyState>): Promise<void> {
    const floats: Record<string, State> = {};
    for (const [path, state] of Object.entries(states)) {
      const { value } = state;
      const isFloat = value instanceof tf.Tensor && value.dtype === "float32";
      if (isFloat) floats[path] = state as State;
    }
    if (Object.keys(floats).length === 0) return;
    const { size } = this.world;
    const means = await this.world.allReduce(
      scope(() => mapNamed(floats, ({ value }) => tf.div(value, size))),
    );
    for (const path in floats) floats[path]!.value = means[path]!;
    tf.dispose({ ...means });
  }

  /** The vote of the first rank that stops, or `own`. */
  protected voteNow(own: Vote): Vote {
    const [stops] = this.world.sum(Number(own.reason !== undefined));
    if (stops === 0) return own;
    // What is undefined is left out of what is gathered.
    const votes = this.world.gather(own);
    return votes.find(({ reason }) => reason !== undefined)!;
  }

  /** Tell the other ranks of an error, so that they throw too. */
  fail(error: unknown): void {
    if (error instanceof DisagreementError) return; // which all have
    const message = error instanceof Error ? error.message : String(error);
    try {
      this.world.fail(message);
    } catch {
      // The first error is the one to be thrown.
    }
  }

  /** Free what is on the device. */
  abstract dispose(): void;
}

/** Run `fn` on the first rank only, if there are others, who get what it returns. */
export async function onFirst<T>(
  team: Team | undefined,
  fn: () => T | Promise<T>,
): Promise<T> {
  return await (team ? team.world.onFirst(fn) : fn());
}
