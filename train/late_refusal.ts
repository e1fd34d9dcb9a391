/**
 * Steps that are refused late: their losses are not read before the next steps are taken.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LRScheduler } from "../optim/mod.ts";
import { behindGate, gate } from "../internal/gate.ts";

/** What takes back the changes of a step on the host, in the order of the changes. */
interface Undo {
  /** Of the function from a batch to its gradients. */
  readonly gradient: (() => void)[];
  /** Of the rest. */
  readonly rest: (() => void)[];
}

/**
 * What the host has to take back if a step turns out to be void, for each step since the
 * losses were read last; and on the device, whether steps count.
 */
export class LateRefusal {
  #open: tf.Scalar = tf.keep(tf.scalar(1));
  readonly #undo: Undo[] = [];

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
    const restore = () => {
      schedulers.forEach((scheduler, i) => scheduler.loadStateDict(rates[i]!));
    };
    this.#undo.push({ gradient: [], rest: [restore] });
  }

  /** Run a part of the step that was begun last; notes what it changes on the host. */
  run<T>(fn: () => T): T {
    return this.#run(this.#undo.at(-1)!.rest, fn);
  }

  /** As `run`, for gradients: what they change may be kept if the step is taken back. */
  runGradient<T>(fn: () => T): T {
    return this.#run(this.#undo.at(-1)!.gradient, fn);
  }

  #run<T>(changes: (() => void)[], fn: () => T): T {
    gate.undo = (undo) => changes.push(undo);
    try {
      return behindGate(this.#open, fn);
    } finally {
      gate.undo = undefined;
    }
  }

  /** Note what takes back a change of the step that was begun last. */
  note(undo: () => void): void {
    this.#undo.at(-1)!.rest.push(undo);
  }

  /** Note what the loop has counted before the step. */
  noteCounts(counters: object): void {
    const before = { ...counters };
    this.note(() => Object.assign(counters, before));
  }

  /** All steps so far count. */
  confirm(): void {
    this.#undo.length = 0;
  }

  /** Take back what the last `count` steps have changed on the host, the last one first. */
  takeBack(count: number): void {
    this.keep(this.#undo.length - count);
  }

  /**
   * Keep the first `count` steps since the last that was confirmed, and take back all others.
   *
   * @param keepsGradient Whether what the gradients of the first of those have changed stays.
   */
  keep(count: number, keepsGradient = false): void {
    while (this.#undo.length > count) {
      const { gradient, rest } = this.#undo.pop()!;
      for (const undo of rest.reverse()) undo();
      if (keepsGradient && this.#undo.length === count) continue;
      for (const undo of gradient.reverse()) undo();
    }
  }

  /** Steps count again. */
  reopen(): void {
    this.open = tf.scalar(1);
  }

  /** Free what is on the device. */
  dispose(): void {
    this.#open.dispose();
  }
}
