/**
 * Generating points by diffusion: a network that takes noise away, step by step
 * (Ho et al., 2020).
 *
 * ```sh
 * deno run -A examples/diffusion.ts
 * ```
 *
 * Points of two half circles are drowned in noise, and the network learns which noise
 * it was. Sampling begins with noise alone.
 *
 * ```text
 * xₜ = √ᾱₜ x + √(1 - ᾱₜ) ε        loss = mean of (ε̂(xₜ, t) - ε)²
 * xₜ₋₁ = (xₜ - βₜ / √(1 - ᾱₜ) ε̂) / √αₜ + √βₜ z        z = 0 at the last step
 * ```
 */
import {
  nn,
  optim,
  ParamState,
  random,
  scope,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { picture, type Point, writePicture } from "./_draw.ts";

/** Steps of noise, βₜ = 1 - αₜ from 1e-4 to 0.1, and ᾱₜ, the product of all αₜ so far. */
const STEPS = 100;
const BETA = Array.from({ length: STEPS }, (_, t) => 1e-4 + 0.1 * t / STEPS);
const KEPT = BETA.map((_, t) =>
  BETA.slice(0, t + 1).reduce((product, beta) => product * (1 - beta), 1)
);

/** Points of two half circles, about the middle. */
async function moons(count: number): Promise<Float32Array> {
  const turns = await random.uniform([count]).data();
  const noise = await random.normal([count, 2], { std: 0.04 }).data();
  const points = new Float32Array(2 * count);
  turns.forEach((turn, i) => {
    const [cos, sin] = [Math.cos(Math.PI * turn), Math.sin(Math.PI * turn)];
    const [x, y] = i % 2 === 0
      ? [cos - 0.5, sin - 0.25]
      : [0.5 - cos, 0.25 - sin];
    points.set([x! + noise[2 * i]!, y! + noise[2 * i + 1]!], 2 * i);
  });
  return points;
}

class Denoiser extends nn.Module {
  readonly net = new nn.Sequential(
    new nn.Linear(2 + 8, 128),
    nn.silu,
    new nn.Linear(128, 128),
    nn.silu,
    new nn.Linear(128, 128),
    nn.silu,
    new nn.Linear(128, 2),
  );

  /** `[batch, 2]` and the share of time in `[batch, 1]`: the noise in the points. */
  override update(x: tf.Tensor2D, time: tf.Tensor2D): tf.Tensor2D {
    const waves: tf.Tensor2D = tf.mul(time, tf.tensor2d([[1, 2, 4, 8]]));
    const input = tf.concat([x, tf.sin(waves), tf.cos(waves)], 1);
    return this.net.call(input) as tf.Tensor2D;
  }
}

/** New points, from noise. */
async function sample(model: Denoiser, count: number): Promise<Float32Array> {
  let x = random.normal<tf.Rank.R2>([count, 2]);
  for (let t = STEPS - 1; t >= 0; t--) {
    const next = scope(() => {
      const noise = model.call(x, tf.fill<tf.Rank.R2>([count, 1], t / STEPS));
      const share = BETA[t]! / Math.sqrt(1 - KEPT[t]!);
      const cleaner = tf.div(
        tf.sub(x, tf.mul(share, noise)),
        Math.sqrt(1 - BETA[t]!),
      );
      const z = random.normal([count, 2], { std: Math.sqrt(BETA[t]!) });
      return (t > 0 ? tf.add(cleaner, z) : cleaner) as tf.Tensor2D;
    });
    x.dispose();
    x = next;
  }
  return await x.data() as Float32Array;
}

/** The distance of a point to the nearest half circle. */
function distance(x: number, y: number): number {
  const upper = Math.abs(Math.hypot(x + 0.5, y + 0.25) - 1);
  const lower = Math.abs(Math.hypot(x - 0.5, y - 0.25) - 1);
  return Math.min(
    y > -0.25 ? upper : Infinity,
    y < 0.25 ? lower : Infinity,
    ...[[-1.5, -0.25], [0.5, -0.25], [-0.5, 0.25], [1.5, 0.25]].map(
      ([a, b]) => Math.hypot(x - a!, y - b!),
    ),
  );
}

await main(async () => {
  const { epochs } = parseOptions("Generates points by diffusion.", {
    epochs: { default: 500, help: "passes over the data", min: 1 },
  });
  await useBackend("wasm", { threads: 1 });
  random.seed(1);
  const points = await moons(2000);
  const model = new Denoiser();
  const data = train.batches([train.column(points, [2])], {
    batchSize: 200,
    shuffle: true,
  });
  const kept = tf.tensor1d(KEPT);
  await train.fit({
    optimizer: new optim.AdamW({
      lr: new optim.CosineAnnealingLR({
        baseLr: 3e-3,
        tMax: epochs * data.length,
      }),
    }).registerTrainableWeights(model.states(ParamState)),
    loss: (x) => {
      const count = x.shape[0];
      const draws = random.uniform<tf.Rank.R1>([count], { max: STEPS });
      const t = tf.cast(draws, "int32"); // rounded down
      const share = tf.reshape<tf.Rank.R2>(tf.gather(kept, t), [count, 1]);
      const noise = random.normal<tf.Rank.R2>([count, 2]);
      const noisy = tf.add(
        tf.mul(tf.sqrt(share), x),
        tf.mul(tf.sqrt(tf.sub(1, share)), noise),
      ) as tf.Tensor2D;
      const time = tf.div(
        tf.reshape(tf.cast(t, "float32"), [count, 1]),
        STEPS,
      ) as tf.Tensor2D;
      return nn.squaredError(model.call(noisy, time), noise, {
        reduction: "mean",
      });
    },
    data,
    epochs,
    compile: true,
  });

  const found = await sample(model, 1000);
  const pairs = (values: Float32Array) =>
    Array.from(
      { length: values.length / 2 },
      (_, i): Point => [values[2 * i]!, values[2 * i + 1]!],
    );
  const near = (values: Float32Array) => {
    const close = pairs(values).filter(([x, y]) => distance(x, y) < 0.1);
    return `${(200 * close.length / values.length).toFixed(1)} %`;
  };
  console.log("points within 0.1 of the half circles:");
  console.log(`  generated ${near(found)}, data ${near(points)}`);
  await writePicture(
    "diffusion",
    picture({
      title: "A thousand points made from noise",
      x: [-2, 2],
      y: [-1.2, 1.2],
      layers: [
        {
          kind: "points",
          points: pairs(points).slice(0, 1000),
          color: "#cccccc",
          name: "data",
        },
        {
          kind: "points",
          points: pairs(found),
          color: "#0072b2",
          name: "generated",
        },
      ],
    }),
  );
});
