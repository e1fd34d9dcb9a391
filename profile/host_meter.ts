import type { Meter } from "../internal/metering.ts";
import type { HostEvent } from "./events.ts";

/** Told of where work begins and ends. */
export interface Boundaries {
  /** Work has begun, maybe inside of other work. */
  begin(name: string): void;
  /** The innermost work has ended. */
  end(): void;
}

/** Measures the time of the host. */
export class HostMeter implements Meter {
  /** What was measured, in the order of the ends. */
  readonly events: HostEvent[] = [];
  readonly #began = performance.now();
  readonly #boundaries: Boundaries | undefined;
  /** For each work that is under way, the time of the work inside. */
  readonly #inner: number[] = [];

  /** Measure from now on. */
  constructor(boundaries?: Boundaries) {
    this.#boundaries = boundaries;
  }

  /** Milliseconds since the meter was made. */
  get now(): number {
    return performance.now() - this.#began;
  }

  /** See {@linkcode Meter.run}. */
  run<T>(name: string, fn: () => T, bytes?: (result: T) => number): T {
    this.#boundaries?.begin(name);
    this.#inner.push(0);
    const start = this.now;
    let moved: number | undefined;
    try {
      const result = fn();
      moved = bytes?.(result);
      return result;
    } finally {
      const duration = this.now - start;
      const self = duration - this.#inner.pop()!;
      const outer = this.#inner.length - 1;
      if (outer >= 0) this.#inner[outer]! += duration;
      this.#boundaries?.end();
      this.events.push({ name, start, duration, self, bytes: moved });
    }
  }
}
