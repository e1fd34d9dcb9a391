/**
 * The time of a run.
 *
 * @module
 */

/** Milliseconds between two turns of the event loop. */
const TURN = 100;

/** Counts the seconds of a run, over all parts of one that was resumed. */
export class Clock {
  #before = 0;
  #began = performance.now();
  #turned = performance.now();

  /** Seconds of training. */
  get now(): number {
    return this.#before + (performance.now() - this.#began) / 1000;
  }

  /** Go on counting after `seconds`. */
  start(seconds: number): void {
    this.#before = seconds;
    this.#began = performance.now();
  }

  /**
   * Turn the event loop, if it has not been for a while: promises alone do not
   * let timers, signals and aborts come through.
   */
  async turn(): Promise<void> {
    if (performance.now() - this.#turned < TURN) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#turned = performance.now();
  }
}
