/**
 * The validation losses of a small GPT after 500 steps of several optimizers: writes
 * docs/optimizers_on_a_gpt.md with a table and curves.
 *
 * ```sh
 * deno run -A scripts/compare_on_gpt.ts tinyshakespeare.txt
 * ```
 *
 * First each optimizer is run with each of its rates and one seed, then twice more with
 * the best of them. A run takes about a minute on one core. What has been run is kept in
 * scripts/compare_on_gpt/runs.jsonl and is not run again: remove its lines to repeat them.
 */
import { train } from "@braintape/braintape";
import { COMPARED, STEPS } from "./compare_on_gpt/optimizers.ts";
import type { Run, Setting } from "./compare_on_gpt/run.ts";

const SEEDS = [1337, 1338, 1339];
/** How many runs there are at a time. */
const JOBS = navigator.hardwareConcurrency;
const RUNS = new URL("compare_on_gpt/runs.jsonl", import.meta.url);
const DOCS = new URL("../docs/", import.meta.url);

// With names, only these are run, and no page is written.
const [file, ...only] = Deno.args;
if (file === undefined) throw new TypeError("Give the file of a text");
const names = Object.keys(COMPARED);

const runs = await readRuns();
const first = SEEDS[0]!;
await runAll(
  names.flatMap((optimizer) =>
    COMPARED[optimizer]!.rates.map((lr) => ({ optimizer, lr, seed: first }))
  ),
);
await runAll(
  names.flatMap((optimizer) =>
    SEEDS.map((seed) => ({ optimizer, lr: bestRate(optimizer), seed }))
  ),
);
if (only.length === 0) await writePage();

async function readRuns(): Promise<Run[]> {
  const text = await Deno.readTextFile(RUNS).catch(() => "");
  return text.split("\n").filter(Boolean).map((line) =>
    JSON.parse(line) as Run
  );
}

function find({ optimizer, lr, seed }: Setting): Run | undefined {
  return runs.find((run) =>
    run.optimizer === optimizer && run.lr === lr && run.seed === seed
  );
}

/** Do those of `settings` that have not been run yet. */
async function runAll(settings: readonly Setting[]): Promise<void> {
  const waiting = settings.filter((setting) =>
    !find(setting) && (only.length === 0 || only.includes(setting.optimizer))
  );
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const run = await start(next);
      runs.push(run);
      await Deno.writeTextFile(RUNS, JSON.stringify(run) + "\n", {
        append: true,
      });
      const { optimizer, lr, seed, loss } = run;
      console.log(optimizer, lr, seed, loss?.toFixed(4));
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
}

async function start(setting: Setting): Promise<Run> {
  const script = new URL("compare_on_gpt/run.ts", import.meta.url);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script.href, file!, JSON.stringify(setting)],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot run ${JSON.stringify(setting)}`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return JSON.parse(lines.at(-1)!) as Run;
}

function lossOf(setting: Setting): number {
  return find(setting)?.loss ?? Infinity;
}

function bestRate(optimizer: string): number {
  const loss = (lr: number) => lossOf({ optimizer, lr, seed: first });
  return COMPARED[optimizer]!.rates
    .reduce((best, lr) => loss(lr) < loss(best) ? lr : best);
}

async function writePage(): Promise<void> {
  const rows = names.map((optimizer) => {
    const lr = bestRate(optimizer);
    const losses = SEEDS.map((seed) => lossOf({ optimizer, lr, seed }));
    return { optimizer, lr, losses, mean: mean(losses) };
  }).sort((a, b) => a.mean - b.mean);
  const curves = rows.map(({ optimizer, lr }) => ({
    name: optimizer,
    points: meanCurve(SEEDS.map((seed) => find({ optimizer, lr, seed })!)),
  }));
  const svg = train.lineChart({
    title: "Validation loss, mean of three seeds",
    series: curves,
    log: true,
  });
  await Deno.writeTextFile(new URL("optimizers_on_a_gpt.svg", DOCS), svg);
  const table = rows.map(({ optimizer, lr, losses, mean }) =>
    `| ${optimizer} | ${lr} | ${
      losses.map((loss) => loss.toFixed(4)).join(" | ")
    } | ${mean.toFixed(4)} | ${sweep(optimizer)} |`
  );
  const path = new URL("optimizers_on_a_gpt.md", DOCS);
  await Deno.writeTextFile(path, page(table));
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "-q", path.pathname],
  }).output();
}

/** The losses of the sweep, in the order of its rates. */
function sweep(optimizer: string): string {
  return COMPARED[optimizer]!.rates.map((lr) => {
    const { loss } = find({ optimizer, lr, seed: first })!;
    return `${lr}: ${loss?.toFixed(3) ?? "not finite"}`;
  }).join(", ");
}

function meanCurve(
  runs: readonly Run[],
): (readonly [x: number, y: number])[] {
  return runs[0]!.curve.map(([step], i) =>
    [step, mean(runs.map(({ curve }) => curve[i]![1]))] as const
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function page(table: readonly string[]): string {
  return `# Optimizers on a GPT

Validation losses of the GPT of [\`examples/char_gpt.ts\`](../examples/char_gpt.ts)
(4 layers, width 128, batches of 12 windows of 64 characters) on Tiny Shakespeare
after ${STEPS} steps: the rate with the least loss of a small sweep with the first seed,
then three seeds with that rate. The last loss is over 200 batches of unseen text.

| | rate | ${
    SEEDS.map((seed) => `seed ${seed}`).join(" | ")
  } | mean | sweep: rate and loss |
| --- | --- | --- | --- | --- | --- | --- |
${table.join("\n")}

![Validation losses](optimizers_on_a_gpt.svg)

All have gradients clipped to norm 1, 50 steps of warmup and then half a cosine down to
a tenth of the rate, and decay their matrices by 0.1. What differs: Lion's decay is 1,
since its rates are a tenth of the others'; Schedule-Free keeps its rate after the
warmup, as it is meant to, and is evaluated at its average; Prodigy finds its own rate,
which the number in the table multiplies; Muon has \`scaling: "match_rms_adamw"\`, and
AdamW with the same rate for embeddings and gains; AdEMAMix' slow mean decays by 0.999,
with warm-ups over the whole run. Second betas are 0.99 where the default is 0.999, and
all else is the default. The rates were extended until the best was not the largest one,
but for SOAP and Prodigy, whose largest one is the best.

500 steps of a small model, and few rates: a table for a longer run, a larger model or
a finer sweep can look different. Made by
\`deno run -A scripts/compare_on_gpt.ts tinyshakespeare.txt\` on WASM, with one thread
for each run; all runs and their curves are in
[runs.jsonl](../scripts/compare_on_gpt/runs.jsonl).
`;
}
