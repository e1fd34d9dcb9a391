/**
 * Taking back what a function wrote to states.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { frames } from "../frames.ts";
import { release } from "../memory.ts";

/**
 * Notes what functions write to states (running statistics, random streams,
 * counters), until it is decided whether that is kept.
 */
export class Undo {
  /** What each written state held before. */
  readonly #originals = new Map<object, unknown>();

  /** Call `fn`, which cleans up itself if it throws, and note what it writes. */
  note<T>(fn: () => T): T {
    const frame = frames.push();
    try {
      return fn();
    } finally {
      frames.pop();
      for (const state of frame.writes) {
        const original = frame.originals.get(state);
        if (frames.peek(state) === original) continue;
        if (!this.#originals.has(state)) this.#originals.set(state, original);
        else this.#free(original);
      }
    }
  }

  /** Keep what was written. */
  keep(): void {
    for (const original of this.#originals.values()) this.#free(original);
    this.#originals.clear();
  }

  /** Take back what was written. */
  takeBack(): void {
    for (const [state, original] of this.#originals) {
      const written = frames.peek(state);
      frames.poke(state, original);
      this.#free(written);
    }
    this.#originals.clear();
  }

  #free(value: unknown): void {
    if (value instanceof tf.Tensor) release(value);
  }
}
