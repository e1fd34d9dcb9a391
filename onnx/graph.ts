/**
 * A graph that is being built.
 *
 * @module
 */
import type { Attribute, Constant, ElementType, Node } from "./format.ts";
import { type Dim, isFixed } from "./sizes.ts";

/** Arrays of elements, with their types in ONNX. */
type ElementArray = Float32Array | Int32Array | BigInt64Array | Uint8Array;

function typeOf(elements: ElementArray): ElementType {
  if (elements instanceof Float32Array) return "float32";
  if (elements instanceof Int32Array) return "int32";
  return elements instanceof BigInt64Array ? "int64" : "bool";
}

/** The nodes and constants of a graph. */
export class Graph {
  /** The operations, in order. */
  readonly nodes: Node[] = [];
  /** The constants. */
  readonly constants: Constant[] = [];
  readonly #names = new Set<string>();
  readonly #integers = new Map<string, string>();
  readonly #batchInput: string;
  #batch: string | undefined;

  /**
   * Begin with no nodes.
   *
   * @param names Names that are taken, of inputs and outputs.
   * @param batchInput The input whose first axis counts the examples.
   */
  constructor(names: readonly string[], batchInput: string) {
    for (const name of names) this.#names.add(name);
    this.#batchInput = batchInput;
  }

  /** A name that is not taken yet: `wish`, or `wish` with a number. */
  name(wish: string): string {
    let name = wish;
    for (let i = 1; this.#names.has(name); i++) name = `${wish}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Add an operation with one output; its name is returned. */
  add(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.addAll(op, inputs, 1, attributes)[0]!;
  }

  /** Add an operation with several outputs; their names are returned. */
  addAll(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.name(op));
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /** Give a value another name. */
  rename(value: string, name: string): void {
    this.nodes.push({
      op: "Identity",
      inputs: [value],
      outputs: [name],
      attributes: {},
    });
  }

  /** Add a constant; its name is returned. */
  constant(
    elements: ElementArray,
    shape: readonly number[],
    wish = "constant",
  ): string {
    const name = this.name(wish);
    const { buffer, byteOffset, byteLength } = elements;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.constants.push({ name, type: typeOf(elements), shape, bytes });
    return name;
  }

  /** A number as a constant. */
  scalar(value: number): string {
    return this.constant(Float32Array.of(value), []);
  }

  /** Integers as a constant vector, the same one each time. */
  integers(values: readonly (number | bigint)[]): string {
    const key = values.join();
    const known = this.#integers.get(key);
    if (known !== undefined) return known;
    const name = this.constant(
      BigInt64Array.from(values, BigInt),
      [values.length],
    );
    this.#integers.set(key, name);
    return name;
  }

  /** Sizes as a vector, computed from the batch if they depend on it. */
  sizes(dims: readonly Dim[]): string {
    if (dims.every(isFixed)) return this.integers(dims);
    const parts = dims.map((dim) =>
      isFixed(dim)
        ? this.integers([dim])
        : dim.perExample === 1
        ? this.#examples()
        : this.add("Mul", [this.#examples(), this.integers([dim.perExample])])
    );
    return parts.length === 1
      ? parts[0]!
      : this.add("Concat", parts, { axis: 0 });
  }

  /** The number of examples, as a vector of one. */
  #examples(): string {
    const first = () =>
      this.add("Slice", [
        this.add("Shape", [this.#batchInput]),
        this.integers([0]),
        this.integers([1]),
      ]);
    return this.#batch ??= first();
  }
}
