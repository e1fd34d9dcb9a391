import type { RunLaunches } from "./fusion/kernel.ts";
import type { WasmPaths } from "./wasm/machine/paths.ts";
import type { Precision } from "./precision.ts";
import type { Record as RecordCall } from "./replay/program.ts";

/** What a backend is started with. */
export interface StartOptions {
  /** How many threads kernels may use. */
  readonly threads: number;
  /** Where tfjs' `.wasm` files are, in browsers. */
  readonly wasmPaths?: WasmPaths | undefined;
  /** The precision that products are to have. */
  readonly precision: Precision;
}

/** What a backend says of itself once started. */
export interface Started {
  /** Threads that kernels may use. Default: 1. */
  readonly threads?: number;
  /** Whether kernels use 128-bit SIMD. Default: false. */
  readonly simd?: boolean;
  /** The graphics adapter. Default: undefined. */
  readonly adapter?: string;
  /** Features of the graphics device. Default: none. */
  readonly features?: readonly string[];
  /** Limits of the graphics device. Default: none. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** A backend: how it starts, and how it runs elementwise kernels. */
export interface Backend {
  /** Make it tfjs' current backend, with kernels of ours in place. */
  start(options: StartOptions): Promise<Started>;
  /**
   * Runs elementwise kernels compiled for this backend. Without it they run as
   * tfjs ops.
   */
  readonly runLaunches?: RunLaunches;
  /**
   * Whether a tensor that others may be reading can be overwritten. Where a read
   * takes a while, it would find the new values and keep them for the old.
   */
  readonly canOverwrite: boolean;
  /** Whether a tensor can be read without waiting. */
  readonly readsAtOnce: boolean;
  /**
   * Records functions to replay them, on a backend that is loaded when it is started;
   * `replay/compiled_function.ts` knows the others.
   */
  readonly record?: RecordCall;
}
