/**
 * Working memory: a recurrent network of adaptive spiking neurons says whether two
 * stimuli with a delay between them were the same (delayed match to sample).
 *
 * ```sh
 * deno run -A examples/delayed_match.ts
 * ```
 *
 * A trial has noise from all channels, and a group of channels that fires during the
 * sample and during the test. The delay differs from trial to trial; nothing comes in
 * during it but noise, so that the network must remember the sample:
 *
 * ```text
 * noise   sample   delay of 50 to 125 ms   test, and the answer
 * ```
 *
 * Neurons that have fired adapt, and their adaptation outlasts the delay. Without it
 * (`--beta 0`) the network learns nothing.
 */
import {
  forLoop,
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

/** Steps in time, of 5 ms each. */
const DT = 5, STIMULUS = 8, SHORT = 10, LONG = 25, TIME = 45;
const STIMULI = 4, GROUP = 6, CHANNELS = STIMULI * GROUP, HIDDEN = 64;

class Memory extends nn.Module {
  readonly input = new nn.Linear(CHANNELS, HIDDEN);
  readonly recurrent = new nn.Linear(HIDDEN, HIDDEN, { bias: false });
  readonly neurons: nn.ALIFCell;
  readonly output = new nn.Linear(HIDDEN, 2);
  readonly readout = new nn.LeakyIntegrator(2, { dt: DT, tau: 20 });

  /** `beta` is by how much a spike raises the threshold of its neuron. */
  constructor(beta: number) {
    super();
    this.neurons = new nn.ALIFCell(HIDDEN, {
      dt: DT,
      tau: 20,
      tauA: 300,
      vTh: 0.2,
      beta,
      surrogate: nn.surrogate.superSpike({ alpha: 5 }),
    });
  }

  /** `[batch, time, channels]` to the spikes of the neurons, `[time, batch, neurons]`. */
  run(x: tf.Tensor3D): tf.Tensor3D {
    this.neurons.initState(x.shape[0]);
    this.readout.initState(x.shape[0]);
    return forLoop((x: tf.Tensor2D) => {
      const last = this.neurons.hidden!.h.value;
      const current = tf.add(this.input.call(x), this.recurrent.call(last));
      const spikes = this.neurons.call(current as tf.Tensor2D);
      this.readout.call(this.output.call(spikes));
      return spikes;
    }, tf.transpose(x, [1, 0, 2]));
  }

  /** Scores of "differs" and "matches" at the end, `[batch, 2]`. */
  override update(x: tf.Tensor3D): tf.Tensor2D {
    this.run(x);
    return tf.clone(this.readout.hidden!.h.value);
  }
}

/** Trials: half of them match. */
async function trials(count: number) {
  const labels = await random.randint([count], { max: 2 }).data();
  const samples = await random.randint([count], { max: STIMULI }).data();
  const others = await random.randint([count], { min: 1, max: STIMULI }).data();
  const delays = await random.randint([count], { min: SHORT, max: LONG + 1 })
    .data();
  const dice = await random.uniform([count, TIME, CHANNELS]).data();
  const x = new Float32Array(dice.length);
  for (let i = 0; i < x.length; i++) {
    const channel = i % CHANNELS, step = Math.floor(i / CHANNELS) % TIME;
    const trial = Math.floor(i / CHANNELS / TIME);
    const begin = TIME - 2 * STIMULUS - delays[trial]!;
    const sample = samples[trial]!;
    const test = labels[trial] ? sample : (sample + others[trial]!) % STIMULI;
    const shown = step >= TIME - STIMULUS
      ? test
      : step >= begin && step < begin + STIMULUS
      ? sample
      : undefined;
    const isShown = Math.floor(channel / GROUP) === shown;
    x[i] = dice[i]! < (isShown ? 0.4 : 0.02) ? 1 : 0;
  }
  const data = new train.Dataset([
    train.column(x, [TIME, CHANNELS]),
    train.column(Int32Array.from(labels)),
  ]);
  return { data, labels, delays };
}

await main(async () => {
  const { epochs, count, beta } = parseOptions(
    "Trains a spiking working memory.",
    {
      epochs: { default: 20, help: "passes over the data", min: 1 },
      beta: { default: 0.1, help: "adaptation; 0 takes it away" },
      count: { default: 2000, help: "trials to learn from", min: 50 },
    },
  );
  await useBackend("wasm", { threads: 1 });
  random.seed(1);
  const learn = await trials(count);
  const test = await trials(1000);
  const model = new Memory(beta);
  const { values } = await train.fit({
    model,
    optimizer: new optim.Adam({ lr: 0.003, gradClipNorm: 1 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches(learn.data, { batchSize: 50, shuffle: true }),
    validation: train.batches(test.data, { batchSize: 250 }),
    metrics: { accuracy: new nn.AccuracyMetric() },
    epochs,
    compile: true,
  });
  console.log(`accuracy ${values.accuracy!.toFixed(3)}  (chance 0.5)`);

  const x = tf.tensor3d(test.data.columns[0].data as Float32Array, [
    test.labels.length,
    TIME,
    CHANNELS,
  ]);
  const said = await tf.argMax(model.call(x), 1).data();
  for (const [from, to] of [[SHORT, 14], [15, 19], [20, LONG]] as const) {
    const trials = Array.from(said.keys()).filter((i) =>
      test.delays[i]! >= from && test.delays[i]! <= to
    );
    const right = trials.filter((i) => said[i] === test.labels[i]).length;
    console.log(
      `delay of ${from * DT} to ${to * DT} ms: ${
        (right / trials.length).toFixed(3)
      }`,
    );
  }

  // A trial that matches, and to its right one that does not.
  const shown = [1, 0].map((label) => test.labels.indexOf(label));
  const raster = (spikes: ArrayLike<number>, rows: number, first: number) =>
    Array.from(shown.keys()).flatMap((trial) =>
      Array.from({ length: TIME * rows }, (_, i): Point => {
        const step = Math.floor(i / rows), row = i % rows;
        const fired = spikes[(trial * TIME + step) * rows + row];
        const time = DT * (step + trial * (TIME + 5));
        return [fired ? time : -1, row + first];
      }).filter(([time]) => time >= 0)
    );
  const pair = tf.gather(x, shown);
  const fired = tf.transpose(model.run(pair), [1, 0, 2]);
  await writePicture(
    "delayed_match",
    picture({
      title:
        "Spikes in a trial that matches, and one that does not: the input above",
      x: [0, DT * (2 * TIME + 5)],
      y: [0, HIDDEN + 4 + CHANNELS],
      layers: [
        {
          kind: "points",
          points: raster(await pair.data(), CHANNELS, HIDDEN + 3),
          color: "#d55e00",
        },
        {
          kind: "points",
          points: raster(await fired.data(), HIDDEN, 0),
          color: "#0072b2",
        },
      ],
    }),
  );
});
