/** What a run of the benchmarks is told, and what a group gives back. */
import type { Rounds } from "./rounds.ts";

/** How much is measured. */
export type Size = "full" | "quick" | "smoke";

/** What all groups share. */
export interface Context {
  readonly size: Size;
  /** How long training steps are measured. */
  readonly rounds: Rounds;
  /** A Python that has PyTorch and JAX; without one they take no part. */
  readonly python: string | undefined;
  /** Where weights and batches are, and files may be written. */
  readonly folder: string;
  /** What is trained, by name. Default: everything. */
  readonly workloads: readonly string[] | undefined;
  /** Numbers of threads that are measured, the highest last. */
  readonly threads: readonly number[];
}

/** One figure that was asked for. */
export interface Target {
  readonly what: string;
  /** At least, or at most, so much. */
  readonly asked: { readonly least: number } | { readonly most: number };
  /** Undefined if something that it needs took no part. */
  readonly got: number | undefined;
  /** What it would be at the peak of the processor, if that is known. */
  readonly limit?: number | undefined;
}

/** What a group found. */
export interface Section {
  readonly title: string;
  /** Blocks of Markdown. */
  readonly blocks: readonly string[];
  readonly targets: readonly Target[];
  /** All measurements, for the JSON file. */
  readonly data: unknown;
}

/** A group of benchmarks. */
export interface Group {
  readonly name: string;
  run(context: Context): Promise<Section>;
}

/** Whether a figure is as asked; undefined if there is none. */
export function isMet({ asked, got }: Target): boolean | undefined {
  if (got === undefined) return undefined;
  return "least" in asked ? got >= asked.least : got <= asked.most;
}
