/**
 * Threads of our own on tfjs' shared memory: workers that take parts of a job
 * one after another, and sleep when there are none.
 *
 * A part is a function of one module and its arguments. Which thread takes it
 * changes no bit of the result. Jobs do not nest.
 *
 * @module
 */
import type { Scratch } from "../assembler/assembler.ts";
import {
  type Code,
  DONE,
  FAILED,
  JOB,
  jobWord,
  leftOf,
  LENGTH,
  PARTS,
  SLEEPS,
  type ThreadWorker,
  WANTED,
  wordsOf,
} from "./workers.ts";

/** A function of the module: scratch memory, then integers. */
type Kernel = (...args: number[]) => void;

/** A call of a function with its arguments. */
export interface PreparedCall {
  /** The function. */
  readonly fn: Kernel;
  /** Its arguments. */
  readonly args: readonly number[];
}

/** What threads are started with. */
export interface ThreadsOptions {
  /** The memory; only a shared one can have several threads. */
  readonly memory: WebAssembly.Memory;
  /** Gives memory that nobody frees; throws when there is none. */
  readonly allocate: (bytes: number) => number;
  /** Bytes of scratch memory for each thread. */
  readonly scratch: number;
  /** Threads besides the caller. */
  readonly workers: readonly ThreadWorker[];
}

/** How many milliseconds the caller looks whether the last parts are done before it sleeps. */
const PATIENCE = 0.2;

/**
 * When no worker took a part of a job for so many milliseconds, other programs have
 * the processors: a worker that looks for work would take the time of its caller.
 */
const MISSED = 2;

/** For how many milliseconds the caller then works alone. */
const ALONE = 10;

/** Tells the processor that this thread looks again and again, where there is such a call. */
const pause = (Atomics as { pause?: () => void }).pause ?? (() => {});

/** Functions of modules, run by this thread and its workers. */
export class Threads {
  readonly #kernels: Kernel[] = [];
  readonly #names: string[] = [];
  readonly #memory: WebAssembly.Memory;
  readonly #scratch: number;
  readonly #scratchBytes: number;
  readonly #words: Int32Array;
  #workers: readonly { worker: ThreadWorker; scratch: number }[] = [];
  #jobs = 0;
  /** Since when no worker took a part, in milliseconds; 0 if one did. */
  #missedSince = 0;
  /** When the caller no longer works alone, in milliseconds. */
  #aloneUntil = 0;

  private constructor({ memory, allocate, scratch, workers }: ThreadsOptions) {
    this.#memory = memory;
    this.#scratch = allocate(scratch);
    this.#scratchBytes = scratch;
    const length = wordsOf(workers.length), at = allocate(4 * length);
    this.#words = new Int32Array(memory.buffer, at, length).fill(0);
  }

  /** Threads that are the caller and `workers`, which do not keep the process from ending. */
  static async start(options: ThreadsOptions): Promise<Threads> {
    const started = new Threads(options);
    const { memory, allocate, scratch, workers } = options;
    const { byteOffset: words, length } = started.#words;
    started.#workers = await Promise.all(workers.map(async (worker, number) => {
      const place = {
        memory,
        words,
        length,
        number,
        scratch: allocate(scratch),
      };
      await worker.begin(place);
      return { worker, scratch: place.scratch };
    }));
    return started;
  }

  /**
   * Run functions of one module more; returns the number of the first.
   *
   * @param codeOf The code for the thread with this scratch memory.
   */
  add(codeOf: (scratch: Scratch) => Code): number {
    const first = this.#kernels.length, bytes = this.#scratchBytes;
    const env = { memory: this.#memory };
    const { module, names } = codeOf({ at: this.#scratch, bytes });
    const { exports } = new WebAssembly.Instance(module, { env });
    for (const name of names) this.#kernels.push(exports[name] as Kernel);
    this.#names.push(...names);
    for (const { worker, scratch } of this.#workers) {
      worker.post(codeOf({ at: scratch, bytes }));
    }
    return first;
  }

  /** How many threads there are, the caller's included. */
  get count(): number {
    return 1 + this.#workers.length;
  }

  /** Run a function by its number for each of `parts`, which do not depend on each other, and wait for them; at most 64. */
  run(index: number, parts: readonly (readonly number[])[]): void {
    const kernel = this.#kernels[index]!;
    if (parts.length < 2 || this.#isAlone()) {
      for (const part of parts) kernel(this.#scratch, ...part);
      return;
    }
    const words = this.#words, count = parts.length;
    parts.forEach((part, i) => {
      words[PARTS + LENGTH * i] = index;
      words.set(part, PARTS + LENGTH * i + 1);
    });
    words[DONE] = words[FAILED] = words[WANTED] = 0;
    Atomics.store(words, JOB, jobWord(++this.#jobs, count));
    // A worker that looks for work needs no call, which takes long.
    if (Atomics.load(words, SLEEPS) && Atomics.exchange(words, SLEEPS, 0)) {
      Atomics.notify(words, SLEEPS, 1);
    }
    let own = 0;
    for (let job, left; (left = leftOf(job = Atomics.load(words, JOB)));) {
      if (Atomics.compareExchange(words, JOB, job, job - 1) !== job) continue;
      kernel(this.#scratch, ...parts[left - 1]!);
      Atomics.add(words, DONE, 1);
      own++;
    }
    this.#await(count);
    this.#note(own < count);
    if (Atomics.load(words, FAILED)) {
      throw new Error(
        `Cannot run ${this.#names[index]} on WASM: it failed in a worker`,
      );
    }
  }

  /** Whether the caller is to work alone now. */
  #isAlone(): boolean {
    if (this.#workers.length === 0) return true;
    if (this.#aloneUntil === 0) return false;
    if (performance.now() < this.#aloneUntil) return true;
    this.#aloneUntil = 0;
    return false;
  }

  /** Note whether a worker took a part of a job. */
  #note(hadHelp: boolean): void {
    if (hadHelp) {
      this.#missedSince = 0;
      return;
    }
    const now = performance.now();
    this.#missedSince ||= now;
    if (now - this.#missedSince < MISSED) return;
    this.#missedSince = 0;
    this.#aloneUntil = now + ALONE;
  }

  /** Wait until so many parts are done. */
  #await(count: number): void {
    const words = this.#words;
    let since = 0;
    for (let turns = 1, done; (done = Atomics.load(words, DONE)) < count;) {
      pause();
      if (turns++ & 63) continue;
      since ||= performance.now();
      if (performance.now() - since < PATIENCE || !canWait()) continue;
      // The worker may need this core.
      Atomics.store(words, WANTED, count);
      Atomics.wait(words, DONE, done, 1);
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
    if (parts.length > 1 && this.#workers.length > 0) {
      return [() => this.run(index, parts)];
    }
    const fn = this.#kernels[index]!;
    return parts.map((part) => ({ fn, args: [this.#scratch, ...part] }));
  }

  /** End the workers. */
  close(): void {
    if (this.#workers.length === 0) return; // memory that is not shared may be gone
    this.#workers = [];
    const words = this.#words;
    Atomics.store(words, JOB, -1);
    for (let at = SLEEPS; at < words.length; at++) {
      Atomics.store(words, at, 0);
      Atomics.notify(words, at);
    }
  }
}

let waits: boolean | undefined;

/** Whether this thread may wait: the main thread of a page may not. */
function canWait(): boolean {
  if (waits !== undefined) return waits;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return waits = true;
  } catch {
    return waits = false;
  }
}
