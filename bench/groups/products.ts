/** Products of matrices and convolutions, against what the processor can do at most. */
import * as contestants from "../driver/contestants.ts";
import type { Context, Group, Target } from "../driver/context.ts";
import {
  find,
  measure,
  type Results,
  type Rounds,
  times,
} from "../driver/rounds.ts";
import { median, ratio } from "../driver/statistics.ts";
import { digits, table, threadsOf } from "../driver/table.ts";
import { peakOperations } from "../peak.ts";

/** Rows, columns, length of the sums, transposes, number of products. */
type Product = readonly [number, number, number, string, number?];

const SQUARES: readonly Product[] = [512, 1024].flatMap((n) =>
  ["NN", "NT", "TN"].map((transposes): Product => [n, n, n, transposes])
);

/** Forward, then the gradients of the input and of the weights. */
function layer(m: number, n: number, k: number): Product[] {
  return [[m, n, k, "NN"], [m, k, n, "NT"], [k, n, m, "TN"]];
}

const OF_TRAINING: Readonly<Record<string, readonly Product[]>> = {
  "MLP, batch 32": [...layer(32, 256, 784), ...layer(32, 128, 256)],
  "MLP, batch 1000": [...layer(1000, 256, 784), ...layer(1000, 10, 128)],
  "GPT": [...layer(768, 384, 128), ...layer(768, 512, 128)],
  "attention": [
    [64, 64, 32, "NT", 48],
    [64, 32, 64, "NN", 48],
    [64, 32, 64, "TN", 48],
  ],
  "LSTM": [...layer(32, 512, 128), [128, 512, 2048, "TN"]],
  "one row": [[1, 1024, 1024, "NN"]],
};

/** Batch, size, channels in, kernel, channels out. */
const CONVOLUTIONS = [[32, 28, 1, 5, 24], [32, 12, 24, 3, 32], [
  16,
  32,
  64,
  3,
  64,
]] as const;

/** The part of the peak that one thread must reach. */
const EFFICIENCY = 0.85;
/** How many times as fast two threads must be. */
const SCALING = 1.8;

const ROUNDS: Readonly<Record<Context["size"], Rounds>> = {
  full: { rounds: 9, slice: 50, warmUp: 200 },
  quick: { rounds: 3, slice: 20, warmUp: 20 },
  smoke: { rounds: 1, slice: 2, warmUp: 2 },
};

interface Job {
  readonly group: string;
  readonly task: string;
  /** Multiplications and additions. */
  readonly operations: number;
}

function jobs(size: Context["size"]): Job[] {
  const matMul =
    (group: string) => ([m, n, k, transposes, batch]: Product) => ({
      group,
      task: ["matMul", m, n, k, transposes, batch ?? ""].join(" ").trim(),
      operations: 2 * m * n * k * (batch ?? 1),
    });
  if (size === "smoke") return [matMul("smoke")([32, 32, 32, "NN"])];
  return [
    ...SQUARES.map(matMul("square")),
    ...Object.entries(OF_TRAINING).flatMap(([group, list]) =>
      list.map(matMul(group))
    ),
    ...CONVOLUTIONS.flatMap(([batch, side, channels, kernel, outs]) =>
      ["forward", "filter", "input"].map((what) => ({
        group: "convolution",
        task: ["convolution", what, batch, side, channels, kernel, outs]
          .join(" "),
        operations: 2 * batch * side ** 2 * channels * kernel ** 2 * outs,
      }))
    ),
  ];
}

const ours = (threads: number) => `Braintape, ${threadsOf(threads)}`;
const peak = (threads: number) => `peak, ${threadsOf(threads)}`;

/** The products and convolutions. */
export const products: Group = {
  name: "products",
  async run(context) {
    const { threads, python, size } = context;
    const all = await contestants.startAll([
      ...threads.flatMap((n) => [
        { label: ours(n), start: () => contestants.braintape(n) },
        { label: peak(n), start: () => contestants.braintape(n) },
      ]),
      { label: "tfjs", start: () => contestants.tfjs(context) },
      { label: "jax-js", start: () => contestants.jaxJs(context) },
      ...(python
        ? threads.map((n) => ({
          label: `PyTorch, ${threadsOf(n)}`,
          start: () => contestants.torch(context, n),
        }))
        : []),
    ]);
    const labels = [...all.running.keys()];
    const rows: string[][] = [], targets: Target[] = [];
    const data: Record<string, Results> = {};
    try {
      for (const job of jobs(size)) {
        const entries = all.entries((label) =>
          label.startsWith("peak") ? "peak" : job.task
        );
        const results = await measure(entries, ROUNDS[size]);
        data[job.task] = results;
        rows.push([
          job.group,
          job.task,
          ...labels.map((label) => speed(results, label, job)),
        ]);
        if (job.group === "square") targets.push(...compare(job, results));
      }
    } finally {
      await all.stop();
    }
    const blocks = [
      "GFLOP/s (medians), and after ours the part of the peak: a loop of multiplications and additions on registers, in the same rounds. `matMul rows columns sums transposes [products]`; `convolution what batch size channels kernel channels`.",
      table(["", "", ...labels], rows),
    ];
    return { title: "Products and convolutions", blocks, targets, data };
  },
};

/** Operations in a nanosecond. */
function speed(results: Results, label: string, { operations }: Job): string {
  const one = find(results, label);
  if (!one) return "";
  const threads = Number(label.match(/(\d+) threads?/)?.[1]);
  if (label.startsWith("peak")) {
    return digits(peakOperations(threads) / median(one.wall) / 1e6);
  }
  const shown = digits(operations / median(one.wall) / 1e6);
  if (!label.startsWith("Braintape")) return shown;
  const part = partOfPeak(results, threads, operations);
  return part ? `${shown} (${(100 * part).toFixed(0)} %)` : shown;
}

function partOfPeak(
  results: Results,
  threads: number,
  operations: number,
): number | undefined {
  const one = find(results, ours(threads)), best = find(results, peak(threads));
  if (!one || !best) return undefined;
  return ratio(best.wall, one.wall) * operations / peakOperations(threads);
}

function compare({ task, operations }: Job, results: Results): Target[] {
  return [{
    what: `${task}: part of the peak, 1 thread`,
    asked: { least: EFFICIENCY },
    got: partOfPeak(results, 1, operations),
  }, {
    what: `${task}: time with 1 thread / with 2`,
    asked: { least: SCALING },
    got: times(results, ours(1), ours(2)),
  }];
}
