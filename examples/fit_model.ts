/**
 * Fitting a model of neurons to data: a search without gradients, then gradients.
 *
 * ```sh
 * deno run -A examples/fit_model.ts
 * ```
 *
 * Excitatory and inhibitory cells drive each other (Wilson and Cowan, 1972). We have a
 * noisy recording of the excitatory rate, and look for two time constants and two
 * weights. Many wrong ones are better than their neighbours, so CMA-ES looks first;
 * its candidates are simulated together. Gradients through the simulation do the rest.
 *
 * ```text
 * tauE dE/dt = -E + S(1.3 (wEE E - wEI I + 2 - 4))      S(x) = 1 / (1 + e⁻ˣ)
 * tauI dI/dt = -I + S(2 (15 E - 3 I - 3.7))
 * ```
 */
import {
  mapNamed,
  optim,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";

const TRUTH = { tauE: 8, tauI: 8, wEE: 16, wEI: 12 };
/** Time constants are in milliseconds. */
const BOUNDS = {
  tauE: [2, 30],
  tauI: [2, 30],
  wEE: [5, 25],
  wEI: [5, 25],
} as const;
const STEPS = 150, NOISE = 0.03;

type Params = Readonly<Record<keyof typeof TRUTH, tf.Tensor>>;

await useBackend("cpu"); // a few numbers at a time: too small for anything else
random.seed(1);

const rate = (gain: number, threshold: number, x: tf.Tensor) =>
  tf.sigmoid(tf.mul(gain, tf.sub(x, threshold)));

/** The excitatory rate over time, `[time, ...]`, for parameters of any shape. */
function simulate({ tauE, tauI, wEE, wEI }: Params): tf.Tensor {
  let e: tf.Tensor = tf.zerosLike(tauE), i: tf.Tensor = tf.zerosLike(tauE);
  const rates: tf.Tensor[] = [];
  for (let t = 0; t < STEPS; t++) {
    const drive = tf.add(tf.sub(tf.mul(wEE, e), tf.mul(wEI, i)), 2);
    const other = tf.sub(tf.mul(15, e), tf.mul(3, i));
    e = tf.add(e, tf.div(tf.sub(rate(1.3, 4, drive), e), tauE));
    i = tf.add(i, tf.div(tf.sub(rate(2, 3.7, other), i), tauI));
    rates.push(e);
  }
  return tf.stack(rates);
}

const scalars = (values: Record<keyof typeof TRUTH, number>): Params =>
  mapNamed(values, (x) => tf.scalar(x)) as unknown as Params;

const recorded = tf.tidy(() =>
  tf.add(simulate(scalars(TRUTH)), random.normal([STEPS], { std: NOISE }))
);

/** How far the model is from the data, in variances of the noise; 1 at best. */
function misfit(params: Params): tf.Tensor {
  const simulated = simulate(params);
  const data = simulated.rank === 1 ? recorded : tf.expandDims(recorded, 1);
  const far = tf.squaredDifference(simulated, data);
  return tf.mean(tf.div(far, NOISE ** 2), 0);
}

const middle = mapNamed(BOUNDS, ([low, high]) => (low + high) / 2);
const alone = await optim.minimize(
  misfit,
  scalars(middle as typeof TRUTH),
  { bounds: BOUNDS },
);
console.log(
  `L-BFGS-B  misfit ${alone.value.toFixed(3)} from the middle of the bounds`,
);

const search = new optim.CMAES(BOUNDS);
const progress: [number, number][] = [];
const rough = await search.minimizeBatch(misfit, {
  budget: 600,
  callback: ({ nEvaluations, value }) => {
    progress.push([nEvaluations, value]);
  },
});
const fine = await optim.minimize(misfit, scalars(rough.x), {
  bounds: BOUNDS,
});

console.log(
  `CMA-ES    misfit ${
    rough.value.toFixed(3)
  } after ${rough.nEvaluations} simulations`,
);
console.log(
  `L-BFGS-B  misfit ${
    fine.value.toFixed(3)
  } after ${fine.nEvaluations} more, with gradients\n`,
);
for (const [name, truth] of Object.entries(TRUTH)) {
  const key = name as keyof typeof TRUTH;
  const [found] = await fine.x[key].data();
  console.log(
    `${name}  ${rough.x[key].toFixed(2).padStart(5)} ${
      found!.toFixed(2).padStart(6)
    }  (true ${truth})`,
  );
}

await Deno.mkdir("runs", { recursive: true });
await Deno.writeTextFile(
  "runs/fit_model.svg",
  train.lineChart({
    title: "Misfit of the best model so far",
    log: true,
    x: "simulations",
    series: [{ name: "CMA-ES", points: progress, marks: false }],
  }),
);
console.log("\nchart runs/fit_model.svg");
