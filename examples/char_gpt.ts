/**
 * A GPT trained on a text, character by character, which then generates text.
 *
 * ```sh
 * deno run -A examples/char_gpt.ts --data FILE
 * ```
 *
 * The defaults are nanoGPT's setting for a CPU (`train_shakespeare_char.py` with
 * the options of its README): on Tiny Shakespeare it publishes a validation loss
 * of 1.88. What this file reached is in docs/char_gpt.md.
 */
import { nn, optim, ParamState, random, tf, train } from "@braintape/braintape";
import { main, parseOptions } from "./_cli.ts";
import { printEnd, RUN_OPTIONS, startRun } from "./_run.ts";

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

/** Causal self-attention. */
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
    // Added to the scores: -1e9 above the diagonal, which softmax makes 0.
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

/** From characters to scores of the next character after each. */
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

/** Generate text after a line break, one character at a time. */
async function write(
  model: Gpt,
  vocabulary: train.Vocabulary,
  { length, context, temperature = 0.8 }: {
    length: number;
    context: number;
    temperature?: number;
  },
): Promise<string> {
  const source = new random.RandomState(1234);
  const tokens = [...vocabulary.encode("\n")];
  while (tokens.length <= length) {
    const next = tf.tidy(() => {
      const seen = tokens.slice(-context);
      const scores = model.call(tf.tensor2d([seen], [1, seen.length], "int32"));
      const last = tf.slice(scores, [seen.length - 1, 0], [1, -1]);
      return random.categorical(tf.div(last, temperature), { random: source });
    });
    tokens.push((await next.data())[0]!);
    next.dispose();
  }
  return vocabulary.decode(tokens.slice(1));
}

await main(async () => {
  const options = parseOptions("Trains a GPT on a text.", {
    ...RUN_OPTIONS,
    data: { default: "input.txt", help: "a text file" },
    steps: { default: 2000, help: "how many steps", min: 1 },
    batch: { default: 12, help: "windows in a step", min: 1 },
    context: { default: 64, help: "characters in a window", min: 2 },
    layers: { default: 4, help: "blocks", min: 1 },
    heads: { default: 4, help: "heads; must divide the width", min: 1 },
    width: { default: 128, help: "features", min: 1 },
    lr: { default: 1e-3, help: "the highest learning rate" },
    write: { default: 300, help: "characters to write at the end" },
    seed: { default: 1337, help: "the seed of all random numbers" },
    out: { default: "runs/char_gpt", help: "the folder of the run" },
  });
  const { context, steps } = options;
  const text = await train.readText(options.data);
  const vocabulary = new train.Vocabulary(text);
  const tokens = vocabulary.encode(text);
  const cut = Math.floor(0.9 * tokens.length); // the last tenth is validation data

  const { backend, threads, folder } = await startRun(options, options.out);
  const model = new Gpt({ ...options, characters: vocabulary.size });
  console.log(`${nn.parameterCount(model)} parameters`);

  const optimizer = new optim.AdamW({
    lr: new optim.WarmupCosineSchedule({
      baseLr: options.lr,
      etaMin: options.lr / 10,
      warmupSteps: Math.min(100, steps / 10),
      totalSteps: steps,
    }),
    betas: [0.9, 0.99],
    weightDecay: 0.1,
    decayMask: optim.isMatrix,
    gradClipNorm: 1,
  }).registerTrainableWeights(model.states(ParamState));

  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    nn.softmaxCrossEntropy(model.call(x), tf.reshape(y, [-1]), {
      reduction: "mean",
    });
  const windows = new random.RandomState(options.seed);
  const sizes = { batchSize: options.batch, context };
  const unseen = (count: number) =>
    train.textWindows(tokens.subarray(cut), {
      ...sizes,
      count,
      repeat: true,
      random: new random.RandomState(0),
    });

  const result = await train.fit({
    name: `seed ${options.seed}`,
    config: {
      layers: options.layers,
      heads: options.heads,
      width: options.width,
      context,
      batch: options.batch,
      lr: options.lr,
      backend,
      threads,
    },
    model,
    optimizer,
    loss,
    data: train.textWindows(tokens.subarray(0, cut), {
      ...sizes,
      random: windows,
    }),
    validation: unseen(20),
    steps,
    evaluateEvery: 250,
    random: { windows },
    checkpoint: { folder: `${folder}/checkpoints`, every: 250 },
    resume: options.resume,
    callbacks: [
      train.progressBar(),
      train.jsonLines(`${folder}/log.jsonl`),
      train.report(`${folder}/report.html`, {
        notes: async () => [
          await write(model, vocabulary, { length: 300, context }),
        ],
      }),
    ],
  });
  if (!printEnd(result)) return;

  const final = await train.evaluate(unseen(200), { loss });
  console.log(`validation loss ${final.loss.toFixed(4)} over 200 batches`);
  console.log(
    await write(model, vocabulary, { length: options.write, context }),
  );
  console.log(`report ${folder}/report.html`);
});
