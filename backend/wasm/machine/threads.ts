/**
 * Threads of our own on tfjs' shared memory: workers that take parts of a job
 * one after another, and sleep when there are none.
 *
 * A part is a function of one module and its arguments. Which thread takes it
 * changes no bit of the result. Jobs do not nest.
 *
 * @module
 */
import { anySystem } from "../../../internal/system/system.ts";
import type { MessagePort, Worker } from "node:worker_threads";

/**
 * Shared words: 256 times the job's number plus the parts that nobody took; how
 * many parts are done; how many failed; the parts.
 */
const LEFT = 0, DONE = 1, FAILED = 2, PARTS = 3;
/** Words of a part, the number of its function first. */
const LENGTH = 16;
/** The most parts of a job. */
export const MOST_PARTS = 64;
/** Words that are shared with its workers. */
const WORDS = PARTS + LENGTH * MOST_PARTS;

/** How often a thread looks for work before it sleeps. */
const SPIN = 20_000;

const WORKER =
  `import { parentPort, receiveMessageOnPort } from "node:worker_threads";
parentPort.once("message", ({ memory, words: at, scratch, more }) => {
const functions = [];
const add = ({ module, names }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const name of names) functions.push(exports[name]);
};
const words = new Int32Array(memory.buffer, at, ${WORDS});
parentPort.postMessage(0);
for (let idle = 0;;) {
  const left = Atomics.load(words, ${LEFT}), part = (left & 255) - 1;
  if (left < 0) break;
  if (part < 0) {
    if (++idle > ${SPIN}) Atomics.wait(words, ${LEFT}, left);
  } else if (Atomics.compareExchange(words, ${LEFT}, left, left - 1) === left) {
    idle = 0;
    const first = ${PARTS} + ${LENGTH} * part;
    const args = words.subarray(first + 1, first + ${LENGTH});
    try {
      const index = words[first];
      while (index >= functions.length) {
        const message = receiveMessageOnPort(more);
        if (message) add(message.message);
      }
      functions[index](scratch, ...args);
    } catch {
      Atomics.add(words, ${FAILED}, 1);
    }
    Atomics.add(words, ${DONE}, 1);
  }
}
});`;

