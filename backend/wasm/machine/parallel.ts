/**
 * The module of all our code, and the threads that run it.
 *
 * Each function of the module takes scratch memory first, of which every thread
 * has its own, then up to fifteen integers.
 *
 * @module
 */
import { Assembler, hasRelaxedSimd } from "../assembler/assembler.ts";
import { allocate, isShared, wasmBackend, wasmMemory } from "./backend.ts";
import { SCRATCH } from "../kernels/gemm.ts";
import { MOST_PARTS, Pool } from "./threads.ts";

let pool: Pool | undefined;
let memory: WebAssembly.Memory | undefined;
let common = 0;

/** Integers that a call may pass in memory, where fifteen are too few. */
const COMMON = 64;

/** Writes functions into the module. */
export type Define = (m: Assembler) => void;

/** Compile the module and start threads for the current backend, unless that was done. */
export async function startThreads(define: readonly Define[]): Promise<void> {
  const current = wasmMemory();
  if (current === memory) return;
  pool?.close();
  const shared = isShared(current);
  const code = new Assembler({ shared, relaxed: hasRelaxedSimd() });
  for (const write of define) write(code);
  pool = await Pool.start({
    module: new WebAssembly.Module(code.encode()),
    names: code.names,
    memory: current,
    allocate,
    scratch: SCRATCH,
    // Workers are Node's, which browsers lack.
    threads: shared && "Deno" in globalThis
      ? wasmBackend().wasm.tfjs.getThreadsCount()
      : 1,
  });
  common = allocate(4 * COMMON);
  memory = current;
}

function started(): Pool {
  if (pool) return pool;
  throw new Error("Cannot run our WASM kernels: useBackend() starts them");
}

/** How many threads there are. */
export function threadCount(): number {
  return started().threads;
}

/** Call a function for each list of arguments, on all threads; at most 64 lists. */
export function run(name: string, parts: readonly (readonly number[])[]): void {
  started().run(name, parts);
}

/** Put integers where a function can read them, and return where: once per call. */
export function share(words: readonly number[]): number {
  const { wasm } = wasmBackend();
  wasm.HEAP32.set(words, common >>> 2);
  return common;
}

/** The least work, in nanoseconds or so, that is worth giving to another thread. */
const PART = 20_000;

/**
 * Call a function for ranges that cover `0` to `total`; `args` makes the arguments
 * of one. `work` is the whole's, in operations.
 */
export function runRanges(
  name: string,
  total: number,
  work: number,
  args: (first: number, end: number) => readonly number[],
  step = 1,
): void {
  if (total === 0) return;
  const threads = threadCount();
  const worth = threads > 1 ? Math.floor(work / PART) : 1;
  const count = Math.max(1, Math.min(4 * threads, MOST_PARTS, worth));
  const length = Math.ceil(total / count / step) * step;
  const parts: (readonly number[])[] = [];
  for (let first = 0; first < total; first += length) {
    parts.push(args(first, Math.min(total, first + length)));
  }
  run(name, parts);
}
