/**
 * How kernels become operations of ONNX.
 *
 * @module
 */
import type { DataType } from "../../tf.ts";
import { type ElementType, TYPES } from "../format.ts";
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

/** The types that operators of floating point take. */
export const FLOATS: readonly ElementType[] = ["float32"];

/** The types that operators of numbers take. */
export const NUMBERS: readonly ElementType[] = ["int32", "float32"];

/** The call with inputs of other types cast to the first of `types`. */
export function withInputs(types: readonly ElementType[], call: Call): Call {
  const { graph } = call, [type] = types;
  const inputs = Object.entries(call.inputs).map(([name, x]) => {
    if (types.some((type) => type === x.dtype)) return [name, x];
    const cast = graph.add("Cast", [x.name], { to: TYPES[type!] });
    return [name, { ...x, name: cast, dtype: type! as DataType }];
  });
  return { ...call, inputs: Object.fromEntries(inputs) };
}

/** What was computed as `type`, as the kernel makes it. */
export function asMade(type: ElementType, made: string, call: Call): string {
  const dtype = call.outputs[0]!.dtype as keyof typeof TYPES;
  return dtype === type
    ? made
    : call.graph.add("Cast", [made], { to: TYPES[dtype] });
}

/**
 * Exports with an operator that takes only some types: other inputs are cast to the first
 * of them, and then the output to what the kernel makes.
 */
export function taking(
  types: readonly ElementType[],
  plain: (call: Call) => string,
): (call: Call) => string {
  const takes = ({ dtype }: Operand) => types.some((type) => type === dtype);
  return (call) =>
    Object.values(call.inputs).every(takes)
      ? plain(call)
      : asMade(types[0]!, plain(withInputs(types, call)), call);
}

/** Throws that a kernel is used in a way that has no counterpart. */
export function unsupported(problem: string): never {
  throw new RangeError(`Cannot export to ONNX: ${problem}`);
}
