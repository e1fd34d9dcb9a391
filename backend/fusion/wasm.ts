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
import type { Tensors } from "../../tensors.ts";
import {
  allocate,
  isShared,
  type WasmBackend,
  wasmBackend,
  wasmMemory,
} from "../wasm/machine/backend.ts";
import { machine as threads, partsOf } from "../wasm/machine/functions.ts";
import type { Expr } from "./expr.ts";
import { hostFunction } from "./host.ts";
import {
  checkRow,
  type Kernel,
  type Launch,
  plan,
  type Row,
} from "./kernel.ts";
import { assemble, layoutOf } from "./wasm_code.ts";
import { type Job, type Program, sizeOf, Table } from "./wasm_table.ts";

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
  const code = assemble(kernel, steps, isShared(memory)), { names } = code;
  const module = new WebAssembly.Module(code.encode());
  const first = threads().add(() => ({ module, names }));
  return {
    passes: names.map((_, i) => first + i),
    layout,
    host: hostFunction(steps.host),
    hostCells: steps.host.map((e) => layout.cells.get(e)!),
    sums: steps.sums,
  };
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
    for (const job of jobs) runPass(job, pass, table);
    rows.addUp(stepSums(jobs, pass));
  }
  return outputs;
}

function runPass(job: Job, pass: number, table: number): void {
  const number = job.program.passes[pass];
  if (number === undefined) return;
  const count = partsOfPass(job, pass);
  const start = table + job.start, end = table + job.end;
  const parts = Array.from(
    { length: count },
    (_, i) => [start, end, i, count],
  );
  threads().run(number, parts);
}

/** Nanoseconds of an element that a thread more would save, about: memory is slow too. */
const ELEMENT = 0.35;

/**
 * In how many parts threads may do a pass: one if it adds up elements, or writes a
 * number that all of them may read.
 */
function partsOfPass({ kernel, rows, program }: Job, pass: number): number {
  if (program.sums[pass]?.length) return 1;
  const outputs = Object.values(kernel.outputs);
  if (outputs.some(({ extent }) => extent === "one")) return 1;
  const size = rows.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return partsOf(ELEMENT * size);
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
          isWritten: to !== undefined,
        });
      });
      if (!live) return;
      scalars.push({
        at: hostCells.map((cell) => first + cell),
        now: () => host(live.scalars()),
        kernel: program,
        step: live.step,
        rate: live.rate,
        group: live.group,
      });
    });
  });
  const steps: TableStep[] = [];
  const passes = passesOf(jobs);
  for (let number = 0; number <= passes; number++) {
    for (const job of jobs) {
      const { program, start: from, end: to } = job;
      const pass = program.passes[number];
      if (pass === undefined) continue;
      steps.push({ pass, from, to, parts: partsOfPass(job, number) });
    }
    for (const sum of stepSums(jobs, number)) steps.push({ sum });
  }
  return { image: table.slice(), pointers, copies, scalars, steps };
}
