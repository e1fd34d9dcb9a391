/**
 * Steps that are refused late: their losses are not read before the next steps are taken.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LRScheduler } from "../optim/mod.ts";
import { behindGate, gate } from "../internal/gate.ts";

/**
 * What the host has to take back if a step turns out to be void, for each step since the
 * losses were read last; and on the device, whether steps count.
 */
export class LateRefusal {
  #open: tf.Scalar = tf.keep(tf.scalar(1));
  readonly #undo: (() => void)[][] = [];

  /** 1 on the device while steps count, else 0. */
  get open(): tf.Scalar {
    return this.#open;
  }

  set open(next: tf.Scalar) {
    this.#open.dispose();
    this.#open = tf.keep(next);
  }

  /** Begin a step; notes schedules as they are before it. */
  begin(schedulers: readonly LRScheduler[]): void {
    const rates = schedulers.map((scheduler) => scheduler.stateDict());
    this.#undo.push([() => {
      schedulers.forEach((scheduler, i) => scheduler.loadStateDict(rates[i]!));
    }]);
  }

  /** Run a part of the step that was begun last; notes what it changes on the host. */
  run<T>(fn: () => T): T {
    const step = this.#undo.at(-1)!;
    gate.undo = (undo) => step.push(undo);
    try {
      return behindGate(this.#open, fn);
    } finally {
      gate.undo = undefined;
    }
  }

  /** Note what the loop has counted before the step. */
  noteCounts(counters: object): void {
    const before = { ...counters };
    this.#undo.at(-1)!.push(() => Object.assign(counters, before));
  }

  /** All steps so far count. */
  confirm(): void {
    this.#undo.length = 0;
  }

  /** Take back what the last `count` steps have changed on the host, the last one first. */
  takeBack(count: number): void {
    for (const step of this.#undo.splice(-count).reverse()) {
      for (const undo of step.reverse()) undo();
    }
  }

  /** Free what is on the device. */
  dispose(): void {
    this.#open.dispose();
  }
}
