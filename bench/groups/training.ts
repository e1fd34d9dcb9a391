/** Whole steps of training, beside all rivals. */
import * as contestants from "../driver/contestants.ts";
import type { Context, Group, Target } from "../driver/context.ts";
import {
  find,
  measure,
  type Measured,
  type Results,
  type Rounds,
  summaries,
  times,
} from "../driver/rounds.ts";
import { digits, spread, table, threadsOf } from "../driver/table.ts";
import { operationsOf } from "../operations.ts";
import { peakOperations } from "../peak.ts";
import { writeWorkload } from "../workloads.ts";

/** What is asked of a workload: ratios of wall time to that of our compiled step. */
interface Asked {
  /** Stock tfjs takes at least so many times as long. */
  readonly tfjs?: number;
  readonly jaxJs?: number;
  /** Our step takes at most so many times as long as PyTorch's, run op by op. */
  readonly torch?: number;
  /** As `torch`, of a loop of PyTorch's `LSTMCell`. */
  readonly cells?: number;
  readonly jax?: number;
  /** Our own step run op by op takes at least so many times as long. */
  readonly eager?: number;
}

/** What is trained, by name, and what is asked of it. */
export const WORKLOADS: Readonly<Record<string, readonly [string, Asked]>> = {
  tiny: ["MLP 32-32-32-32-32, batch 8, Adam", {
    jaxJs: 5,
    torch: 1 / 20,
    jax: 1,
    eager: 30,
  }],
  awkward: ["20-48-5 with BatchNorm, Dropout, clipping, AdamW", {}],
  mlp32: ["MLP 784-256-128-10, batch 32, Adam", {
    tfjs: 12,
    jaxJs: 6,
    torch: 1.2,
    eager: 1.6,
  }],
  mlp128: ["the same, batch 128", { tfjs: 20, jaxJs: 5, torch: 1.3 }],
  mlp1000: ["the same, batch 1000", { tfjs: 30, jaxJs: 2.2, torch: 1.6 }],
  cnn: ["CNN of jax-js' MNIST demo, batch 32, Adam", { jaxJs: 12, torch: 1.6 }],
  gpt: ["GPT of 0.8 million parameters, 12 x 64 characters, AdamW", {
    tfjs: 16,
    jaxJs: 5,
    torch: 1.4,
    eager: 1.25,
  }],
  lstm: ["LSTM 128, 64 time steps, batch 32, Adam", {
    jaxJs: 5,
    torch: 1.3,
    cells: 1,
    eager: 3.5,
  }],
  snn: ["spiking network 128, 50 time steps, batch 32, Adam", {
    jaxJs: 5,
    eager: 5,
  }],
};

/** Where PyTorch's compiler, which takes half a minute a model, takes part. */
const COMPILED = ["mlp32", "cnn", "gpt"];

/** A loop of PyTorch's `LSTMCell`, which takes part in `lstm` only. */
const CELLS = "PyTorch's LSTMCell";

/** What no rival trains: each has another dropout. */
const OURS = ["awkward"];

/** How far losses may differ, relative: batches are the same, sums are not. */
const TOLERANCE = 1e-3;

/** The training steps. */
export const training: Group = {
  name: "training",
  async run(context) {
    const names = context.workloads ?? Object.keys(WORKLOADS);
    const blocks: string[] = [], targets: Target[] = [];
    const data: Record<string, Results> = {};
    const versions = new Set<string>();
    // Python's are slow to start, and are not slowed by what they did before.
    const python = await contestants.startAll(inPython(context));
    const see = ({ running }: contestants.Started) => {
      for (const { name } of running.values()) versions.add(name);
    };
    see(python);
    try {
      for (const name of names) {
        const start = performance.now();
        const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
        const results = await race(context, name, python, see);
        const [about, asked] = WORKLOADS[name]!;
        blocks.push(`### ${name}: ${about}`, show(context, results));
        targets.push(...compare(context, name, asked, results));
        data[name] = results;
        console.error(`  ${name}: ${seconds()} s`);
      }
    } finally {
      await python.stop();
    }
    blocks.unshift(
      `Contestants: ${
        [...versions].join(", ")
      }. \`its products at the peak\` is what the matrix products of a step would take if each multiplication and addition were on registers, by a loop that does just that in the same rounds: no step with these vectors of four floats can be faster.`,
    );
    return { title: "Steps of training", blocks, targets, data };
  },
};

/** What the products of a step would take on registers alone. */
const peak = (threads: number) =>
  `its products at the peak, ${threadsOf(threads)}`;

const ours = (threads: number, how = "compiled") =>
  `Braintape ${how}, ${threadsOf(threads)}`;

async function race(
  context: Context,
  name: string,
  python: contestants.Started,
  see: (all: contestants.Started) => void,
): Promise<Results> {
  await writeWorkload(name, context.folder);
  const isOurs = OURS.includes(name), operations = operationsOf(name);
  const all = await contestants.startAll([
    ...own(context),
    ...(operations ? each(context, peak, (n) => contestants.braintape(n)) : []),
    ...(isOurs ? [] : inJavaScript(context)),
  ]);
  see(all);
  const theirs = python.entries(`train ${name}`).filter(({ label }) =>
    !isOurs && (!label.includes("compiled") || COMPILED.includes(name)) &&
    (!label.startsWith(CELLS) || name === "lstm")
  );
  try {
    const entries = all.entries((label) => {
      if (isPeak(label)) return "peak";
      const how = label.startsWith("Braintape eager") ? "eager" : "compiled";
      return `train ${name} ${how}`;
    });
    const results = await measure([...entries, ...theirs], context.rounds);
    const failed = [...all.failed, ...python.failed, ...results.failed];
    return { measured: results.measured.map(scaled(operations)), failed };
  } finally {
    await all.stop();
  }
}

