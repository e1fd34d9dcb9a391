/**
 * The workers that run parts of a job: of `node:worker_threads`, or of a browser.
 *
 * @module
 */
import { anySystem } from "../../../internal/system/system.ts";

/**
 * Shared words: the job, as `jobWord` says; how many parts are done; how many failed; how
 * many must be done before the caller, who sleeps, is woken, or 0; the parts; for each
 * worker whether it sleeps. What workers look at all the time is apart from what they
 * write.
 */
export const JOB = 0, DONE = 32, FAILED = 33, WANTED = 34, PARTS = 64;
/** Words of a part, the number of its function first. */
export const LENGTH = 16;
/** The most parts of a job. */
export const MOST_PARTS = 64;
/** Where the words begin that say whether a worker sleeps. */
export const SLEEPS: number = PARTS + LENGTH * MOST_PARTS;

/** Words that are shared with so many workers. */
export function wordsOf(workers: number): number {
  return SLEEPS + workers;
}

/** Bits of a number of parts. */
const BITS = 7, MASK = (1 << BITS) - 1;

/** The word of a job: its number, its parts, and those of them that nobody took. */
export function jobWord(job: number, parts: number): number {
  return (job << 2 * BITS | parts << BITS | parts) & 0x7fffffff;
}

/** The parts that nobody took. */
export function leftOf(word: number): number {
  return word & MASK;
}

/**
 * How many milliseconds a worker looks for work before it sleeps. Waking it takes its
 * caller about 20 microseconds: it stays awake between the kernels of a step.
 */
const AWAKE = 0.3;

/** The arguments of the part whose first word is `first`. */
const ARGUMENTS = Array.from(
  { length: LENGTH - 1 },
  (_, i) => `words[first + ${i + 1}]`,
).join(", ");

/**
 * What a worker does, given `reply()` and `end()`: it works until there is a part
 * whose function it does not have. The message that brings the function is on its way
 * then.
 *
 * It leaves jobs to the workers before it that have parts enough for those and the
 * caller only, and so it sleeps while jobs are small. The caller wakes the first worker,
 * and worker `i` wakes workers `2 i + 1` and `2 i + 2`: many would take the caller long.
 */
const SCRIPT = `
const functions = [];
const pause = Atomics.pause ?? (() => {});
let memory, words, scratch, number;
const wake = (worker, parts) => {
  const at = ${SLEEPS} + worker;
  if (worker + 1 < parts && at < words.length && Atomics.exchange(words, at, 0)) {
    Atomics.notify(words, at, 1);
  }
};
const receive = (message) => {
  if (message.memory) {
    ({ memory, scratch, number } = message);
    words = new Int32Array(memory.buffer, message.words, message.length);
    reply();
  } else {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory } });
    for (const name of message.names) functions.push(exports[name]);
  }
  for (let turns = 0, since = performance.now(); ;) {
    const job = Atomics.load(words, ${JOB});
    const part = (job & ${MASK}) - 1, parts = job >> ${BITS} & ${MASK};
    if (job < 0) return end();
    if (part < 0 || number + 1 >= parts) {
      pause();
      if (++turns & 63 || performance.now() - since < ${AWAKE}) continue;
      const at = ${SLEEPS} + number;
      Atomics.store(words, at, 1);
      if (Atomics.load(words, ${JOB}) === job) Atomics.wait(words, at, 1);
      Atomics.store(words, at, 0);
      since = performance.now();
      continue;
    }
    const first = ${PARTS} + ${LENGTH} * part, index = words[first];
    if (index >= functions.length) return;
    if (Atomics.compareExchange(words, ${JOB}, job, job - 1) !== job) continue;
    if (part > 0) {
      wake(2 * number + 1, parts);
      wake(2 * number + 2, parts);
    }
    try {
      functions[index](scratch, ${ARGUMENTS});
    } catch {
      Atomics.add(words, ${FAILED}, 1);
    }
    if (Atomics.add(words, ${DONE}, 1) + 1 === Atomics.load(words, ${WANTED})) {
      Atomics.notify(words, ${DONE}, 1);
    }
    turns = 0;
    since = performance.now();
  }
};`;

const ON_SYSTEM = `import { parentPort } from "node:worker_threads";
const reply = () => parentPort.postMessage(0), end = () => parentPort.close ? parentPort.close() : close();
${SCRIPT}
parentPort.on("message", receive);`;

const IN_BROWSER = `const reply = () => postMessage(0), end = () => close();
${SCRIPT}
onmessage = ({ data }) => receive(data);`;

/** A module, and which of its functions are run; each takes scratch memory first. */
export interface Code {
  readonly module: WebAssembly.Module;
  /** The names of its functions, in the order of their numbers. */
  readonly names: readonly string[];
}

/** What a worker is started with. */
export interface Place {
  /** The memory, which is shared. */
  readonly memory: WebAssembly.Memory;
  /** Where the shared words are, in bytes. */
  readonly words: number;
  /** How many they are. */
  readonly length: number;
  /** Which worker it is, from 0. */
  readonly number: number;
  /** Where its scratch memory is, in bytes. */
  readonly scratch: number;
}

/** A thread besides the caller's. It ends when the first shared word is negative. */
export interface ThreadWorker {
  /** Settles when it works; it does not keep the process from ending from then on. */
  begin(place: Place): Promise<void>;
  /** Give it the functions that are next. */
  post(code: Code): void;
  /** End it before it has begun. */
  terminate(): void;
}

/** Begin to start `count` workers. */
export async function startWorkers(count: number): Promise<ThreadWorker[]> {
  if (count < 1) return [];
  if (!anySystem) {
    const type = "text/javascript";
    const url = URL.createObjectURL(new Blob([IN_BROWSER], { type }));
    return Array.from({ length: count }, () => webWorker(url));
  }
  // Imported here, since bundles for browsers hold this module.
  const { Worker } = await import("node:worker_threads");
  const url = new URL(
    `data:text/javascript,${encodeURIComponent(ON_SYSTEM)}`,
  );
  return Array.from({ length: count }, () => {
    const worker = new Worker(url);
    return {
      async begin(place) {
        const begun = new Promise<void>((resolve, reject) => {
          worker.once("message", () => resolve()).once("error", reject);
        });
        worker.postMessage(place);
        await begun;
        worker.unref();
      },
      post: (code) => worker.postMessage(code),
      terminate: () => worker.terminate(),
    };
  });
}

function webWorker(url: string): ThreadWorker {
  const worker = new Worker(url);
  // A worker that may not be started says so before it is told to begin.
  const begun = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(workerError(event));
    };
  });
  begun.catch(() => {}); // it is told to whoever lets it begin
  return {
    begin(place) {
      worker.postMessage(place);
      return begun;
    },
    post: (code) => worker.postMessage(code),
    terminate: () => worker.terminate(),
  };
}

/** The error of a Web Worker that could not be started. */
function workerError(event: ErrorEvent): Error {
  return new Error(
    `Cannot start WASM: a worker could not be started: ${
      event.message ||
      "the page's Content-Security-Policy may lack worker-src blob:"
    }; threads: 1 needs none`,
  );
}
