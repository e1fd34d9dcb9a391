/**
 * Functions of our WASM modules: declared once, with parameters by name, compiled at
 * their first use, and run on all threads.
 *
 * Each function takes scratch memory, of which every thread has its own, then up to
 * fifteen integers.
 *
 * @module
 */
import {
  type Args,
  Assembler,
  type Body,
  hasRelaxedSimd,
  I32,
  type Scratch,
} from "../assembler/assembler.ts";
import { isShared, memoryOf, wasmBackend, type WasmModule } from "./backend.ts";
import { recording } from "../../../internal/recording.ts";
import { Threads } from "./threads.ts";
import { type Code, MOST_PARTS, type ThreadWorker } from "./workers.ts";

/** A number for each parameter: addresses, sizes, or the bits of floats. */
export type Arguments<P extends string> = Readonly<Record<P, number>>;

/** The parameters as the function's code sees them. */
export type Operands<P extends string> = Args<
  Record<P | "scratch", typeof I32>
>;

/**
 * The parameters of a function. Addresses are told from numbers, since the tensors of
 * a step that is replayed are elsewhere.
 */
export interface Parameters<A extends string, N extends string> {
  /** Addresses of tensors, or of what is passed in memory; 0 for none. */
  readonly addresses: readonly A[];
  /** Sizes, counts, flags, and the bits of floats. */
  readonly numbers: readonly N[];
}

/** The names of parameters. */
export type ParameterName<P extends Parameters<string, string>> =
  | P["addresses"][number]
  | P["numbers"][number];

/** A function of a module. */
export interface WasmFunction<P extends string> {
  /** Its number among the functions of the threads that run now. */
  readonly index: number;
  /** The same; undefined while those threads have not got it. */
  readonly number: number | undefined;
  /** Run it for each set of arguments, which do not depend on each other; at most 64. */
  run(...parts: readonly Arguments<P>[]): void;
  /**
   * Run it for ranges that cover `0` to `total`.
   *
   * @param total Where the last range ends.
   * @param work Operations of the whole, to decide how many threads it is worth.
   * @param args The arguments for one range.
   * @param step What the length of a range is a multiple of. Default: 1.
   */
  ranges(
    total: number,
    work: number,
    args: (first: number, end: number) => Arguments<P>,
    step?: number,
  ): void;
}

/** A function as it was declared. */
interface Declared {
  /** Writes it into a module of its own. */
  readonly write: (m: Assembler) => void;
  /** Whether each thread has its own code. */
  readonly perThread: boolean;
}

const DECLARED: Declared[] = [];

/**
 * Declare a function; every thread gives it scratch memory besides.
 *
 * @param perThread Whether the code is written for each thread, with the address of its
 * scratch memory as a constant: `m.scratch`.
 */
export function wasmFunction<const A extends string, const N extends string>(
  name: string,
  { addresses, numbers }: Parameters<A, N>,
  write: (f: Body, p: Operands<A | N>, m: Assembler) => void,
  { perThread = false } = {},
): WasmFunction<A | N> {
  type P = A | N;
  const params: readonly P[] = [...addresses, ...numbers];
  const kinds = Object.fromEntries(
    ["scratch", ...params].map((param) => [param, I32]),
  ) as Record<P | "scratch", typeof I32>;
  const declared = DECLARED.push({
    write: (m) => {
      m.export(name, kinds, (f, p) => write(f, p as Operands<P>, m));
    },
    perThread,
  }) - 1;
  const run = (parts: readonly Arguments<P>[]) => {
    const lists = parts.map((part) => params.map((param) => part[param]));
    const index = numberOf(declared);
    started().threads.run(index, lists);
    recording.now?.wasm?.call(index, addresses.length, lists);
  };
  return {
    get index() {
      return numberOf(declared);
    },
    get number() {
      return started().numbers[declared];
    },
    run: (...parts) => run(parts),
    ranges(total, work, args, step = 1) {
      if (total > 0) run(split(total, work, args, step));
    },
  };
}