/** Begin to start `count` workers, which wait to be told what they run. */
export async function startWorkers(count: number): Promise<Worker[]> {
  if (count < 1) return [];
  // Imported here, since bundles for browsers hold this module.
  const { Worker } = await import("node:worker_threads");
  const script = new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`);
  return Array.from({ length: count }, () => new Worker(script));
}

async function channel() {
  const { MessageChannel } = await import("node:worker_threads");
  return new MessageChannel();
}

/** A function of the module: scratch memory, then integers. */
type Kernel = (...args: number[]) => void;

/** A call of a function with its arguments. */
export interface PreparedCall {
  /** The function. */
  readonly fn: Kernel;
  /** Its arguments. */
  readonly args: readonly number[];
}

/** A module, and which of its functions are run; each takes scratch memory first. */
export interface Code {
  readonly module: WebAssembly.Module;
  /** The names of its functions, in the order of their numbers. */
  readonly names: readonly string[];
}

/** What threads are started with. */
export interface ThreadsOptions {
  /** The memory; only a shared one can have several threads. */
  readonly memory: WebAssembly.Memory;
  /** Gives memory that nobody frees; throws when there is none. */
  readonly allocate: (bytes: number) => number;
  /** Bytes of scratch memory for each thread. */
  readonly scratch: number;
  /** What {@linkcode startWorkers} gave: threads besides the caller. */
  readonly workers: readonly Worker[];
}

/** Functions of modules, run by this thread and its workers. */
export class Threads {
  readonly #kernels: Kernel[] = [];
  readonly #names: string[] = [];
  readonly #memory: WebAssembly.Memory;
  readonly #scratch: number;
  readonly #words: Int32Array;
  /** Where workers look for functions that they do not have yet. */
  readonly #ports: MessagePort[] = [];
  #jobs = 0;

  private constructor({ memory, allocate, scratch }: ThreadsOptions) {
    this.#memory = memory;
    this.#scratch = allocate(scratch);
    const at = allocate(4 * WORDS);
    this.#words = new Int32Array(memory.buffer, at, WORDS).fill(0);
  }

  /** Threads that are the caller and `workers`, which do not keep the process from ending. */
  static async start(options: ThreadsOptions): Promise<Threads> {
    const started = new Threads(options);
    const { memory, allocate, scratch, workers } = options;
    const words = started.#words.byteOffset;
    const ports = await Promise.all(workers.map(async (worker) => {
      const isReady = new Promise<void>((resolve, reject) => {
        worker.once("message", () => resolve()).once("error", reject);
      });
      const own = allocate(scratch), { port1, port2: more } = await channel();
      worker.postMessage(
        { memory, words, scratch: own, more },
        [more],
      );
      await isReady;
      worker.unref();
      return port1;
    }));
    started.#ports.push(...ports);
    return started;
  }

  /** Run functions of one module more; returns the number of the first. */
  add(code: Code): number {
    const first = this.#kernels.length;
    const env = { memory: this.#memory };
    const { exports } = new WebAssembly.Instance(code.module, { env });
    for (const name of code.names) this.#kernels.push(exports[name] as Kernel);
    this.#names.push(...code.names);
    for (const port of this.#ports) port.postMessage(code);
    return first;
  }

  /** How many threads there are, the caller's included. */
  get count(): number {
    return 1 + this.#ports.length;
  }

  /** Run a function by its number for each of `parts`, which do not depend on each other, and wait for them; at most 64. */
  run(index: number, parts: readonly (readonly number[])[]): void {
    const kernel = this.#kernels[index]!;
    if (parts.length < 2 || this.#ports.length === 0) {
      for (const part of parts) kernel(this.#scratch, ...part);
      return;
    }
    const words = this.#words, count = parts.length;
    parts.forEach((part, i) => {
      words[PARTS + LENGTH * i] = index;
      words.set(part, PARTS + LENGTH * i + 1);
    });
    words[DONE] = words[FAILED] = 0;
    this.#jobs = (this.#jobs + 1) & 0x3fffff;
    Atomics.store(words, LEFT, 256 * this.#jobs + count);
    Atomics.notify(words, LEFT, this.#ports.length);
    for (let left; (left = Atomics.load(words, LEFT)) & 255;) {
      if (Atomics.compareExchange(words, LEFT, left, left - 1) !== left) {
        continue;
      }
      kernel(this.#scratch, ...parts[(left & 255) - 1]!);
      Atomics.add(words, DONE, 1);
    }
    for (let i = 0, done; (done = Atomics.load(words, DONE)) < count; i++) {
      // The worker may need this core; a browser's main thread may not wait.
      if (i > 10_000 && CAN_WAIT) Atomics.wait(words, DONE, done, 0.1);
    }
    if (Atomics.load(words, FAILED)) {
      throw new Error(
        `Cannot run ${this.#names[index]} on WASM: it failed in a worker`,
      );
    }
  }

  /** Run a function by its number once, on this thread. */
  call(index: number, args: readonly number[]): void {
    this.#kernels[index]!(this.#scratch, ...args);
  }

  /** What `run` does, in steps to be done one after the other. */
  prepare(
    index: number,
    parts: readonly (readonly number[])[],
  ): (PreparedCall | (() => void))[] {
    if (parts.length > 1 && this.#ports.length > 0) {
      return [() => this.run(index, parts)];
    }
    const fn = this.#kernels[index]!;
    return parts.map((part) => ({ fn, args: [this.#scratch, ...part] }));
  }

  /** End the workers. */
  close(): void {
    if (this.#ports.length === 0) return; // memory that is not shared may be gone
    for (const port of this.#ports.splice(0)) port.close();
    Atomics.store(this.#words, LEFT, -1);
    Atomics.notify(this.#words, LEFT);
  }
}

const CAN_WAIT = anySystem !== undefined;
