/**
 * A training loop without `fit`, on three intertwined spirals.
 *
 * ```sh
 * deno run -A examples/spirals.ts
 * ```
 *
 * train.ts does the same with a progress bar, checkpoints and a report.
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

/** Points of the plane, and the spiral of each. */
export type Spirals = train.Dataset<
  readonly [train.Column<readonly [2]>, train.Column<readonly []>]
>;

/**
 * Three spirals, the same at each call.
 *
 * @param count Points of each.
 */
export function spirals(count = 500): Spirals {
  const arms = 3;
  const points = new Float32Array(2 * arms * count);
  const labels = new Int32Array(arms * count);
  const words = new random.RandomState(2024).words(2 * arms * count);
  for (let i = 0; i < arms * count; i++) {
    const arm = i % arms;
    const along = words[2 * i]! / 2 ** 32; // from the middle outwards
    const jitter = (words[2 * i + 1]! / 2 ** 32 - 0.5) * 0.5;
    const angle = 2 * Math.PI * (arm / arms + 1.4 * along) + jitter;
    const radius = 0.1 + 0.9 * along;
    points.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i);
    labels[i] = arm;
  }
  return new train.Dataset([train.column(points, [2]), train.column(labels)]);
}

if (import.meta.main) {
  await useBackend("wasm");
  random.seed(1);
  const [learn, test] = spirals().split(0.8, {
    random: new random.RandomState(1),
  });

  const model = new nn.Sequential(
    new nn.Linear(2, 64),
    nn.relu,
    new nn.Linear(64, 64),
    nn.relu,
    new nn.Linear(64, 3),
  );
  const scores = (x: tf.Tensor2D) => model.call(x) as tf.Tensor2D;
  const optimizer = new optim.Adam({ lr: 0.005 })
    .registerTrainableWeights(model.states(ParamState));
  const step = train.step(
    (x: tf.Tensor2D, y: tf.Tensor1D) =>
      nn.softmaxCrossEntropy(scores(x), y, { reduction: "mean" }),
    optimizer,
  );

  const batches = train.batches(learn, { batchSize: 40, shuffle: true });
  for (let epoch = 1; epoch <= 40; epoch++) {
    let last = NaN;
    for (const [x, y] of batches) {
      const loss = step(x, y);
      last = (await loss.data())[0]!;
      loss.dispose();
    }
    if (epoch % 5 === 0) console.log(`epoch ${epoch}: loss ${last.toFixed(4)}`);
  }

  const { accuracy } = await train.evaluate(train.batches(test), {
    accuracy: (x, y) =>
      tf.mean<tf.Scalar>(
        tf.cast(tf.equal(tf.argMax(scores(x), 1), y), "float32"),
      ),
  });
  console.log(`test accuracy ${accuracy.toFixed(4)}`);
}