/** Multiplications of a product in a nanosecond, about. */
export const MULTIPLICATIONS = 20;
/** The least work, in nanoseconds or so, that is worth giving to another thread. */
const LEAST = 8_000;
/** Work of a part where threads get several: they even out delays. */
const PART = 50_000;

/** In how many parts to divide so much work, in nanoseconds or so. */
export function partsOf(work: number): number {
  const threads = threadCount();
  if (threads === 1) return 1;
  // As many for each thread: else some would wait for the others.
  const each = Math.min(4, Math.floor(work / PART / threads));
  if (each > 1) return Math.min(MOST_PARTS, each * threads);
  return Math.max(1, Math.min(MOST_PARTS, threads, Math.floor(work / LEAST)));
}

/** The arguments for ranges that cover `0` to `total`, as `ranges` runs them. */
export function split<T>(
  total: number,
  work: number,
  args: (first: number, end: number) => T,
  step: number,
): T[] {
  const count = partsOf(work);
  const length = Math.ceil(total / count / step) * step;
  const parts: T[] = [];
  for (let first = 0; first < total; first += length) {
    parts.push(args(first, Math.min(total, first + length)));
  }
  return parts;
}

/** The declared functions, ready to run in one memory. */
export interface Compiled {
  readonly memory: WebAssembly.Memory;
  readonly threads: Threads;
  /** The numbers of those that were run. */
  readonly numbers: number[];
  /** Where arguments are put that are too many for a call. */
  readonly common: number;
}

let current: Compiled | undefined;

/** Integers that a call may pass in memory, where fifteen are too few. */
const COMMON = 64;

/** Modules by what they were compiled for: the declaration, the kind of memory, the thread. */
const compiled = new Map<string, Code>();

/** Compile a declared function, once in a process. */
function compile(
  declared: number,
  shared: boolean,
  scratch: Scratch | undefined,
): Code {
  const key = `${declared} ${shared} ${scratch?.at}`;
  const known = compiled.get(key);
  if (known) return known;
  const m = new Assembler({ shared, relaxed: hasRelaxedSimd(), scratch });
  DECLARED[declared]!.write(m);
  const module = new WebAssembly.Module(m.encode());
  const code = { module, names: m.names };
  compiled.set(key, code);
  return code;
}

/** The number of a declared function, which threads get when it is run first. */
function numberOf(declared: number): number {
  const { threads, numbers, memory } = started();
  const { perThread } = DECLARED[declared]!;
  return numbers[declared] ??= threads.add((scratch) =>
    compile(declared, isShared(memory), perThread ? scratch : undefined)
  );
}

/**
 * Start threads that run declared functions in a module's memory.
 *
 * @param wasm tfjs' module, which need not be in use yet.
 * @param scratch Bytes of scratch memory for each thread.
 * @param workers What `startWorkers` gave; only a shared memory can have any.
 */
export async function prepare(
  wasm: WasmModule,
  scratch: number,
  workers: readonly ThreadWorker[] = [],
): Promise<Compiled> {
  const memory = memoryOf(wasm);
  if (current?.memory === memory) return current;
  const allocate = (bytes: number) => wasm._malloc(bytes) >>> 0;
  const threads = await Threads.start({
    memory,
    allocate,
    scratch,
    workers,
  });
  return { memory, threads, numbers: [], common: allocate(4 * COMMON) };
}

/** Run functions in this memory from now on. */
export function useCompiled(compiled: Compiled): void {
  if (current !== compiled) current?.threads.close();
  current = compiled;
}

/** The threads of the current backend, for replays. */
export function machine(): Threads {
  return started().threads;
}

function started(): Compiled {
  if (current) return current;
  throw new Error("Cannot run our WASM kernels: useBackend() starts them");
}

/** How many threads there are. */
export function threadCount(): number {
  return started().threads.count;
}

/** Put integers where a function can read them, and return where: once per call. */
export function inMemory(words: readonly number[]): number {
  const { common } = started();
  wasmBackend().wasm.HEAP32.set(words, common >>> 2);
  recording.now?.wasm?.words(words, common);
  return common;
}
