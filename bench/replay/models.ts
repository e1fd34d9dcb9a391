/** The workloads: what is trained, and a batch for each step. */
import { Gpt } from "../../examples/_gpt.ts";
import { nn, optim, ParamState, random, tf } from "../../mod.ts";
import type { Optimizer } from "../../optim/mod.ts";

export interface Workload {
  readonly loss: (...batch: tf.Tensor[]) => tf.Scalar;
  readonly optimizer: Optimizer;
  /** A batch, made on the host: the same for the same `i`. */
  readonly batch: (i: number) => tf.Tensor[];
  readonly model: nn.Module;
}

class Mlp extends nn.Module {
  readonly layers: readonly nn.Linear[];
  constructor(sizes: readonly number[]) {
    super();
    this.layers = sizes.slice(1).map((n, i) => new nn.Linear(sizes[i]!, n));
  }
  override update(x: tf.Tensor2D): tf.Tensor2D {
    return this.layers.reduce(
      (y, layer, i) =>
        i + 1 < this.layers.length ? tf.relu(layer.call(y)) : layer.call(y),
      x,
    );
  }
}

/** Everything that is awkward: dropout, running statistics, clipping. */
class Awkward extends nn.Module {
  readonly a = new nn.Linear(20, 48);
  readonly norm = new nn.BatchNorm0d(48);
  readonly drop = new nn.Dropout<tf.Tensor2D>({ rate: 0.3 });
  readonly b = new nn.Linear(48, 5);
  override update(x: tf.Tensor2D): tf.Tensor2D {
    return this.b.call(this.drop.call(tf.relu(this.norm.call(this.a.call(x)))));
  }
}

/** Two convolutions, then two dense layers. */
class Cnn extends nn.Module {
  readonly first = new nn.Conv2d(1, 24, 5, { padding: "valid" });
  readonly second = new nn.Conv2d(24, 32, 3, { padding: "valid" });
  readonly hidden = new nn.Linear(800, 128);
  readonly out = new nn.Linear(128, 10);
  override update(x: tf.Tensor4D): tf.Tensor2D {
    const pool = (y: tf.Tensor4D) => tf.relu(tf.maxPool(y, 2, 2, "valid"));
    const seen = pool(this.second.call(pool(this.first.call(x))));
    const flat = tf.reshape<tf.Rank.R2>(seen, [x.shape[0], 800]);
    return this.out.call(tf.relu(this.hidden.call(flat)));
  }
}

class Lstm extends nn.Module {
  readonly rnn: nn.RNN;
  readonly out: nn.Linear;
  constructor(input: number, hidden: number, classes: number) {
    super();
    this.rnn = new nn.RNN(new nn.LSTMCell(input, hidden), { lastOnly: true });
    this.out = new nn.Linear(hidden, classes);
  }
  override update(x: tf.Tensor3D): tf.Tensor2D {
    return this.out.call(this.rnn.call(x) as tf.Tensor2D);
  }
}

/** 1 where the potential is above 1; its gradient is that of an arctangent. */
const spike = tf.customGrad((v, save) => {
  (save as tf.GradSaveFunc)([v as tf.Tensor]);
  return {
    value: tf.cast(tf.greater(v as tf.Tensor, 1), "float32"),
    gradFunc: (dy: tf.Tensor, [v]: tf.Tensor[]) =>
      tf.div(dy, tf.add(1, tf.square(tf.mul(Math.PI, tf.sub(v!, 1))))),
  };
});

