/**
 * `fit` compiled and as it is, in interleaved rounds.
 *
 * ```sh
 * deno run -A bench/replay/fit.ts [--threads 1] [--rounds 7] [--optimizer Muon] [WORKLOAD...]
 * ```
 *
 * What is printed is the median of the CPU milliseconds per step, with the lowest and
 * the highest. Each round is a run of its own, with the steps that are recorded.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { optim, ParamState, random, train, useBackend } from "../../mod.ts";
import { type Workload, workloads } from "./models.ts";

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "7" },
    optimizer: { type: "string" },
  },
});

/** The class of `--optimizer`, with its defaults, or what the workload has. */
function optimizerFor({ model, optimizer }: Workload): optim.Optimizer {
  const { optimizer: name } = options;
  if (name === undefined) return optimizer;
  const Class = (optim as Record<string, unknown>)[name];
  if (typeof Class !== "function") {
    throw new RangeError(`Cannot find the optimizer ${name}`);
  }
  const made = new (Class as typeof optim.Adam)();
  return made.registerTrainableWeights(model.states(ParamState));
}

/** About how many seconds a round takes. */
const ROUND = 1;

await useBackend("wasm", { threads: Number(options.threads) });

/** Milliseconds of CPU per step of a run. */
async function run(
  make: typeof workloads[keyof typeof workloads],
  compile: boolean,
  steps: number,
): Promise<number> {
  random.seed(1);
  const workload = make(), { loss, batch } = workload;
  const optimizer = optimizerFor(workload);
  const batches = Array.from({ length: 16 }, (_, i) => batch(i));
  const before = process.cpuUsage();
  await train.fit({ loss, optimizer, data: batches, steps, compile });
  const { user, system } = process.cpuUsage(before);
  optimizer.dispose();
  for (const x of batches.flat()) x.dispose();
  return (user + system) / 1000 / steps;
}

function summary(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const [low, median, high] = [0, sorted.length >> 1, sorted.length - 1]
    .map((i) => sorted[i]!.toFixed(3));
  return `${median} (${low} to ${high})`;
}

const names = positionals.length > 0 ? positionals : ["tiny", "mlp", "lstm"];
for (const name of names) {
  const make = workloads[name as keyof typeof workloads];
  await run(make, false, 20); // code is compiled in the first steps
  const guess = await run(make, false, 20);
  const count = Math.ceil(ROUND * 1000 / guess);
  const eager: number[] = [], compiled: number[] = [];
  for (let i = 0; i < Number(options.rounds); i++) {
    eager.push(await run(make, false, count));
    compiled.push(await run(make, true, 3 * count));
  }
  const ratios = eager.map((x, i) => x / compiled[i]!);
  console.log(
    `${name}: eager ${summary(eager)} ms, compiled ${summary(compiled)} ms, ${
      summary(ratios)
    } times as fast`,
  );
}
