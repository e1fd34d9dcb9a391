/** Steps of optimizers alone, by number and size of parameters, and by class. */
import * as contestants from "../driver/contestants.ts";
import type { Context, Group, Target } from "../driver/context.ts";
import {
  measure,
  type Results,
  type Rounds,
  summaries,
  times,
} from "../driver/rounds.ts";
import { digits, spread, table, threadsOf } from "../driver/table.ts";

/** Tensors, elements of each, and how many times AdamW must be `tf.train.adam`. */
const SIZES: readonly (readonly [number, number, number?])[] = [
  [1, 1_000_000, 8],
  [100, 10_000, 10],
  [100, 100, 25],
  [1, 10_000_000],
];

/** At most so many times the time of PyTorch's fused AdamW. */
const TORCH = 1.2;
/** At most so many times the time of a kernel that only reads and writes the same. */
const STREAM = 1 / 0.7;
/** How many elements are more than the processor's caches hold. */
const LARGE = 10_000_000;

/** Our classes, with PyTorch's name where it has the same rule. */
const CLASSES: Readonly<Record<string, string | undefined>> = {
  SGD: "SGD",
  Adam: "Adam",
  AdamW: "AdamW",
  RMSprop: "RMSprop",
  Adagrad: "Adagrad",
  Adadelta: "Adadelta",
  Adamax: "Adamax",
  Nadam: "NAdam",
  RAdam: "RAdam",
  Rprop: "Rprop",
  Momentum: undefined,
  AdaBelief: undefined,
  Yogi: undefined,
  Lion: undefined,
  SM3: undefined,
  Lars: undefined,
  Lamb: undefined,
  Novograd: undefined,
  Fromage: undefined,
};

const ROUNDS: Readonly<Record<Context["size"], Rounds>> = {
  full: { rounds: 5, slice: 50, warmUp: 150 },
  quick: { rounds: 3, slice: 30, warmUp: 60 },
  smoke: { rounds: 1, slice: 2, warmUp: 2 },
};

const ours = (threads: number) => `Braintape, ${threadsOf(threads)}`;
const theirs = (threads: number) => `PyTorch, ${threadsOf(threads)}`;
const stream = (threads: number) => `loads and stores, ${threadsOf(threads)}`;

/** The optimizers. */
export const optimizer: Group = {
  name: "optimizer",
  async run(context) {
    const { size } = context;
    const sizes = size === "smoke" ? SIZES.slice(2, 3) : SIZES;
    const rounds = ROUNDS[size];
    const rows: (string | undefined)[][] = [], targets: Target[] = [];
    const data: Record<string, Results> = {};
    for (const [count, elements, asked] of sizes) {
      const name = `${count} x ${elements}`;
      // Each size in new processes: memory of tensors is not given back.
      const all = await contestants.startAll(wanted(context));
      const entries = all.entries((label) => {
        const kind = label.startsWith("loads") ? "stream" : "optimizer AdamW";
        return `${kind} ${count} ${elements}`;
      }).filter(({ label }) => !label.startsWith("loads") || count === 1);
      const results = await measure(entries, rounds);
      await all.stop();
      data[name] = results;
      rows.push(...results.measured.map((one) => {
        const { wall, cpu } = summaries(one);
        return [name, one.label, spread(wall), digits(cpu.median)];
      }));
      targets.push(...compare(context, results, name, asked, elements));
    }
    const blocks = [
      "AdamW; tfjs has Adam only. `loads and stores` reads and writes the same memory and computes next to nothing.",
      table(["tensors x elements", "", "wall ms", "CPU ms"], rows),
    ];
    if (size === "full") {
      const results = await classes(context);
      data.classes = results;
      blocks.push(showClasses(results));
    }
    return { title: "Steps of optimizers", blocks, targets, data };
  },
};

function wanted(context: Context): contestants.Wanted[] {
  const { threads, python } = context;
  return [
    ...threads.flatMap((n) => [
      { label: ours(n), start: () => contestants.braintape(n) },
      { label: stream(n), start: () => contestants.braintape(n) },
    ]),
    { label: "tfjs", start: () => contestants.tfjs(context) },
    { label: "jax-js", start: () => contestants.jaxJs(context) },
    ...(python
      ? threads.map((n) => ({
        label: theirs(n),
        start: () => contestants.torch(context, n),
      }))
      : []),
  ];
}

function compare(
  { threads }: Context,
  results: Results,
  name: string,
  asked: number | undefined,
  elements: number,
): Target[] {
  return threads.flatMap((n) => {
    const targets: Target[] = [{
      what: `AdamW ${name}: our time / PyTorch's, ${threadsOf(n)}`,
      asked: { most: TORCH },
      got: times(results, ours(n), theirs(n)),
    }];
    if (asked) {
      targets.push({
        what: `AdamW ${name}: time of tf.train.adam / ours, ${threadsOf(n)}`,
        asked: { least: asked },
        got: times(results, "tfjs", ours(n)),
      });
    }
    if (elements >= LARGE) {
      targets.push({
        what: `AdamW ${name}: our time / loads and stores', ${threadsOf(n)}`,
        asked: { most: STREAM },
        got: times(results, ours(n), stream(n)),
      });
    }
    return targets;
  });
}

/** All classes at 100 tensors of 10,000 elements, on one thread. */
async function classes(context: Context): Promise<Results> {
  const all = await contestants.startAll(
    wanted({ ...context, threads: [1] }),
  );
  const own = all.running.get(ours(1)), torch = all.running.get(theirs(1));
  const entries = Object.entries(CLASSES).flatMap(([kind, name]) => [
    ...(own
      ? [{
        label: kind,
        contestant: own,
        task: `optimizer ${kind} 100 10000`,
      }]
      : []),
    ...(torch && name
      ? [{
        label: `PyTorch's ${kind}`,
        contestant: torch,
        task: `optimizer ${name} 100 10000`,
      }]
      : []),
  ]);
  try {
    return await measure(entries, { ...ROUNDS.quick, rounds: 5 });
  } finally {
    await all.stop();
  }
}

function showClasses(results: Results): string {
  const rows = results.measured
    .filter(({ label }) => !label.startsWith("PyTorch"))
    .map((one) => {
      const ratio = times(results, one.label, `PyTorch's ${one.label}`);
      return [
        one.label,
        spread(summaries(one).wall),
        ratio === undefined ? "" : `${digits(ratio)}x`,
      ];
    });
  return table(
    ["100 x 10000, one thread", "wall ms", "times PyTorch's"],
    rows,
  );
}
