/**
 * One test for each backend that can run on this machine.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type BackendName, useBackend } from "../backend/mod.ts";
import { recording } from "../internal/recording.ts";

const ALL: readonly BackendName[] = ["cpu", "wasm", "webgpu"];

const wanted = Deno.env.get("BRAINTAPE_TEST_BACKENDS")?.split(",");

/** Whether the exhaustive versions of tests are wanted. */
export const FULL: boolean = Deno.env.get("BRAINTAPE_FULL") === "1";

if (!FULL) {
  console.log(
    "Exhaustive tests are skipped or shortened: `deno task test:full` runs them",
  );
}

/** Vulkan's loader complains without it. */
if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

const isGpuWanted = !wanted || wanted.includes("webgpu");
const adapter = isGpuWanted && await navigator.gpu?.requestAdapter();
if (isGpuWanted && !adapter) {
  console.log(
    "WebGPU tests are skipped: no adapter was found (Debian's mesa-vulkan-drivers has one in software)",
  );
}

/** The backends that tests run on. */
export const BACKENDS: readonly BackendName[] = ALL.filter((name) =>
  (name !== "webgpu" || adapter) && (!wanted || wanted.includes(name))
);

/** Options of {@linkcode onEachBackend}. */
export interface EachOptions {
  /** Run on these only. Default: all. */
  readonly only?: readonly BackendName[];
  /** Threads on WASM. Default: 1. */
  readonly threads?: number;
  /** Why its gradients and steps are not compiled by `deno task test:compiled`. */
  readonly eager?: string;
}

/** Register a test for each backend. */
export function onEachBackend(
  name: string,
  fn: (backend: BackendName) => void | Promise<void>,
  { only = ALL, threads = 1, eager }: EachOptions = {},
): void {
  for (const backend of ALL) {
    if (!only.includes(backend) || (wanted && !wanted.includes(backend))) {
      continue;
    }
    Deno.test({
      name: `${name} (${backend}${threads > 1 ? `, ${threads} threads` : ""})`,
      ignore: !BACKENDS.includes(backend),
      sanitizeResources: false,
      sanitizeOps: false,
      fn: async () => {
        await useBackend(backend, { threads });
        const { compile } = recording;
        if (compile && eager) {
          console.log(`not compiled: ${name}: ${eager}`);
          recording.compile = undefined;
        }
        try {
          await fn(backend);
        } finally {
          recording.compile = compile;
        }
      },
    });
  }
}

/** The values of a tensor, as plain numbers. */
export async function numbers(x: tf.Tensor): Promise<number[]> {
  return [...await x.data()];
}

/** Assert that `fn` leaves as many tensors as it found. */
export async function assertNoLeak(
  fn: () => void | Promise<void>,
): Promise<void> {
  const before = tf.memory().numTensors;
  await fn();
  const after = tf.memory().numTensors;
  if (after !== before) {
    throw new Error(`Leaked ${after - before} tensors`);
  }
}
