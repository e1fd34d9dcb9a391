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
 * ```text
 * v ← decay · v + W x      s = 1 where v > 1, else 0      v ← v - s
 * ```
 *
 * A spike has no useful derivative. Its gradient is that of a smooth step instead
 * (Zenke and Ganguli, 2018): ds/dv = 1 / (1 + 10 |v - 1|)².
 */
import {
  autodiff,
  forLoop,
  HiddenState,
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

const CHANNELS = 20, TIME = 50, CLASSES = 4, HIDDEN = 64, DECAY = 0.9;

const spike = autodiff.customGradient((v: tf.Tensor2D) => ({
  value: tf.cast<tf.Tensor2D>(tf.greater(v, 1), "float32"),
  saved: [v],
  gradient: (dy, [v]) =>
    tf.div(dy, tf.square(tf.add(1, tf.mul(10, tf.abs(tf.sub(v!, 1)))))),
}));

class Spiking extends nn.Module {
  readonly input = new nn.Linear(CHANNELS, HIDDEN);
  readonly output = new nn.Linear(HIDDEN, CLASSES);
  readonly potential = new HiddenState(tf.zeros<tf.Rank.R2>([1, HIDDEN]));

  /** `[time, batch, channels]` to the spikes of the hidden neurons. */
  spikes(x: tf.Tensor3D): tf.Tensor3D {
    this.potential.replace(tf.zeros<tf.Rank.R2>([x.shape[1], HIDDEN]));
    return forLoop((x: tf.Tensor2D) => {
      const v = tf.add(
        tf.mul(DECAY, this.potential.value),
        this.input.call(x),
      ) as tf.Tensor2D;
      const s = spike(v);
      this.potential.value = tf.sub(v, s);
      return s;
    }, x);
  }

  /** `[batch, time, channels]` to scores: how much the spikes add up to. */
  override update(x: tf.Tensor3D): tf.Tensor2D {
    const spikes = this.spikes(tf.transpose(x, [1, 0, 2]));
    return this.output.call(tf.mean(spikes, 0));
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
    [TIME, 1, CHANNELS],
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
