/**
 * A spiking network that tells temporal patterns apart: neurons that integrate
 * their input, leak, and fire.
 *
 * ```sh
 * deno run -A examples/spiking.ts
 * ```
 *
 * Each class is a time of firing for each of 20 channels; an example has those
 * times, moved at random. The number of spikes says nothing about the class.
 *
 * A spike has no useful derivative: that of a smooth step is taken instead.
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

const CHANNELS = 20, TIME = 50, CLASSES = 4, HIDDEN = 64;

class Spiking extends nn.Module {
  readonly input = new nn.Linear<tf.Tensor3D>(CHANNELS, HIDDEN);
  readonly output = new nn.Linear(HIDDEN, CLASSES);
  readonly neurons = new nn.RNN(
    new nn.LIFCell(HIDDEN, {
      tau: 10,
      vTh: 0.1,
      surrogate: nn.surrogate.superSpike(),
    }),
  );

  /** `[batch, time, channels]` to the spikes of the hidden neurons. */
  spikes(x: tf.Tensor3D): tf.Tensor3D {
    return this.neurons.call(this.input.call(x)) as tf.Tensor3D;
  }

  /** `[batch, time, channels]` to scores: how much the spikes add up to. */
  override update(x: tf.Tensor3D): tf.Tensor2D {
    return this.output.call(tf.mean(this.spikes(x), 1));
  }
}

/** Examples of all classes: the times of each, and moved by up to eight steps. */
async function examples(times: ArrayLike<number>, count: number) {
  const labels = await random.randint([count], { min: 0, max: CLASSES }).data();
  const moves = await random.randint([count, CHANNELS], { min: -8, max: 9 })
    .data();
  const x = new Float32Array(count * TIME * CHANNELS);
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const time = times[labels[i]! * CHANNELS + channel]! +
        moves[i * CHANNELS + channel]!;
      x[(i * TIME + time) * CHANNELS + channel] = 1;
    }
  }
  return new train.Dataset([
    train.column(x, [TIME, CHANNELS]),
    train.column(Int32Array.from(labels)),
  ]);
}

await main(async () => {
  const { epochs } = parseOptions("Trains a spiking network.", {
    epochs: { default: 10, help: "passes over the data", min: 1 },
  });
  await useBackend("wasm", { threads: 1 });
  random.seed(1);
  const times = await random.randint([CLASSES, CHANNELS], {
    min: 2,
    max: TIME - 2,
  }).data();
  const [learn, test] = [
    await examples(times, 2000),
    await examples(times, 500),
  ];
  const model = new Spiking();
  const { values } = await train.fit({
    model,
    optimizer: new optim.Adam({ lr: 0.005 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches(learn, { batchSize: 50, shuffle: true }),
    validation: train.batches(test, { batchSize: 250 }),
    metrics: { accuracy: new nn.AccuracyMetric() },
    epochs,
    compile: true,
  });
  console.log(
    `accuracy ${values.accuracy!.toFixed(3)}  (chance ${1 / CLASSES})`,
  );

  const x = tf.tensor3d(
    test.columns[0].data.slice(0, TIME * CHANNELS) as Float32Array,
    [1, TIME, CHANNELS],
  );
  const raster = (data: ArrayLike<number>, rows: number, first: number) =>
    Array.from(
      data,
      (s, i): Point => [s ? Math.floor(i / rows) : -1, i % rows + first],
    )
      .filter(([time]) => time >= 0);
  const fired = await model.spikes(x).data();
  const hidden = raster(fired, HIDDEN, 0);
  console.log(
    `${
      (hidden.length / HIDDEN).toFixed(2)
    } spikes of a neuron in ${TIME} steps`,
  );
  await writePicture(
    "spiking",
    picture({
      title: "Spikes over time: the input, and 64 hidden neurons below",
      x: [0, TIME],
      y: [0, HIDDEN + 4 + CHANNELS],
      layers: [
        {
          kind: "points",
          points: raster(await x.data(), CHANNELS, HIDDEN + 3),
          color: "#d55e00",
          size: 2,
        },
        { kind: "points", points: hidden, color: "#0072b2", size: 2 },
      ],
    }),
  );
});
