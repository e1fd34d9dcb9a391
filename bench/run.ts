/**
 * Braintape beside its rivals, in one run: writes `bench/results.md` and
 * `bench/results.json`.
 *
 * ```sh
 * deno task bench [--only training,start] [--workloads mlp32,gpt] [--quick] [--python PATH]
 * ```
 *
 * - `--only`: groups by name, with commas between. Default: all.
 * - `--workloads`: what the group `training` trains, such as `mlp32,gpt`. Default: all.
 * - `--quick`: fewer and shorter rounds, and no compiler of PyTorch.
 * - `--smoke`: each group as briefly as can be, to see whether it runs; prints the
 *   report, and writes no file.
 * - `--python`: a Python that has PyTorch, JAX and optax. Default: `python3`, if it
 *   has them; else they take no part.
 *
 * Every contestant is a process of its own, with the same weights and batches. Close
 * other programs first: what the machine does besides is measured too.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { useBackend } from "../mod.ts";
import type { Context, Group, Section, Size } from "./driver/context.ts";
import { hasRivals, isBusy, machine } from "./driver/machine.ts";
import { report } from "./driver/report.ts";
import { checkpoint } from "./groups/checkpoint.ts";
import { growth } from "./groups/growth.ts";
import { optimizer } from "./groups/optimizer.ts";
import { products } from "./groups/products.ts";
import { size } from "./groups/size.ts";
import { start } from "./groups/start.ts";
import { ROUNDS, training, WORKLOADS } from "./groups/training.ts";

const GROUPS: readonly Group[] = [
  start,
  training,
  optimizer,
  products,
  growth,
  checkpoint,
  size,
];

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string" },
    workloads: { type: "string" },
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    python: { type: "string" },
  },
});

/** The names after an option, which must be known; undefined without the option. */
function chosen(
  option: "only" | "workloads",
  known: readonly string[],
): readonly string[] | undefined {
  const names = options[option]?.split(",");
  for (const name of names ?? []) {
    if (known.includes(name)) continue;
    throw new RangeError(
      `Cannot run the benchmarks: --${option} must be of ${
        known.join(", ")
      }: current value is ${name}`,
    );
  }
  return names;
}

/** The Python that has rivals, if there is one. */
async function findPython(isSmoke: boolean): Promise<string | undefined> {
  if (isSmoke && options.python === undefined) return undefined;
  const python = options.python ?? "python3";
  if (await hasRivals(python)) return python;
  if (options.python !== undefined) {
    throw new Error(
      `Cannot run the benchmarks: --python must name a Python with torch, jax and optax: current value is ${python}`,
    );
  }
  console.error(
    "PyTorch and JAX take no part: python3 does not have torch, jax and optax; --python names one that does",
  );
  return undefined;
}

const only = chosen("only", GROUPS.map(({ name }) => name));
const workloads = chosen("workloads", Object.keys(WORKLOADS));
const amount: Size = options.smoke ? "smoke" : options.quick ? "quick" : "full";
const python = await findPython(options.smoke);
const folder = await Deno.makeTempDir();
await useBackend("wasm", { threads: 1 }); // to make weights and batches
const context: Context = {
  size: amount,
  rounds: ROUNDS[amount],
  python,
  folder,
  workloads: workloads ?? (options.smoke ? ["tiny"] : undefined),
  threads: options.smoke ? [1] : [1, 2],
};
const about = await machine(python), wasBusy = isBusy();
const sections: Section[] = [];
try {
  for (const group of GROUPS) {
    if (only && !only.includes(group.name)) continue;
    const before = performance.now();
    sections.push(await group.run(context));
    const seconds = (performance.now() - before) / 1000;
    console.error(`${group.name}: ${seconds.toFixed(0)} s`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
const page = report(about, sections, wasBusy);
console.log(page);
if (!options.smoke) {
  const here = (name: string) => new URL(name, import.meta.url);
  await Deno.writeTextFile(here("results.md"), page);
  const json = JSON.stringify({ about, sections }, null, 1);
  await Deno.writeTextFile(here("results.json"), `${json}\n`);
}