const isPeak = (label: string) => label.includes("at the peak");

/** The times of the loop on registers as those of so many operations; others as they are. */
function scaled(operations = 0): (one: Measured) => Measured {
  return (one) => {
    if (!isPeak(one.label)) return one;
    const factor = operations / peakOperations(threadsIn(one.label));
    const [wall, cpu] = [one.wall, one.cpu].map((x) =>
      x.map((t) => factor * t)
    );
    return { ...one, wall: wall!, cpu: cpu! };
  };
}

/** One for each number of threads. */
function each(
  { threads }: Context,
  label: (threads: number) => string,
  start: (threads: number) => ReturnType<contestants.Wanted["start"]>,
): contestants.Wanted[] {
  return threads.map((n) => ({ label: label(n), start: () => start(n) }));
}

function own(context: Context): contestants.Wanted[] {
  return [
    ...each(context, ours, (n) => contestants.braintape(n)),
    ...each(
      context,
      (n) => ours(n, "compiled with V8's flags"),
      contestants.braintapeFlagged,
    ),
    ...each(
      context,
      (n) => ours(n, "eager"),
      (n) => contestants.braintape(n),
    ),
  ];
}

function inJavaScript(context: Context): contestants.Wanted[] {
  return [
    { label: "tfjs", start: () => contestants.tfjs(context) },
    { label: "jax-js", start: () => contestants.jaxJs(context) },
  ];
}

function inPython(context: Context): contestants.Wanted[] {
  if (!context.python) return [];
  const most = context.threads.at(-1)!;
  return [
    ...each(
      context,
      (n) => `PyTorch, ${threadsOf(n)}`,
      (n) => contestants.torch(context, n),
    ),
    ...(context.workloads?.includes("lstm") ?? true
      ? each(
        context,
        (n) => `${CELLS}, ${threadsOf(n)}`,
        (n) => contestants.torch(context, n, "cells"),
      )
      : []),
    // It takes long to compile.
    ...(context.size === "full"
      ? [{
        label: `PyTorch compiled, ${threadsOf(most)}`,
        start: () => contestants.torch(context, most, "compiled"),
      }]
      : []),
    ...each(
      context,
      (n) => `JAX, ${threadsOf(n)}`,
      (n) => contestants.jax(context, n),
    ),
  ];
}

/** The number of threads that a label names. */
function threadsIn(label: string, otherwise = 1): number {
  return Number(label.match(/(\d+) threads?/)?.[1] ?? otherwise);
}

/** The label of our compiled step with as many threads as one of this label has. */
function rivalOf({ threads }: Context, label: string): string {
  return ours(threadsIn(label, threads.at(-1)!));
}

function show(context: Context, results: Results): string {
  const numbers = find(results, ours(1))?.numbers ?? [];
  const rows = results.measured.map((one) => {
    const { wall, cpu } = summaries(one);
    const ratio = times(results, one.label, rivalOf(context, one.label));
    const isSame = one.numbers.every((x, i) =>
      Math.abs(x - numbers[i]!) <= TOLERANCE * Math.abs(x)
    );
    return [
      one.label,
      spread(wall),
      digits(cpu.median),
      ratio === undefined ? "" : `${digits(ratio)}x`,
      isPeak(one.label)
        ? ""
        : isSame
        ? "the same"
        : one.numbers.map(digits).join(", "),
    ];
  });
  const failures = results.failed.map(({ label, error }) => [
    label,
    `fails: ${error.replaceAll(/[\n|]/g, " ").slice(0, 100)}`,
  ]);
  const head = ["", "wall ms", "CPU ms", "against ours", "first losses"];
  return table(head, [...rows, ...failures]);
}

function compare(
  { threads }: Context,
  name: string,
  { tfjs, jaxJs, torch, cells, jax, eager }: Asked,
  results: Results,
): Target[] {
  const most = threads.at(-1)!, targets: Target[] = [];
  const least = (what: string, label: string, asked: number | undefined) => {
    if (asked === undefined) return;
    const got = times(results, label, ours(most));
    const limit = times(results, label, peak(most));
    const line = {
      what: `${name}: ${what}`,
      asked: { least: asked },
      got,
      limit,
    };
    targets.push(line);
  };
  least(`tfjs' time / ours, ${threadsOf(most)}`, "tfjs", tfjs);
  least(`jax-js' time / ours, ${threadsOf(most)}`, "jax-js", jaxJs);
  for (const n of threads) {
    const atMost = (rival: string, asked: number | undefined) => {
      if (asked === undefined) return;
      const other = `${rival}, ${threadsOf(n)}`;
      const got = times(results, ours(n), other);
      const limit = times(results, peak(n), other);
      const what = `${name}: our time / ${rival}'s, ${threadsOf(n)}`;
      targets.push({ what, asked: { most: asked }, got, limit });
    };
    atMost("PyTorch", torch);
    atMost(CELLS, cells);
    atMost("JAX", jax);
  }
  if (eager) {
    const got = times(results, ours(1, "eager"), ours(1));
    const limit = times(results, ours(1, "eager"), peak(1));
    const what = `${name}: eager time / compiled, 1 thread`;
    targets.push({ what, asked: { least: eager }, got, limit });
  }
  return targets;
}

/** How long steps are measured. */
export const ROUNDS: Readonly<Record<Context["size"], Rounds>> = {
  full: { rounds: 7, slice: 100, warmUp: 500 },
  quick: { rounds: 3, slice: 60, warmUp: 200 },
  smoke: { rounds: 1, slice: 5, warmUp: 5 },
};
