/**
 * How many steps each optimizer needs to reach a loss of 1e-3, with one grid of
 * learning rates for all: writes docs/convergence.md.
 *
 * ```sh
 * deno run -A scripts/convergence.ts
 * ```
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../backend/mod.ts";
import * as optim from "../optim/mod.ts";
import { ParamState } from "../state.ts";

const TARGET = 1e-3, MOST = 10_000;
/** Seven rates from 1e-4 to 1, evenly apart in their logarithm. */
const RATES = Array.from({ length: 7 }, (_, i) => 10 ** (-4 + (4 * i) / 6));

interface Problem {
  readonly shape: number[];
  readonly start: readonly number[];
  /** Loss and gradient. */
  readonly at: (x: ArrayLike<number>) => [number, number[]];
}

/** h of a sum of ½ h x². */
const CURVATURES = Array.from(
  { length: 10 },
  (_, i) => 10 ** (-2 + (4 * i) / 9),
);
const GOAL = Array.from({ length: 12 }, (_, i) => Math.cos(i));

const PROBLEMS: Readonly<Record<string, Problem>> = {
  Rosenbrock: {
    shape: [2],
    start: [1.5, 1.5],
    at: (p) => {
      const [x, y] = [p[0]!, p[1]!], valley = y - x * x;
      return [
        (1 - x) ** 2 + 100 * valley ** 2,
        [-2 * (1 - x) - 400 * x * valley, 200 * valley],
      ];
    },
  },
  Beale: {
    shape: [2],
    start: [1.5, 1.5],
    at: (p) => {
      const [x, y] = [p[0]!, p[1]!];
      const terms = [1.5, 2.25, 2.625].map((c, i) => c - x + x * y ** (i + 1));
      const sum = (of: (t: number, n: number) => number) =>
        terms.reduce((total, t, i) => total + of(t, i + 1), 0);
      return [
        sum((t) => t * t),
        [
          sum((t, n) => 2 * t * (y ** n - 1)),
          sum((t, n) => 2 * t * x * n * y ** (n - 1)),
        ],
      ];
    },
  },
  "Quadratic, condition 10⁴": {
    shape: [10],
    start: CURVATURES.map((_, i) => 0.5 + 0.37 * (i % 4)),
    at: (x) => [
      CURVATURES.reduce((sum, h, i) => sum + 0.5 * h * x[i]! ** 2, 0),
      CURVATURES.map((h, i) => h * x[i]!),
    ],
  },
  "Matrix parabola": {
    shape: [3, 4],
    start: GOAL.map(() => 0.5),
    at: (x) => [
      GOAL.reduce((sum, c, i) => sum + 0.15 * (x[i]! - c) ** 2, 0),
      GOAL.map((c, i) => 0.3 * (x[i]! - c)),
    ],
  },
};

type Make = (lr: number) => optim.Optimizer<optim.OptimizerOptions>;

const OPTIMIZERS: Readonly<Record<string, Make>> = {
  SGD: (lr) => new optim.SGD({ lr }),
  Momentum: (lr) => new optim.Momentum({ lr }),
  MomentumNesterov: (lr) => new optim.MomentumNesterov({ lr }),
  Adam: (lr) => new optim.Adam({ lr }),
  "Adam, amsgrad": (lr) => new optim.Adam({ lr, amsgrad: true }),
  AdamW: (lr) => new optim.AdamW({ lr }),
  Adagrad: (lr) => new optim.Adagrad({ lr }),
  Adadelta: (lr) => new optim.Adadelta({ lr }),
  RMSprop: (lr) => new optim.RMSprop({ lr }),
  Adamax: (lr) => new optim.Adamax({ lr }),
  Nadam: (lr) => new optim.Nadam({ lr }),
  RAdam: (lr) => new optim.RAdam({ lr }),
  Lamb: (lr) => new optim.Lamb({ lr }),
  Lars: (lr) => new optim.Lars({ lr }),
  "Lookahead of Adam": (lr) =>
    new optim.Lookahead({ baseOptimizer: new optim.Adam({ lr }) }),
  Yogi: (lr) => new optim.Yogi({ lr }),
  LBFGS: (lr) => new optim.LBFGS({ lr }),
  "LBFGS, zoom": (lr) => new optim.LBFGS({ lr, linesearch: "zoom" }),
  Rprop: (lr) => new optim.Rprop({ lr }),
  Adafactor: (lr) => new optim.Adafactor({ lr }),
  AdaBelief: (lr) => new optim.AdaBelief({ lr }),
  Lion: (lr) => new optim.Lion({ lr }),
  SM3: (lr) => new optim.SM3({ lr }),
  Novograd: (lr) => new optim.Novograd({ lr }),
  Fromage: (lr) => new optim.Fromage({ lr }),
  AdEMAMix: (lr) => new optim.AdEMAMix({ lr }),
  Adopt: (lr) => new optim.Adopt({ lr }),
  Adan: (lr) => new optim.Adan({ lr }),
  Mars: (lr) => new optim.Mars({ lr }),
  Signum: (lr) => new optim.Signum({ lr }),
  Ftrl: (lr) => new optim.Ftrl({ lr }),
  Asgd: (lr) => new optim.Asgd({ lr }),
  Prodigy: (lr) => new optim.Prodigy({ lr }),
  DAdaptAdamW: (lr) => new optim.DAdaptAdamW({ lr }),
  "Cautious Adam": (lr) =>
    new optim.Cautious({ baseOptimizer: new optim.Adam({ lr }) }),
};

