/** A quantile, with a layer, a loss, a metric, a callback and an optimizer of its own. */
import {
  data,
  environ,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";

await useBackend();
random.seed(2);

/** Adds noise in training, with a scale that is learned for each feature. */
class Noisy extends nn.Module {
  readonly scale: ParamState<tf.Tensor1D>;
  readonly stream = new random.RandomState(5);

  constructor(size: number) {
    super();
    this.scale = new ParamState(tf.fill<tf.Rank.R1>([size], 0.1));
  }

  override update(x: tf.Tensor2D): tf.Tensor2D {
    const noise = environ.fit
      ? random.normal(x.shape, { random: this.stream })
      : tf.zerosLike(x);
    return tf.add(x, tf.mul(noise, this.scale.value));
  }
}

/** Pinball loss: least at the quantile q of the targets. */
function pinball(prediction: tf.Tensor, target: tf.Tensor, q: number) {
  const error = tf.sub(target, prediction);
  return tf.mean<tf.Scalar>(tf.maximum(tf.mul(q, error), tf.mul(q - 1, error)));
}

/** The share of targets below the prediction. */
class Coverage implements nn.Metric<[tf.Tensor, tf.Tensor], number> {
  #sums: Promise<ArrayLike<number>>[] = [];
  #count = 0;

  reset(): void {
    this.#sums = [];
    this.#count = 0;
  }

  update(prediction: tf.Tensor, target: tf.Tensor): void {
    const below = tf.tidy(() =>
      tf.sum(tf.cast(tf.less(target, prediction), "float32"))
    );
    this.#sums.push(below.data().finally(() => below.dispose()));
    this.#count += target.size;
  }

  async compute(): Promise<number> {
    const sums = await Promise.all(this.#sums);
    return sums.reduce((total, sum) => total + sum[0]!, 0) / this.#count;
  }
}

interface SignumOptions extends optim.OptimizerOptions {
  /** The share of the mean that a step keeps. */
  readonly beta?: number;
}

/** The sign of the running mean of gradients, with decay. */
class Signum extends optim.Optimizer<SignumOptions> {
  protected override defaultTx({ beta = 0.9 }: SignumOptions) {
    return optim.chain(
      optim.elementwise({
        slots: { mean: 0 },
        update({ update, mean, param }) {
          mean = mean.mul(beta).add(update.mul(1 - beta));
          return { update: mean.sign().add(param.mul(0.01)), mean };
        },
      }),
      optim.scaleByLearningRate(),
    );
  }
}

/** Halves the rate where the loss got no smaller, and ends when it is small. */
class Halve implements train.Callback {
  #best = Infinity;

  constructor(readonly optimizer: Signum) {}

  onEvaluation(run: train.Run, { values }: train.EvaluationRecord): void {
    if (values.loss! < this.#best) this.#best = values.loss!;
    else this.optimizer.lrApply((lr) => lr / 2);
    if (this.optimizer.currentLr < 5e-4) run.stop("the rate is small");
  }
}

const x = await random.uniform([2000, 1], { min: -2, max: 2 }).data();
const noise = await random.normal([2000]).data();
const y = x.map((x, i) => Math.sin(2 * x) + 0.3 * noise[i]!);
const [learn, test] = new data.Dataset([
  data.column(x, [1]),
  data.column(y, [1]),
]).split(0.75);

const model = new nn.Sequential(
  new nn.Linear(1, 64),
  new Noisy(64),
  nn.tanh,
  new nn.Linear(64, 1),
);
const optimizer = new Signum({ lr: 0.005, beta: 0.95 });
optimizer.registerTrainableWeights(model.states(ParamState));
const { values, reason } = await train.fit({
  model,
  optimizer,
  loss: (x, y) => pinball(model.call(x), y, 0.9),
  data: data.batches(learn, { batchSize: 50, shuffle: true }),
  validation: data.batches(test, { batchSize: 250 }),
  metrics: { coverage: new Coverage() },
  epochs: 30,
  checkpoint: { folder: "run" },
  callbacks: [train.progressBar(), new Halve(optimizer)],
});
console.log(`${reason}: loss ${values.loss}, coverage ${values.coverage}`);
console.log(Object.keys(model.states()).join(" "));
