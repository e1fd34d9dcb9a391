/**
 * Runs kernels on tensors in the memory of tfjs' WebAssembly backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type RecordedLaunch,
  recording,
  type TablePointer,
  type TableScalars,
  type TableStep,
} from "../../internal/recording.ts";
import type { Named, Tensors } from "../../tensors.ts";
import type { Exports } from "../wasm/assembler/assembler.ts";
import {
  allocate,
  isShared,
  type WasmBackend,
  wasmBackend,
  wasmMemory,
} from "../wasm/machine/backend.ts";
import type { Expr } from "./expr.ts";
import { hostFunction } from "./host.ts";
import {
  checkRow,
  type Kernel,
  type Launch,
  plan,
  type Row,
} from "./kernel.ts";
import { assemble, type Layout, layoutOf } from "./wasm_code.ts";

/** A kernel, ready to run. */
interface Program {
  readonly exports: Exports;
  readonly layout: Layout;
  readonly host: (scalars: Named<number>) => readonly number[];
  readonly hostCells: readonly number[];
  readonly sums: readonly (readonly Expr[])[];
}

/** What belongs to one memory: compiled kernels, and room for the table. */
interface Machine {
  readonly programs: Map<Kernel, Program>;
  table: number;
  bytes: number;
}

const machines = new WeakMap<WebAssembly.Memory, Machine>();

function machineOf(memory: WebAssembly.Memory): Machine {
  let machine = machines.get(memory);
  if (!machine) {
    machine = { programs: new Map(), table: 0, bytes: 0 };
    machines.set(memory, machine);
  }
  return machine;
}

function compile(kernel: Kernel, memory: WebAssembly.Memory): Program {
  const steps = plan(kernel), layout = layoutOf(kernel, steps);
  return {
    exports: assemble(kernel, steps, isShared(memory)).instantiate(memory),
    layout,
    host: hostFunction(steps.host),
    hostCells: steps.host.map((e) => layout.cells.get(e)!),
    sums: steps.sums,
  };
}

/** A launch, and its part of the table. */
interface Job {
  readonly kernel: Kernel;
  readonly rows: readonly Row[];
  readonly program: Program;
  readonly start: number;
  readonly end: number;
}

/** Run `launches`, one call into WebAssembly for each pass of each kernel. */
export function runWasm(launches: readonly Launch[]): Tensors[][] {
  for (const { kernel, rows } of launches) {
    for (const row of rows) checkRow(kernel, row);
  }
  const backend = wasmBackend(), memory = wasmMemory();
  const machine = machineOf(memory);
  const { jobs, bytes } = layOut(launches, machine, memory);
  const outputs = launches.map(({ kernel, rows }) =>
    rows.map((row) => prepare(backend, kernel, row))
  );
  const table = reserve(backend, machine, bytes);
  // Views are made after the last allocation: growing memory detaches them.
  const rows = new Table(backend, memory, table);
  jobs.forEach((job, k) => rows.write(job, outputs[k]!));

  const image = new Uint8Array(memory.buffer, table, bytes);
  recording.now?.wasm?.launch(recordedLaunch(jobs, outputs, image));

  const passes = passesOf(jobs);
  for (let pass = 0; pass <= passes; pass++) {
    for (const { program, start, end } of jobs) {
      program.exports[`pass${pass}`]?.(table + start, table + end);
    }
    rows.addUp(stepSums(jobs, pass));
  }
  return outputs;
}

function passesOf(jobs: readonly Job[]): number {
  return Math.max(0, ...jobs.map(({ program }) => program.sums.length));
}

/** The places in the table of each sum over the whole step. */
function stepSums(jobs: readonly Job[], pass: number): number[][] {
  const sums = new Map<Expr, number[]>();
  for (const { program, rows, start } of jobs) {
    for (const e of program.sums[pass] ?? []) {
      if (e.head.kind !== "sum" || e.head.over !== "step") continue;
      const { cells, rowBytes } = program.layout;
      const first = start + cells.get(e)!;
      const places = rows.map((_, i) => first + i * rowBytes);
      sums.set(e, [...sums.get(e) ?? [], ...places]);
    }
  }
  return [...sums.values()];
}

/** Give each launch its part of the table. */
function layOut(
  launches: readonly Launch[],
  { programs }: Machine,
  memory: WebAssembly.Memory,
): { jobs: Job[]; bytes: number } {
  let bytes = 0;
  const jobs = launches.map(({ kernel, rows }) => {
    let program = programs.get(kernel);
    if (!program) programs.set(kernel, program = compile(kernel, memory));
    const start = bytes;
    bytes += rows.length * program.layout.rowBytes;
    return { kernel, rows, program, start, end: bytes };
  });
  return { jobs, bytes };
}

/** Where the table begins, once it has room for so many bytes. */
function reserve(
  { wasm }: WasmBackend,
  machine: Machine,
  bytes: number,
): number {
  if (bytes > machine.bytes) {
    const table = allocate(2 * bytes);
    if (machine.table) wasm._free(machine.table);
    machine.table = table;
    machine.bytes = 2 * bytes;
  }
  return machine.table;
}

/** The tensors to write: those to be overwritten, or new ones. */
function prepare(
  backend: WasmBackend,
  kernel: Kernel,
  { inputs, shape }: Row,
): Tensors {
  const tensors: Record<string, tf.Tensor> = {};
  for (const name in kernel.outputs) {
    const old = name in kernel.inputs ? inputs[name] : undefined;
    if (old && backend.dataIdMap.get(old.dataId).refCount === 1) {
      tensors[name] = old;
      continue;
    }
    const sizes = kernel.outputs[name]!.extent === "one" ? [] : [...shape];
    tensors[name] = tf.engine().makeTensorFromTensorInfo(
      backend.makeOutput(sizes, "float32"),
    );
  }
  return tensors;
}

/** Fills in the table, as long as no memory is allocated. */
class Table {
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
      let size = 1;
      for (const n of row.shape) size *= n;
      let cell = at >>> 2;
      this.#ints[cell++] = size;
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

/** What a replay needs to know of a table that has been filled in. */
function recordedLaunch(
  jobs: readonly Job[],
  outputs: readonly Tensors[][],
  table: Uint8Array,
): RecordedLaunch {
  const pointers: TablePointer[] = [], scalars: TableScalars[] = [];
  const copies: [tf.Tensor, tf.Tensor][] = [];
  jobs.forEach(({ rows, program, start }, k) => {
    const { layout, host, hostCells } = program;
    rows.forEach((row, i) => {
      const first = start + i * layout.rowBytes;
      const { live } = row;
      layout.buffers.forEach((name, j) => {
        const from = row.inputs[name], to = outputs[k]![i]![name];
        if (from && to && from !== to) copies.push([from, to]);
        pointers.push({
          at: first + 4 + 4 * j,
          x: (to ?? from)!,
          now: live?.tensor(name) && (() => live.tensor(name)!),
          isWritten: to !== undefined,
        });
      });
      if (!live) return;
      scalars.push({
        at: hostCells.map((cell) => first + cell),
        now: () => host(live.scalars()),
        step: live.step,
        rate: live.rate,
        group: live.group,
      });
    });
  });
  const steps: TableStep[] = [];
  const passes = passesOf(jobs);
  for (let number = 0; number <= passes; number++) {
    for (const { program, start: from, end: to } of jobs) {
      const pass = program.exports[`pass${number}`];
      if (pass !== undefined) steps.push({ pass, from, to });
    }
    for (const sum of stepSums(jobs, number)) steps.push({ sum });
  }
  return { image: table.slice(), pointers, copies, scalars, steps };
}
