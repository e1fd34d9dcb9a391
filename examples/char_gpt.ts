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
import { Gpt } from "./_gpt.ts";
import { printEnd, RUN_OPTIONS, startRun } from "./_run.ts";

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
