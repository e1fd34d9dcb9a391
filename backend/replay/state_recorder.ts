/**
 * What a function does outside of kernels: the same on every backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { Batched } from "../../internal/batching.ts";
import { frames } from "../../internal/frames.ts";
import type { RandomDraw, StreamPosition } from "../../internal/recording.ts";
import type { Refusal } from "./program.ts";
import type { StreamDraws } from "./recorded.ts";

/** Listens to reads and writes of states, settings and random streams. */
export abstract class StateRecorder {
  /** The states that were written. */
  readonly written: Set<object> = new Set();
  /** Plain values that were read from states. */
  readonly values: Map<object, unknown> = new Map();
  /** Parameters that were asked whether they are frozen. */
  readonly frozenStates: Map<object, boolean> = new Map();
  /** Settings that were read from the contexts of the caller. */
  readonly settings: Map<string, unknown> = new Map();
  /** Random streams that were drawn from, with their positions before. */
  readonly streams: Map<object, StreamPosition> = new Map();
  /** What must be true for a replay. */
  readonly conditions: (() => boolean)[] = [];
  readonly #depth: number;
  #isExcepted = false;
  #refusal: Refusal | undefined;

  /** Listen to a function that is called inside `depth` contexts. */
  constructor(depth: number) {
    this.#depth = depth;
  }

  /** Why such calls cannot be replayed, if they cannot. */
  get refusal(): Refusal | undefined {
    return this.#isExcepted ? undefined : this.#refusal;
  }

  /** Whether this call is not as others, so that nothing is known of them. */
  get isExcepted(): boolean {
    return this.#isExcepted;
  }

  /** What was done is right where `fn` is true. */
  onlyIf(fn: () => boolean): void {
    if (fn()) this.conditions.push(fn);
    else this.#isExcepted = true;
  }

  /** `state` held the tensor `x` before the call. */
  protected abstract holds(x: tf.Tensor, state: object): void;

  /** A state was read. */
  read(state: object, value: unknown): void {
    // What stands for one of each example was made in the call.
    if (value instanceof Batched) return;
    if (value instanceof tf.Tensor) {
      if (!this.written.has(state)) this.holds(value, state);
    } else if (!this.values.has(state) && !this.written.has(state)) {
      this.values.set(state, value);
    }
  }

  /** A state is about to be written. */
  write(state: object): void {
    if (this.written.has(state)) return;
    const value = frames.peek(state);
    const isHeld = value instanceof tf.Tensor && !(value instanceof Batched);
    if (isHeld) this.holds(value, state);
    this.written.add(state);
  }

  /** Whether a parameter is frozen was asked. */
  frozen(state: object, isFrozen: boolean): void {
    this.frozenStates.set(state, isFrozen);
  }

  /** A setting of the environment was read from the context at `depth`. */
  setting(key: string, value: unknown, depth: number): void {
    // What the function itself sets is the same in each call.
    if (depth <= this.#depth) this.settings.set(key, value);
  }

  /** What was done cannot be replayed. */
  refuse(reason: string): void {
    this.#refusal ??= { reason, stack: new Error().stack ?? "" };
  }

  /** What a draw gives in a replay, given how many blocks it skips. */
  protected drawOf(
    { stream, values }: RandomDraw,
    skip: number,
  ): () => Float32Array {
    return () => {
      const { key, offset } = frames.peek(stream) as StreamPosition;
      return values({ key, offset: offset + skip });
    };
  }

  /** How many blocks after the position before the call a draw begins. */
  protected skipOf({ stream, offset }: RandomDraw): number {
    let position = this.streams.get(stream);
    if (!position) {
      // Written before it was read: it was seeded, and the call is refused.
      if (!this.values.has(stream)) return 0;
      position = this.values.get(stream) as StreamPosition;
      this.streams.set(stream, position);
    }
    return offset - position.offset;
  }

  /** How far each stream was drawn from; its position is not part of the key. */
  draws(): StreamDraws[] {
    return Array.from(this.streams, ([state, { offset }]) => {
      this.values.delete(state);
      const now = frames.peek(state) as StreamPosition;
      return { state, blocks: now.offset - offset };
    });
  }
}
