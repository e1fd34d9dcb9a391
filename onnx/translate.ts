/**
 * From recorded kernels to a model of ONNX.
 *
 * @module
 */
import type { DataType } from "../tf.ts";
import {
  type AxisSize,
  type ElementType,
  type Model,
  TYPES,
} from "./format.ts";
import { Graph } from "./graph.ts";
import { ELEMENTWISE } from "./kernels/elementwise.ts";
import { type Exporters, type Operand, unsupported } from "./kernels/kernel.ts";
import { PRODUCTS } from "./kernels/products.ts";
import { SHAPES } from "./kernels/shapes.ts";
import { WINDOWS } from "./kernels/windows.ts";
import type { KernelCall, Recording, Value } from "./record.ts";
import {
  type Dim,
  dimOf,
  dimsOf,
  elementsPerExample,
  isFixed,
  type Pair,
  pairs,
} from "./sizes.ts";

/** How each kernel becomes operators. */
const EXPORTERS: Exporters = {
  ...ELEMENTWISE,
  ...SHAPES,
  ...PRODUCTS,
  ...WINDOWS,
};

/**
 * The model of ONNX that does what was recorded.
 *
 * @param pair The recordings.
 * @param inputNames The names of the inputs.
 * @param name The name of the graph.
 */
export async function translate(
  pair: Pair,
  inputNames: readonly string[],
  name: string,
): Promise<Model> {
  const [first, second = first] = pair.recordings;
  const needed = neededCalls(first);
  const calls = pairs(pair).filter(([call]) => needed.has(call));
  checkKernels(calls.map(([{ kernel }]) => kernel));
  const translation = new Translation(pair, inputNames, first);
  for (const [call, other] of calls) await translation.add(call, other);
  const outputs = [];
  for (const [output, value] of Object.entries(first.outputs)) {
    const operand = await translation.operand(value, second.outputs[output]!);
    translation.graph.rename(operand.name, output);
    outputs.push(portOf(output, operand));
  }
  const { nodes, constants } = translation.graph;
  const inputs = first.inputs.map((value, i) =>
    portOf(inputNames[i]!, {
      dtype: value.dtype,
      dims: dimsOf(pair, value, second.inputs[i]!),
    })
  );
  return { name, inputs, outputs, constants, nodes };
}

/** The calls that the outputs depend on. */
function neededCalls({ calls, outputs }: Recording): Set<KernelCall> {
  const values = new Set(Object.values(outputs));
  const needed = new Set<KernelCall>();
  for (const call of calls.toReversed()) {
    if (!call.outputs.some((value) => values.has(value))) continue;
    needed.add(call);
    for (const value of Object.values(call.inputs)) values.add(value);
  }
  return needed;
}

/** Throws unless each kernel has an exporter; names all that have none. */
function checkKernels(kernels: readonly string[]): void {
  const unknown = kernels.filter((kernel) => !Object.hasOwn(EXPORTERS, kernel));
  if (unknown.length === 0) return;
  const names = [...new Set(unknown)].join(", ");
  unsupported(`these kernels have no operator there: ${names}`);
}

/** A graph, and the names of values in it. */
class Translation {
  readonly graph: Graph;
  readonly #pair: Pair;
  readonly #names = new Map<Value, string>();

  constructor(pair: Pair, inputNames: readonly string[], first: Recording) {
    this.#pair = pair;
    const taken = [...inputNames, ...Object.keys(first.outputs)];
    this.graph = new Graph(taken, inputNames[0]!);
    for (const [i, value] of first.inputs.entries()) {
      this.#names.set(value, inputNames[i]!);
    }
  }

  /** Add the operators of a kernel. */
  async add(call: KernelCall, other: KernelCall): Promise<void> {
    const inputs: Record<string, Operand> = {};
    for (const [name, value] of Object.entries(call.inputs)) {
      inputs[name] = await this.operand(value, other.inputs[name]!);
    }
    const outputs = call.outputs.map((value, i) => ({
      dtype: value.dtype,
      shape: value.shape,
      dims: dimsOf(this.#pair, value, other.outputs[i]!),
    }));
    const { graph } = this, { attrs } = call;
    const sizes = (attr: string) => this.#sizes(attr, call, other);
    const made = EXPORTERS[call.kernel]!({
      graph,
      inputs,
      outputs,
      attrs,
      sizes,
    });
    for (const [i, name] of [made].flat().entries()) {
      this.#names.set(call.outputs[i]!, name);
    }
  }

  #sizes(attr: string, call: KernelCall, other: KernelCall): Dim[] {
    const list = (x: unknown) => [x as number | number[]].flat();
    const seconds = list(other.attrs[attr]);
    return list(call.attrs[attr]).map((size, i) =>
      dimOf(this.#pair, size, seconds[i]!, `${attr} of ${call.kernel}`)
    );
  }

  /** A value in the graph; constants and states are added when they are first read. */
  async operand(value: Value, other: Value): Promise<Operand> {
    const { shape, dtype } = value, dims = dimsOf(this.#pair, value, other);
    let name = this.#names.get(value);
    if (name === undefined) {
      name = await this.#constant(value, other, dims);
      this.#names.set(value, name);
    }
    return { name, shape, dims, dtype };
  }

  async #constant(
    value: Value,
    other: Value,
    dims: readonly Dim[],
  ): Promise<string> {
    const wish = value.source === "state" ? value.name : "constant";
    const values = await value.tensor!.data();
    const elements = value.dtype === "bool"
      ? Uint8Array.from(values)
      : values as Float32Array | Int32Array;
    elementType(value.dtype);
    if (value.source === "state") {
      return this.graph.constant(elements, value.shape, wish);
    }
    const seconds = await other.tensor!.data();
    if (isUniform([elements, seconds]) && dims.some((dim) => dim !== 1)) {
      // One number, which may be meant for any number of examples.
      const one = this.graph.constant(elements.slice(0, 1), []);
      return this.graph.add("Expand", [one, this.graph.sizes(dims)]);
    }
    const part = elementsPerExample(elements as Float32Array, seconds, dims);
    const [rows, ...rest] = dims;
    if (rows === undefined || isFixed(rows)) {
      return this.graph.constant(part, value.shape, wish);
    }
    const one = this.graph.constant(
      part,
      [rows.perExample, ...rest as number[]],
      wish,
    );
    const times: Dim[] = [{ perExample: 1 }, ...rest.map(() => 1)];
    return this.graph.add("Tile", [one, this.graph.sizes(times)]);
  }
}

/** Whether there is one number in all lists, and no other. */
function isUniform(lists: readonly ArrayLike<number>[]): boolean {
  const value = lists[0]![0];
  return lists.every((list) => {
    for (let i = 0; i < list.length; i++) {
      if (!Object.is(list[i], value)) return false;
    }
    return list.length > 0;
  });
}

function elementType(dtype: DataType): ElementType {
  return Object.hasOwn(TYPES, dtype)
    ? dtype as ElementType
    : unsupported(`there are no tensors of ${dtype}`);
}

function portOf(
  name: string,
  { dtype, dims }: Pick<Operand, "dtype" | "dims">,
): Model["inputs"][number] {
  const size = (dim: Dim): AxisSize =>
    isFixed(dim)
      ? dim
      : dim.perExample === 1
      ? "batch"
      : `${dim.perExample}*batch`;
  return { name, type: elementType(dtype), shape: dims.map(size) };
}
