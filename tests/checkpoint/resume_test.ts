import { assert, assertEquals } from "@std/assert";
import type { BackendName } from "../../backend/mod.ts";
import * as optim from "../../optim/mod.ts";
import { BACKENDS, FULL } from "../_backends.ts";

const RUN = new URL("./_run.ts", import.meta.url).pathname;

/** What optimizers extend. */
const BASES: readonly unknown[] = [
  ...[optim.ForwardMode, optim.AveragingOptimizer, optim.AroundOptimizer],
];

/** Every class of optimizer that there is, but for those that run the model themselves. */
const OPTIMIZERS = Object.entries(optim)
  .filter(([, value]) =>
    typeof value === "function" && value.prototype instanceof optim.Optimizer &&
    !BASES.includes(value) &&
    !(value.prototype instanceof optim.ForwardMode)
  ).map(([name]) => name);

async function run(...args: string[]): Promise<Record<string, string>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", RUN, ...args],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("the table has all optimizers", () => {
  assert(OPTIMIZERS.length >= 20);
  for (const name of ["SGD", "Adam", "AdamW", "LBFGS", "Lookahead"]) {
    assert(OPTIMIZERS.includes(name), name);
  }
});

/** Where each optimizer is tried; the rest of the table needs BRAINTAPE_FULL=1. */
const TABLE: [backend: BackendName, threads: number, names: string[]][] = [
  ["cpu", 1, FULL ? OPTIMIZERS : ["AdamW", "Lookahead"]],
  ["wasm", 1, OPTIMIZERS],
  ["wasm", 2, FULL ? OPTIMIZERS : ["AdamW"]],
  ["webgpu", 1, FULL ? OPTIMIZERS : ["AdamW"]],
];

for (const [backend, threads, names] of TABLE) {
  Deno.test({
    name:
      `a run resumed in a new process equals the uninterrupted one bit for bit (${backend}, threads: ${threads})`,
    ignore: !BACKENDS.includes(backend),
    fn: async () => {
      const folder = await Deno.makeTempDir();
      const args = [folder, backend, `${threads}`, names.join()];
      const straight = await run("start", ...args);
      assertEquals(Object.keys(straight), names);
      assertEquals(await run("resume", ...args), straight);
      // Each optimizer arrives somewhere else, so the digests do look at it.
      assertEquals(new Set(Object.values(straight)).size, names.length);
      await Deno.remove(folder, { recursive: true });
    },
  });
}