class Snn extends nn.Module {
  readonly input: nn.Linear<tf.Tensor3D>;
  readonly recurrent: nn.Linear;
  readonly out: nn.Linear;
  constructor(input: number, hidden: number, classes: number) {
    super();
    this.input = new nn.Linear<tf.Tensor3D>(input, hidden);
    this.recurrent = new nn.Linear(hidden, hidden, { bias: false });
    this.out = new nn.Linear(hidden, classes);
  }
  override update(x: tf.Tensor3D): tf.Tensor2D {
    const [batch, ,] = x.shape, hidden = this.recurrent.weight.shape[0]!;
    const currents = tf.unstack(tf.transpose(this.input.call(x), [1, 0, 2]));
    let v = tf.zeros([batch!, hidden]), s: tf.Tensor = v, rate: tf.Tensor = v;
    for (const current of currents) {
      const all = tf.add(current, this.recurrent.call(s as tf.Tensor2D));
      v = tf.sub(tf.add(tf.mul(v, 0.9), tf.mul(all, 0.4)), s);
      s = spike(v);
      rate = tf.add(rate, s);
    }
    return this.out.call(tf.div(rate, currents.length) as tf.Tensor2D);
  }
}

function batches(
  shape: number[],
  classes: number,
  labels = [shape[0]!],
): (i: number) => tf.Tensor[] {
  return (i) => {
    const source = new random.RandomState(1000 + i);
    const n = tf.util.sizeFromShape(labels);
    const y = Int32Array.from(source.words(n), (w) => w % classes);
    return [
      random.normal(shape as [number], { random: source }),
      tf.tensor(y, labels, "int32"),
    ];
  };
}

/** A model that tells classes apart, trained with Adam unless said otherwise. */
function classifier(
  model: nn.Module & { call(x: tf.Tensor): tf.Tensor },
  shape: number[],
  classes: number,
  optimizer: Optimizer = new optim.Adam({ lr: 1e-3 }),
): Workload {
  return {
    model,
    optimizer: optimizer.registerTrainableWeights(model.states(ParamState)),
    loss: (x, y) =>
      nn.softmaxCrossEntropy(
        model.call(x!) as tf.Tensor2D,
        y as tf.Tensor1D,
        { reduction: "mean" },
      ),
    batch: batches(shape, classes),
  };
}

export const workloads = {
  tiny: () => classifier(new Mlp([32, 32, 32, 32, 32]), [8, 32], 32),
  mlp: (batch = 32) =>
    classifier(new Mlp([784, 256, 128, 10]), [batch, 784], 10),
  cnn: (batch = 32) => classifier(new Cnn(), [batch, 28, 28, 1], 10),
  awkward: () =>
    classifier(
      new Awkward(),
      [16, 20],
      5,
      new optim.AdamW({
        lr: new optim.CosineAnnealingLR({ baseLr: 1e-2, tMax: 150 }),
        weightDecay: 0.01,
        gradClipNorm: 0.5,
      }),
    ),
  lstm: (steps = 64, hidden = 128) =>
    classifier(new Lstm(32, hidden, 10), [32, steps, 32], 10),
  /** A recurrent network of spiking neurons: many small elementwise kernels. */
  snn: (steps = 50) => classifier(new Snn(20, 128, 10), [32, steps, 20], 10),
  gpt(
    { batch = 12, context = 64, layers = 4, width = 128, heads = 4 } = {},
  ): Workload {
    const characters = 65, size = batch * context;
    const model = new Gpt({ characters, context, layers, heads, width });
    const optimizer = new optim.AdamW({
      lr: 1e-3,
      betas: [0.9, 0.99],
      weightDecay: 0.1,
      decayMask: optim.isMatrix,
      gradClipNorm: 1,
    }).registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: (x, y) =>
        nn.softmaxCrossEntropy(
          model.call(x as tf.Tensor2D),
          tf.reshape(y!, [-1]) as tf.Tensor1D,
          { reduction: "mean" },
        ),
      batch(i) {
        const source = new random.RandomState(1000 + i);
        const words = Int32Array.from(
          source.words(2 * size),
          (w) => w % characters,
        );
        return [
          tf.tensor(words.slice(0, size), [batch, context], "int32"),
          tf.tensor(words.slice(size), [batch, context], "int32"),
        ];
      },
    };
  },
};
