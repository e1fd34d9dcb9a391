/**
 * How kernels become operations of ONNX.
 *
 * @module
 */
import type { DataType } from "../../tf.ts";
import type { Graph } from "../graph.ts";
import type { Dim } from "../sizes.ts";

/** A tensor in the graph. */
export interface Operand {
  /** Its name. */
  readonly name: string;
  /** The sizes of its axes. */
  readonly dims: readonly Dim[];
  /** The sizes of its axes in the example. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly dtype: DataType;
}

/** A kernel to export. */
export interface Call {
  /** The graph. */
  readonly graph: Graph;
  /** What the kernel reads, by name and in order. */
  readonly inputs: Readonly<Record<string, Operand>>;
  /** What it makes. */
  readonly outputs: readonly Omit<Operand, "name">[];
  /** Its settings. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** A list of sizes among its settings, of which some may grow with the batch. */
  readonly sizes: (attr: string) => Dim[];
}

/** Adds a kernel to the graph; returns the names of what it makes. */
export type Exporter = (call: Call) => string | string[];

/** Exporters by the name of the kernel. */
export type Exporters = Readonly<Record<string, Exporter>>;

/** The names of what a kernel reads, in order. */
export function namesOf({ inputs }: Call): string[] {
  return Object.values(inputs).map(({ name }) => name);
}

/** An input that a kernel always has. */
export function input({ inputs }: Call, name: string): Operand {
  return inputs[name]!;
}

/** Throws that a kernel is used in a way that has no counterpart. */
export function unsupported(problem: string): never {
  throw new RangeError(`Cannot export to ONNX: ${problem}`);
}
