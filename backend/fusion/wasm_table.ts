/**
 * The table that kernels read in the memory of WebAssembly: a row for each tensor.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Named, Tensors } from "../../tensors.ts";
import type { WasmBackend } from "../wasm/machine/backend.ts";
import type { Expr } from "./expr.ts";
import type { Kernel, Row } from "./kernel.ts";
import type { Layout } from "./wasm_code.ts";

/** A kernel, ready to run. */
export interface Program {
  /** The numbers of its passes among our functions. */
  readonly passes: readonly number[];
  readonly layout: Layout;
  readonly host: (scalars: Named<number>) => readonly number[];
  readonly hostCells: readonly number[];
  readonly sums: readonly (readonly Expr[])[];
}

/** A launch, and its part of the table. */
export interface Job {
  readonly kernel: Kernel;
  readonly rows: readonly Row[];
  readonly program: Program;
  readonly start: number;
  readonly end: number;
}

/** How many elements a tensor of this shape has. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Fills in the table, as long as no memory is allocated. */
export class Table {
  readonly #backend: WasmBackend;
  readonly #table: number;
  readonly #bytes: Uint8Array;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;

  constructor(backend: WasmBackend, memory: WebAssembly.Memory, table: number) {
    this.#backend = backend;
    this.#table = table;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#ints = new Int32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
  }

  write({ rows, program, start }: Job, outputs: readonly Tensors[]): void {
    const { layout, host, hostCells } = program;
    let at = this.#table + start;
    for (let k = 0; k < rows.length; k++, at += layout.rowBytes) {
      const row = rows[k]!;
      let cell = at >>> 2;
      this.#ints[cell++] = sizeOf(row.shape);
      for (const name of layout.buffers) {
        this.#ints[cell++] = this.#pointer(row.inputs[name], outputs[k]![name]);
      }
      const values = host(row.scalars);
      for (let i = 0; i < values.length; i++) {
        this.#doubles[(at + hostCells[i]!) / 8] = values[i]!;
      }
    }
  }

  /** Where to read `input` and write `output`. */
  #pointer(input: tf.Tensor | undefined, output: tf.Tensor | undefined) {
    const { dataIdMap } = this.#backend;
    const x = (output ?? input)!;
    const { memoryOffset } = dataIdMap.get(x.dataId);
    if (output && input && input !== output) {
      const from = dataIdMap.get(input.dataId).memoryOffset;
      this.#bytes.copyWithin(memoryOffset, from, from + 4 * x.size);
    }
    return memoryOffset;
  }

  /** Put the sum over all rows where each row has its own. */
  addUp(sums: readonly (readonly number[])[]): void {
    const doubles = this.#doubles;
    for (const places of sums) {
      let sum = 0;
      for (const at of places) sum += doubles[(this.#table + at) / 8]!;
      for (const at of places) doubles[(this.#table + at) / 8] = sum;
    }
  }
}
