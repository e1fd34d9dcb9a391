/**
 * {@linkcode Profile}: what was measured.
 *
 * @module
 */
import { filePath } from "../internal/file_path.ts";
import type { HostEvent, WorkEvent } from "./events.ts";
import { type ProfileRow, rowsOf, sum } from "./rows.ts";
import { tableOf } from "./table.ts";
import { type ChromeTrace, traceOf } from "./trace.ts";

/** What a profile is made of. Internal. */
export interface Measurements {
  readonly backend: string;
  readonly threads: number;
  readonly steps: readonly WorkEvent[];
  readonly host: readonly HostEvent[];
  readonly device: readonly WorkEvent[] | undefined;
}

/**
 * Where the time of steps went, by kernel. `console.log(profile)` prints it as a table.
 */
export class Profile {
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
  readonly #measured: Measurements;

  /** Sum up what was measured; `profile` makes profiles. */
  constructor(measured: Measurements) {
    const { backend, threads, steps, host, device } = measured;
    this.#measured = measured;
    this.backend = backend;
    this.threads = threads;
    this.steps = steps.length;
    this.clock = device ? "device" : "host";
    this.rows = rowsOf(host, device);
    this.time = sum(steps.map(({ duration }) => duration));
    this.kernelTime = sum(this.rows.map(({ total }) => total));
    this.hostTime = this.time - sum(this.rows.map((row) => row.host));
  }

  /** The profile as a table of text. */
  toString(): string {
    return tableOf(this);
  }

  /**
   * The profile as a trace: what ran when. Perfetto (https://ui.perfetto.dev) and
   * chrome://tracing open it. Kernels on the device are shown as if the first one began
   * with the first step.
   */
  toChromeTrace(): ChromeTrace {
    return traceOf(this.#measured);
  }

  /**
   * Write {@linkcode Profile.toChromeTrace} to a file.
   *
   * @param file The path of the file, which is overwritten.
   */
  async writeChromeTrace(file: string | URL): Promise<void> {
    const path = filePath("write a trace", file);
    await Deno.writeTextFile(path, JSON.stringify(this.toChromeTrace()));
  }

  /** What Deno prints. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What Node prints. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
