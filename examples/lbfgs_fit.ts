/**
 * Fitting a curve: L-BFGS with a line search, against Adam.
 *
 * ```sh
 * deno run -A examples/lbfgs_fit.ts
 * ```
 *
 * A pulse with a decaying ring is given by five numbers; 200 noisy points show
 * it. A small problem whose loss is computed on all data at once is where L-BFGS
 * shines.
 */
import {
  autodiff,
  optim,
  ParamState,
  random,
  scope,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";

/** height · e^(-decay · t) · cos(frequency · t + phase) + offset */
const TRUTH = { height: 2, decay: 0.4, frequency: 3, phase: 0.5, offset: 1 };
const START = { height: 1, decay: 0.1, frequency: 2.6, phase: 0, offset: 0 };

await useBackend("cpu"); // tensors of 200 numbers are too small for anything else
random.seed(1);

type Params = Readonly<Record<keyof typeof TRUTH, ParamState<tf.Scalar>>>;

function paramsAt(values: typeof TRUTH): Params {
  const entries = Object.entries(values).map(([name, value]) =>
    [name, scope(() => new ParamState(tf.scalar(value)))] as const
  );
  return Object.fromEntries(entries) as unknown as Params;
}

function curve(t: tf.Tensor1D, params: Params): tf.Tensor1D {
  const { height, decay, frequency, phase, offset } = params;
  const envelope = tf.mul(height.value, tf.exp(tf.neg(tf.mul(decay.value, t))));
  const wave = tf.cos(tf.add(tf.mul(frequency.value, t), phase.value));
  return tf.add(tf.mul(envelope, wave), offset.value);
}

const t = tf.linspace(0, 6, 200);
const y = tf.tidy(() =>
  tf.add<tf.Tensor1D>(
    curve(t, paramsAt(TRUTH)),
    random.normal<tf.Rank.R1>([200], { std: 0.05 }),
  )
);
const lossOf = (params: Params) => () =>
  tf.mean<tf.Scalar>(tf.squaredDifference(curve(t, params), y));

// L-BFGS asks for loss and gradients as often as its line search wants.
const params = paramsAt(START);
const closure = autodiff.grad(lossOf(params), {
  states: params,
  returnValue: true,
});
using lbfgs = new optim.LBFGS({ linesearch: "zoom" })
  .registerTrainableWeights(params);
const quick: [number, number][] = [];
for (let i = 0; i < 30; i++) quick.push([i, await lbfgs.step(closure)]);

// Adam takes small steps, and needs many.
const others = paramsAt(START);
using adam = new optim.Adam({ lr: 0.02 }).registerTrainableWeights(others);
const step = train.step(lossOf(others), adam);
const slow: [number, number][] = [];
for (let i = 0; i < 600; i++) {
  const loss = step();
  slow.push([i, (await loss.data())[0]!]);
  loss.dispose();
}

console.log(
  `L-BFGS  loss ${quick.at(-1)![1].toFixed(6)} after ${quick.length} steps`,
);
console.log(
  `Adam    loss ${slow.at(-1)![1].toFixed(6)} after ${slow.length} steps`,
);
console.log("noise   loss 0.0025 (0.05 squared)\n");
for (const [name, state] of Object.entries(params)) {
  const found = (await state.value.data())[0]!;
  const truth = TRUTH[name as keyof typeof TRUTH];
  console.log(`${name.padEnd(10)} ${found.toFixed(3)}  (true ${truth})`);
}

await Deno.mkdir("runs", { recursive: true });
await Deno.writeTextFile(
  "runs/lbfgs_fit.svg",
  train.lineChart({
    title: "Loss by step",
    log: true,
    logX: true,
    x: "step + 1",
    series: [["L-BFGS", quick] as const, ["Adam", slow] as const].map((
      [name, points],
    ) => ({
      name,
      points: points.map(([i, loss]) => [i + 1, loss] as const),
      marks: false,
    })),
  }),
);
console.log("\nchart runs/lbfgs_fit.svg");
