/** How the time grows with what there is to do. */
import * as contestants from "../driver/contestants.ts";
import type { Context, Group } from "../driver/context.ts";
import { measure, type Results, type Rounds } from "../driver/rounds.ts";
import { median, slopes, summarize } from "../driver/statistics.ts";
import { digits, spread, table } from "../driver/table.ts";

/** Something that grows, and what is done at each size. */
interface Growing {
  readonly title: string;
  readonly sizes: (context: Context) => readonly number[];
  readonly task: (size: number) => string;
  /** Default: one thread. */
  readonly threads?: (size: number) => number;
}

/** 1, 2, 4, ... up to the machine's cores. */
function threadCounts(): number[] {
  const counts: number[] = [];
  for (let n = 1; n < navigator.hardwareConcurrency; n *= 2) counts.push(n);
  return [...counts, navigator.hardwareConcurrency];
}

const GROWING: readonly Growing[] = [{
  title: "parameters: AdamW on one tensor",
  sizes: ({ size }) =>
    size === "full"
      ? [1e3, 1e4, 1e5, 1e6, 1e7, 1e8]
      : [1e3, 1e4, 1e5, 1e6, 1e7],
  task: (n) => `optimizer AdamW 1 ${n}`,
}, {
  title: "tensors: AdamW on tensors of 16 elements",
  sizes: () => [1, 10, 100, 1000, 10_000],
  task: (n) => `optimizer AdamW ${n} 16`,
}, {
  title: "batch: a compiled step of the MLP 784-256-128-10",
  sizes: () => [1, 4, 16, 64, 256, 1024],
  task: (n) => `train mlp${n} compiled`,
}, {
  title: "time steps: a compiled step of the LSTM 128, batch 32",
  sizes: () => [8, 32, 128, 512],
  task: (n) => `train lstm${n} compiled`,
}, {
  title: "threads: a compiled step of the GPT",
  sizes: threadCounts,
  task: () => "train gpt compiled",
  threads: (n) => n,
}];

const ROUNDS: Readonly<Record<Context["size"], Rounds>> = {
  full: { rounds: 5, slice: 60, warmUp: 200 },
  quick: { rounds: 3, slice: 20, warmUp: 50 },
  smoke: { rounds: 1, slice: 2, warmUp: 2 },
};

/** The tables of growth. */
export const growth: Group = {
  name: "growth",
  async run(context) {
    const blocks = [
      "The slope is the exponent of growth from the size before: 1 where twice as much takes twice as long.",
    ];
    const data: Record<string, Results> = {};
    const all = context.size === "smoke" ? GROWING.slice(1, 2) : GROWING;
    for (const growing of all) {
      const sizes = growing.sizes(context);
      const results = await race(context, growing, sizes);
      data[growing.title] = results;
      blocks.push(show(growing.title, sizes, results));
    }
    return { title: "Growth", blocks, targets: [], data };
  },
};

/** Every size is a process of its own, and they take turns. */
async function race(
  { size }: Context,
  { task, threads = () => 1 }: Growing,
  sizes: readonly number[],
): Promise<Results> {
  const all = await contestants.startAll(sizes.map((n) => ({
    label: String(n),
    start: () => contestants.braintape(threads(n)),
  })));
  try {
    const entries = all.entries((label) => task(Number(label)));
    return await measure(entries, ROUNDS[size]);
  } finally {
    await all.stop();
  }
}

function show(
  title: string,
  sizes: readonly number[],
  { measured }: Results,
): string {
  const done = sizes.filter((n) => measured.some((x) => x.label === `${n}`));
  const walls = measured.map(({ wall }) => median(wall));
  const exponents = slopes(done, walls);
  const rows = measured.map(({ wall, cpu, label }, i) => [
    label,
    spread(summarize(wall)),
    digits(median(cpu)),
    exponents[i - 1]?.toFixed(2),
  ]);
  return table([title, "wall ms", "CPU ms", "slope"], rows);
}
