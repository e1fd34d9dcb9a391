/**
 * The callbacks of a run.
 *
 * @module
 */
import { type Callback, endAll, type Run } from "./callback.ts";

/** Calls the callbacks of a run, in their order. */
export class Callbacks {
  readonly #callbacks: readonly Callback[];
  readonly #run: Run;
  #hasEnded = false;

  /** Call `callbacks` with `run`. */
  constructor(callbacks: readonly Callback[] = [], run: Run) {
    this.#callbacks = callbacks;
    this.#run = run;
  }

  /** Whether one is called after each step. */
  get seeSteps(): boolean {
    return this.#callbacks.some(({ onStep }) => onStep !== undefined);
  }

  /** Let each throw if the run does not fit it. */
  check(): void {
    for (const callback of this.#callbacks) callback.check?.(this.#run);
  }

  /** Call a function of each. */
  async call(
    call: (callback: Callback, run: Run) => void | Promise<void> | undefined,
  ): Promise<void> {
    for (const callback of this.#callbacks) await call(callback, this.#run);
  }

  /** Tell all that the run has ended, once. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await endAll(this.#callbacks, this.#run);
  }
}
