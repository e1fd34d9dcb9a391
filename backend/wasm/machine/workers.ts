/**
 * The workers that run parts of a job: of `node:worker_threads`, or of a browser.
 *
 * @module
 */
import { anySystem } from "../../../internal/system/system.ts";

/**
 * Shared words: 256 times the job's number plus the parts that nobody took; how
 * many parts are done; how many failed; the parts.
 */
export const LEFT = 0, DONE = 1, FAILED = 2, PARTS = 3;
/** Words of a part, the number of its function first. */
export const LENGTH = 16;
/** The most parts of a job. */
export const MOST_PARTS = 64;
/** Words that are shared with the workers. */
export const WORDS: number = PARTS + LENGTH * MOST_PARTS;

/** How often a worker looks for work before it sleeps. */
const SPIN = 20_000;

/**
 * What a worker does, given `reply()` and `end()`: it works until there is a part
 * whose function it does not have. The message that brings the function is on its way
 * then.
 */
const SCRIPT = `
const functions = [];
let memory, words, scratch;
const receive = (message) => {
  if (message.memory) {
    ({ memory, scratch } = message);
    words = new Int32Array(memory.buffer, message.words, ${WORDS});
    reply();
  } else {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory } });
    for (const name of message.names) functions.push(exports[name]);
  }
  for (let idle = 0;;) {
    const left = Atomics.load(words, ${LEFT}), part = (left & 255) - 1;
    if (left < 0) return end();
    if (part < 0) {
      if (++idle > ${SPIN}) Atomics.wait(words, ${LEFT}, left);
      continue;
    }
    const first = ${PARTS} + ${LENGTH} * part, index = words[first];
    if (index >= functions.length) return;
    if (Atomics.compareExchange(words, ${LEFT}, left, left - 1) !== left) continue;
    idle = 0;
    try {
      functions[index](scratch, ...words.subarray(first + 1, first + ${LENGTH}));
    } catch {
      Atomics.add(words, ${FAILED}, 1);
    }
    Atomics.add(words, ${DONE}, 1);
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
