/**
 * Regression that says how sure it is: a network that predicts a mean and a
 * standard deviation.
 *
 * ```sh
 * deno run -A examples/uncertainty.ts
 * ```
 *
 * The noise of the data grows with x. The loss is the negative logarithm of a
 * normal density:
 *
 * ```text
 * loss = mean of log σ + ((y - μ) / σ)² / 2
 * ```
 */
import {
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { picture, type Point, writePicture } from "./_draw.ts";

/** The true curve, and the true deviation of the noise around it. */
const curve = (x: number) => Math.sin(2 * x) + 0.3 * x;
const noise = (x: number) => 0.05 + 0.25 * (x + 2) / 4;

/** Points of [-2, 2], with noise. */
async function sample(count: number) {
  const xs = await random.uniform([count], { min: -2, max: 2 }).data();
  const errors = await random.normal([count]).data();
  const ys = Float32Array.from(xs, (x, i) => curve(x) + noise(x) * errors[i]!);
  return new train.Dataset([
    train.column(Float32Array.from(xs), [1]),
    train.column(ys, [1]),
  ]);
}

class Normal extends nn.Module {
  readonly body = new nn.Sequential(
    new nn.Linear(1, 64),
    nn.tanh,
    new nn.Linear(64, 64),
    nn.tanh,
  );
  readonly mean = new nn.Linear(64, 1);
  readonly logDeviation = new nn.Linear(64, 1);

  /** `[batch, 1]` to `[batch, 2]`: μ and log σ. */
  override update(x: tf.Tensor2D): tf.Tensor2D {
    const hidden = this.body.call(x) as tf.Tensor2D;
    return tf.concat([
      this.mean.call(hidden),
      this.logDeviation.call(hidden),
    ], 1);
  }
}

function loss(predicted: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar {
  const [mean, logDeviation] = tf.split(predicted, 2, 1);
  const z = tf.mul(tf.sub(y, mean!), tf.exp(tf.neg(logDeviation!)));
  return tf.mean(tf.add(logDeviation!, tf.mul(0.5, tf.square(z))));
}

await main(async () => {
  const { epochs } = parseOptions("Predicts a mean and a deviation.", {
    epochs: { default: 60, help: "passes over the data", min: 1 },
  });
  await useBackend("wasm", { threads: 1 });
  random.seed(1);
  const [data, test] = [await sample(1000), await sample(2000)];
  const model = new Normal();
  await train.fit({
    optimizer: new optim.AdamW({
      lr: new optim.CosineAnnealingLR({ baseLr: 0.01, tMax: 32 * epochs }),
    }).registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) => loss(model.call(x), y),
    data: train.batches(data, { batchSize: 32, shuffle: true }),
    epochs,
    compile: true,
  });

  const [xs, ys] = test.columns.map(({ data }) => data as Float32Array);
  const numbers = await model.predict(tf.tensor2d(xs!, [xs!.length, 1])).data();
  let [within1, within2] = [0, 0];
  ys!.forEach((y, i) => {
    const z = Math.abs(y - numbers[2 * i]!) / Math.exp(numbers[2 * i + 1]!);
    if (z < 1) within1++;
    if (z < 2) within2++;
  });
  const share = (count: number) => `${(100 * count / ys!.length).toFixed(1)} %`;
  console.log("new points within 1 and 2 predicted deviations of the mean:");
  console.log(`  ${share(within1)}, ${share(within2)}`);
  console.log("  68.3 %, 95.4 %  expected");

  const grid = Float32Array.from({ length: 101 }, (_, i) => -2 + i / 25);
  const found = await model.predict(tf.tensor2d(grid, [101, 1])).data();
  console.log("deviation at -1 and 1, and the true one:");
  for (const i of [25, 75]) {
    const [deviation, truth] = [Math.exp(found[2 * i + 1]!), noise(grid[i]!)];
    console.log(`  ${deviation.toFixed(3)}  ${truth.toFixed(3)}`);
  }
  const line = (sigmas: number) =>
    Array.from(grid, (x, i): Point => [
      x,
      found[2 * i]! + sigmas * Math.exp(found[2 * i + 1]!),
    ]);
  const [x, y] = data.columns.map(({ data }) => data as Float32Array);
  await writePicture(
    "uncertainty",
    picture({
      title: "Mean, and two deviations to either side",
      x: [-2, 2],
      y: [-2.5, 2.5],
      layers: [
        {
          kind: "points",
          points: Array.from(x!, (a, i): Point => [a, y![i]!]),
          color: "#7f7f7f",
          name: "data",
          size: 1.2,
        },
        {
          kind: "band",
          points: line(-2),
          upper: line(2),
          color: "#0072b2",
        },
        {
          kind: "line",
          points: line(0),
          color: "#0072b2",
          name: "predicted",
          size: 2.5,
        },
        {
          kind: "line",
          points: Array.from(grid, (a): Point => [a, curve(a)]),
          color: "#d55e00",
          name: "true mean",
        },
      ],
    }),
  );
});
