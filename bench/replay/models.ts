/** The workloads: what is trained, and a batch for each step. */
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

interface Classifier {
  call(x: tf.Tensor): tf.Tensor;
}

const cross = (model: nn.Module) => (x: tf.Tensor, y: tf.Tensor) =>
  nn.softmaxCrossEntropy(
    (model as unknown as Classifier).call(x) as tf.Tensor2D,
    y as tf.Tensor1D,
    { reduction: "mean" },
  ) as tf.Scalar;

export const workloads = {
  tiny(): Workload {
    const model = new Mlp([32, 32, 32, 32, 32]);
    const optimizer = new optim.Adam({ lr: 1e-3 })
      .registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: cross(model),
      batch: batches([8, 32], 32),
    };
  },
  mlp(batch = 32): Workload {
    const model = new Mlp([784, 256, 128, 10]);
    const optimizer = new optim.Adam({ lr: 1e-3 })
      .registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: cross(model),
      batch: batches([batch, 784], 10),
    };
  },
  lstm(steps = 64): Workload {
    const model = new Lstm(32, 128, 10);
    const optimizer = new optim.Adam({ lr: 1e-3 })
      .registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: cross(model),
      batch: batches([32, steps, 32], 10),
    };
  },
  /** A recurrent network of spiking neurons: many small elementwise kernels. */
  snn(steps = 50): Workload {
    const model = new Snn(20, 128, 10);
    const optimizer = new optim.Adam({ lr: 1e-3 })
      .registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: cross(model),
      batch: batches([32, steps, 20], 10),
    };
  },
  gpt(): Workload {
    const sizes = {
      ...{ characters: 65, context: 64, layers: 4, heads: 4, width: 128 },
    };
    const model = new Gpt(sizes);
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
        ) as tf.Scalar,
      batch(i) {
        const source = new random.RandomState(1000 + i);
        const words = Int32Array.from(source.words(2 * 12 * 64), (w) => w % 65);
        return [
          tf.tensor(words.slice(0, 768), [12, 64], "int32"),
          tf.tensor(words.slice(768), [12, 64], "int32"),
        ];
      },
    };
  },
  awkward(): Workload {
    const model = new Awkward();
    const optimizer = new optim.AdamW({
      lr: new optim.CosineAnnealingLR({ baseLr: 1e-2, tMax: 150 }),
      weightDecay: 0.01,
      gradClipNorm: 0.5,
    }).registerTrainableWeights(model.states(ParamState));
    return {
      model,
      optimizer,
      loss: cross(model),
      batch: batches([16, 20], 5),
    };
  },
};
/** The sizes of the model. */
interface GptSizes {
  readonly characters: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
}

/** Weights as in GPT-2: small, and smaller where they feed the residual sum. */
const weights = (layers = 0.5) => ({
  bias: false,
  weightInit: new nn.init.Normal({ std: 0.02 / Math.sqrt(2 * layers) }),
});

/** Attention: each character looks at those before it. */
class Attention extends nn.Module {
  readonly joined: nn.Linear;
  readonly out: nn.Linear;
  readonly #heads: number;
  readonly #hidden: tf.Tensor2D;

  constructor({ width, heads, layers, context }: GptSizes) {
    super();
    this.joined = new nn.Linear(width, 3 * width, weights()); // q, k and v
    this.out = new nn.Linear(width, width, weights(layers));
    this.#heads = heads;
    // -1e9 above the diagonal: added to a score, it is as good as -infinity.
    const ones = tf.ones<tf.Rank.R2>([context, context]);
    this.#hidden = tf.tidy(() =>
      tf.mul(-1e9, tf.sub(1, tf.linalg.bandPart(ones, -1, 0)))
    );
    ones.dispose();
  }

  /** `[batch * time, width]` to the same. */
  override update(x: tf.Tensor2D, time: number): tf.Tensor2D {
    const [rows, width] = x.shape;
    const batch = rows / time;
    const size = width / this.#heads;
    const toHeads = (y: tf.Tensor) =>
      tf.transpose(
        tf.reshape(y, [batch, time, this.#heads, size]),
        [0, 2, 1, 3],
      );
    const [q, k, v] = tf.split(this.joined.call(x), 3, 1).map(toHeads);
    const scores = tf.mul(tf.matMul(q!, k!, false, true), 1 / Math.sqrt(size));
    const hidden = tf.slice(this.#hidden, [0, 0], [time, time]);
    const mixed = tf.matMul(tf.softmax(tf.add(scores, hidden)), v!);
    const joined = tf.reshape<tf.Rank.R2>(tf.transpose(mixed, [0, 2, 1, 3]), [
      rows,
      width,
    ]);
    return this.out.call(joined);
  }
}

/** Attention, then a dense layer of four times the width. */
class Block extends nn.Module {
  readonly norm1: nn.LayerNorm<tf.Tensor2D>;
  readonly attention: Attention;
  readonly norm2: nn.LayerNorm<tf.Tensor2D>;
  readonly expand: nn.Linear;
  readonly contract: nn.Linear;

  constructor(sizes: GptSizes) {
    super();
    const { width, layers } = sizes;
    this.norm1 = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
    this.attention = new Attention(sizes);
    this.norm2 = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
    this.expand = new nn.Linear(width, 4 * width, weights());
    this.contract = new nn.Linear(4 * width, width, weights(layers));
  }

  override update(x: tf.Tensor2D, time: number): tf.Tensor2D {
    const seen = tf.add<tf.Tensor2D>(
      x,
      this.attention.call(this.norm1.call(x), time),
    );
    const wide = nn.gelu(this.expand.call(this.norm2.call(seen)), {
      approximate: true,
    });
    return tf.add(seen, this.contract.call(wide));
  }
}

/** The model: from characters to scores of the character that follows each. */
class Gpt extends nn.Module {
  readonly characters: nn.Embedding;
  readonly positions: nn.Embedding;
  readonly blocks: readonly Block[];
  readonly norm: nn.LayerNorm<tf.Tensor2D>;

  constructor(sizes: GptSizes) {
    super();
    const { characters, context, width, layers } = sizes;
    const { weightInit } = weights();
    this.characters = new nn.Embedding(characters, width, { weightInit });
    this.positions = new nn.Embedding(context, width, { weightInit });
    this.blocks = Array.from({ length: layers }, () => new Block(sizes));
    this.norm = new nn.LayerNorm(width, { bias: false, eps: 1e-5 });
  }

  /** `[batch, time]` to `[batch * time, characters]`. */
  override update(tokens: tf.Tensor2D): tf.Tensor2D {
    const [batch, time] = tokens.shape;
    const width = this.characters.weight.shape[1]!;
    const content = this.characters.call(tokens); // [batch, time, width]
    const place = tf.slice(this.positions.weight.value, [0, 0], [time, width]);
    let x = tf.reshape<tf.Rank.R2>(tf.add(content, place), [
      batch * time,
      width,
    ]);
    for (const block of this.blocks) x = block.call(x, time);
    // The embedding also reads out: one matrix for both, as in GPT-2.
    return tf.matMul(
      this.norm.call(x),
      this.characters.weight.value,
      false,
      true,
    );
  }
}
