/**
 * Where the batches of steps come from.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import { free } from "./recent_steps.ts";
import type { Counters, RunParts } from "./run_parts.ts";
import type { Stepper } from "./stepper.ts";

/** Gives a stepper the batches of the data, and those of steps to be taken again. */
export class Feed<B extends Batch> {
  readonly #stepper: Stepper<B>;
  readonly #parts: RunParts<B>;
  readonly #counters: Counters;

  /** Feed `stepper`; the batches are counted in `counters`, and their place in `parts`. */
  constructor(stepper: Stepper<B>, parts: RunParts<B>, counters: Counters) {
    this.#stepper = stepper;
    this.#parts = parts;
    this.#counters = counters;
  }

  /** Add a batch of the data. */
  add(batch: B): void {
    this.#parts.notePlace();
    this.#add(batch);
  }

  /** Whether steps were taken back that are to be taken again. */
  get hasMore(): boolean {
    return (this.#stepper.recent?.again.length ?? 0) > 0;
  }

  /** Add the batches of the next step that is to be taken again. */
  addAgain(): void {
    const step = this.#stepper.recent!.again.shift()!;
    try {
      for (const { batch, place } of step) {
        this.#parts.place = place;
        this.#add(batch);
      }
    } finally {
      free(step);
    }
  }

  #add(batch: B): void {
    this.#counters.batch++;
    this.#stepper.add(batch, this.#parts.place);
  }
}
