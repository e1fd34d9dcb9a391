import type { HostEvent, WorkEvent } from "./events.ts";
import { type ProfileRow, rowsOf, sum } from "./rows.ts";

/** What a profile is made of. Internal. */
export interface Measurements {
  readonly backend: string;
  readonly threads: number;
  readonly steps: readonly WorkEvent[];
  readonly host: readonly HostEvent[];
  readonly device: readonly WorkEvent[] | undefined;
}

/** The numbers of a profile. */
export class ProfileSummary {
  /** The backend that ran the steps. */
  readonly backend: string;
  /** Threads that kernels could use. */
  readonly threads: number;
  /** The number of steps. */
  readonly steps: number;
  /**
   * What measured the kernels: `"device"` for timestamps of the graphics device,
   * `"host"` for the time that passed while the kernel was called. On WebGPU the host
   * only gives commands: without timestamps, its times do not tell how long they took.
   */
  readonly clock: "device" | "host";
  /** The kernels, the one that kept the device or the host longest first. */
  readonly rows: readonly ProfileRow[];
  /** Milliseconds of all steps on the host. */
  readonly time: number;
  /** Milliseconds of all kernels by the clock. */
  readonly kernelTime: number;
  /**
   * Milliseconds of all steps in which the host ran no kernel: the model's own code,
   * gradients' bookkeeping, data, and waiting.
   */
  readonly hostTime: number;

  /** Sum up what was measured. */
  constructor({ backend, threads, steps, host, device }: Measurements) {
    this.backend = backend;
    this.threads = threads;
    this.steps = steps.length;
    this.clock = device ? "device" : "host";
    this.rows = rowsOf(host, device);
    this.time = sum(steps.map(({ duration }) => duration));
    this.kernelTime = sum(this.rows.map(({ total }) => total));
    this.hostTime = this.time - sum(this.rows.map((row) => row.host));
  }
}