/** Steps until the target is reached, and the least loss seen. */
async function solve(
  make: Make,
  { shape, start, at }: Problem,
  lr: number,
): Promise<{ steps: number; best: number }> {
  const initial = tf.tensor([...start], shape, "float32");
  const x = new ParamState(initial);
  initial.dispose();
  const optimizer = make(lr).registerTrainableWeights({ x });
  const searches = optimizer instanceof optim.LBFGS &&
    String(make).includes("linesearch");
  const gradient = (g: number[]) => ({ x: tf.tensor(g, shape, "float32") });
  let best = Infinity;
  try {
    for (let steps = 0; steps <= MOST; steps++) {
      const [loss, g] = at(await x.value.data());
      if (!(loss < 1e12)) break; // diverged
      best = Math.min(best, loss);
      if (loss <= TARGET) return { steps, best };
      if (!searches) optimizer.step(gradient(g));
      else {
        await (optimizer as optim.LBFGS).step(() => {
          // The search asks for losses elsewhere; cpu reads are synchronous.
          const [value, grads] = at(x.value.dataSync());
          return { value: tf.scalar(value), grads: gradient(grads) };
        });
      }
    }
    return { steps: Infinity, best };
  } finally {
    optimizer.dispose();
    x.dispose();
  }
}

await useBackend("wasm", { threads: 1 });
const names = Object.keys(PROBLEMS);
const rows: string[] = [];
for (const [name, make] of Object.entries(OPTIMIZERS)) {
  const cells: string[] = [];
  for (const problem of names) {
    let steps = Infinity, best = Infinity, rate = 0;
    for (const lr of RATES) {
      const found = await solve(make, PROBLEMS[problem]!, lr);
      if (found.steps < steps) [steps, rate] = [found.steps, lr];
      best = Math.min(best, found.best);
    }
    cells.push(
      steps <= MOST
        ? `${steps} (${rate.toPrecision(2)})`
        : `not reached: ${best.toPrecision(2)}`,
    );
  }
  rows.push(`| ${name} | ${cells.join(" | ")} |`);
  console.log(rows.at(-1));
}
const text = `# Convergence

Steps to a loss of 1e-3, and the learning rate that took the fewest, of the seven
rates from 1e-4 to 1 that all optimizers were given: 1e-4 · 10^(2i/3). All other
options are the defaults. "Not reached" says the least loss within 10,000 steps.

Rosenbrock's and Beale's functions start at (1.5, 1.5); the quadratic has ten
elements with curvatures from 0.01 to 100 and starts between 0.5 and 1.6; the
parabola is 0.15 ‖X - C‖² over 3 × 4 elements and starts at 0.5.

A fixed rate, a small problem and no noise favor some rules over others: this table
says that each works, not which one trains networks best. Rules whose steps have a fixed
length, such as Lion's, come no closer than about their rate.

Made by \`deno run -A scripts/convergence.ts\` on WASM, in float32.

| | ${names.join(" | ")} |
| --- | ${names.map(() => "---").join(" | ")} |
${rows.join("\n")}
`;
await Deno.writeTextFile(
  new URL("../docs/convergence.md", import.meta.url),
  text,
);
