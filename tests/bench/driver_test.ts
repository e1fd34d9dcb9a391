import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStringIncludes,
} from "@std/assert";
import * as contestants from "../../bench/driver/contestants.ts";
import type { Context } from "../../bench/driver/context.ts";
import { find, measure, times } from "../../bench/driver/rounds.ts";
import { writeWorkload } from "../../bench/workloads.ts";
import { useBackend } from "../../mod.ts";
import { FULL } from "../_backends.ts";

const WORKLOADS = FULL
  ? ["tiny", "mlp32", "cnn", "lstm", "snn", "gpt"]
  : ["tiny", "mlp32"];

/**
 * How far losses may differ: sums are taken in another order. tfjs' Adam has neither
 * the decay nor the clipping of the GPT's optimizer: two steps bring 2e-4.
 */
const tolerance = (rival: string, workload: string) =>
  rival === "tfjs" && workload === "gpt" ? 5e-4 : 1e-5;

Deno.test({
  name: "rivals compute the losses that Braintape does, from the same weights",
  // Contestants are processes that end when their input does.
  async fn() {
    await useBackend("wasm", { threads: 1 });
    const folder = await Deno.makeTempDir();
    const context = { folder } as Context;
    try {
      for (const workload of WORKLOADS) {
        await writeWorkload(workload, folder);
        const all = await contestants.startAll([
          { label: "ours", start: () => contestants.braintape(1) },
          { label: "tfjs", start: () => contestants.tfjs(context) },
          { label: "jax-js", start: () => contestants.jaxJs(context) },
        ]);
        const losses = new Map<string, readonly number[]>();
        for (
          const { label, contestant, task } of all.entries(
            `train ${workload} compiled`,
          )
        ) {
          // Stock tfjs has no gradient of convolutions on WASM.
          if (label === "tfjs" && workload === "cnn") continue;
          losses.set(label, await contestant.prepare(task));
        }
        await all.stop();
        for (const { label, error } of all.failed) {
          console.log(`${label} is skipped: ${error}`);
        }
        const ours = losses.get("ours")!;
        assertEquals(ours.length, 3);
        for (const [label, theirs] of losses) {
          theirs.forEach((loss, i) =>
            assertAlmostEquals(
              loss,
              ours[i]!,
              tolerance(label, workload) * ours[i]!,
              `${workload}, ${label}`,
            )
          );
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("contestants take turns, and one that fails is told among the failed", async () => {
  const turns: string[] = [];
  const contestant = (name: string, wall: number) => ({
    name,
    prepare: () => Promise.resolve([1]),
    run(_: string, count: number) {
      turns.push(name);
      return Promise.resolve({ wall: wall * count, cpu: 2 * wall * count });
    },
    stop: () => Promise.resolve(),
  });
  const broken = {
    ...contestant("broken", 1),
    prepare: () => Promise.reject(new Error("no such kernel")),
  };
  const entries = [contestant("slow", 20), contestant("quick", 10), broken]
    .map((contestant) => ({
      label: contestant.name,
      contestant,
      task: "train",
    }));
  const results = await measure(entries, { rounds: 3, slice: 40, warmUp: 0 });
  assertEquals(turns.slice(-6), [
    "slow",
    "quick",
    "slow",
    "quick",
    "slow",
    "quick",
  ]);
  assertEquals(find(results, "slow"), {
    label: "slow",
    wall: [20, 20, 20],
    cpu: [40, 40, 40],
    numbers: [1],
  });
  assertEquals(times(results, "slow", "quick"), 2);
  assertEquals(times(results, "slow", "broken"), undefined);
  assertEquals(results.failed, [{ label: "broken", error: "no such kernel" }]);
});

/** What `bench/run.ts` says, run as a process of its own. */
async function bench(...args: string[]) {
  const path = new URL("../../bench/run.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", path, ...args],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: "/tmp" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("all groups of benchmarks run, as briefly as can be", async () => {
  const { code, out, err } = await bench("--smoke");
  assertEquals(code, 0, err);
  for (
    const title of [
      "Asked and got",
      "Start",
      "Steps of training",
      "Steps of optimizers",
      "Products and convolutions",
      "Growth",
      "Checkpoints",
      "What a browser loads",
    ]
  ) assertStringIncludes(out, `## ${title}\n`);
  assert(/Braintape compiled, 1 thread \| [\d.]+ /.test(out), out);
});

Deno.test("the benchmarks refuse names that they do not know", async () => {
  const { err } = await bench("--only", "training,nothing");
  assertStringIncludes(
    err,
    "Cannot run the benchmarks: --only must be of start, training, optimizer, products, growth, checkpoint, size: current value is nothing",
  );
  const { err: unknown } = await bench("--python", "/nowhere", "--smoke");
  assertStringIncludes(
    unknown,
    "--python must name a Python with torch, jax and optax: current value is /nowhere",
  );
});
