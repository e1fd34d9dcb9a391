/**
 * The time of a run.
 *
 * @module
 */

/** Milliseconds between two turns of the event loop. */
const TURN_MS = 100;

/** Counts the seconds of a run, including those before a resume. */
export class Clock {
  #before = 0;
  #began = performance.now();
  #turned = performance.now();

  /** Seconds of training. */
  get now(): number {
    return this.#before + (performance.now() - this.#began) / 1000;
  }

  /** Start counting at `seconds`. */
  start(seconds: number): void {
    this.#before = seconds;
    this.#began = performance.now();
  }

  /**
   * Let the event loop turn if it has not for a while: resolved promises alone do
   * not let it handle timers, signals and aborts.
   */
  async turn(): Promise<void> {
    if (performance.now() - this.#turned < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#turned = performance.now();
  }
}
