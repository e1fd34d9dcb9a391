/**
 * One run of {@link ../compare_on_gpt.ts}, in a process of its own.
 *
 * @module
 */
import {
  nn,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { Gpt } from "../../examples/_gpt.ts";
import { COMPARED, STEPS } from "./optimizers.ts";

/** What a run is of. */
export interface Setting {
  /** The name of the optimizer. */
  readonly optimizer: string;
  /** Its highest learning rate. */
  readonly lr: number;
  /** The seed of weights and batches. */
  readonly seed: number;
}

/** What a run came to. */
export interface Run extends Setting {
  /** Steps and validation losses over 20 batches. */
  readonly curve: readonly (readonly [step: number, loss: number])[];
  /** The validation loss at the end, over 200 batches. `null`: not finite. */
  readonly loss: number | null;
}

/** Batches of 12 windows of 64 characters, as in examples/char_gpt.ts. */
const SIZES = { batchSize: 12, context: 64 };

/** Train a GPT on the text of a file. */
export async function runOnce(
  file: string,
  { optimizer: name, lr, seed }: Setting,
  steps = STEPS,
): Promise<Run> {
  const text = await train.readText(file);
  const vocabulary = new train.Vocabulary(text);
  const tokens = vocabulary.encode(text);
  const cut = Math.floor(0.9 * tokens.length);
  await useBackend("wasm", { threads: 1 });
  random.seed(seed);
  const model = new Gpt({
    characters: vocabulary.size,
    context: SIZES.context,
    layers: 4,
    heads: 4,
    width: 128,
  });
  const optimizer = COMPARED[name]!.make(lr)
    .registerTrainableWeights(model.states(ParamState));
  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    nn.softmaxCrossEntropy(model.call(x), tf.reshape(y, [-1]), {
      reduction: "mean",
    });
  const unseen = (count: number) =>
    train.textWindows(tokens.subarray(cut), {
      ...SIZES,
      count,
      repeat: true,
      random: new random.RandomState(0),
    });
  const { log, reason } = await train.fit({
    model,
    optimizer,
    loss,
    data: train.textWindows(tokens.subarray(0, cut), {
      ...SIZES,
      random: new random.RandomState(seed),
    }),
    validation: unseen(20),
    steps,
    evaluateEvery: steps / 20,
    compile: true,
  });
  const curve = log.evaluations.map(({ step, values }) =>
    [step, values["loss"]!] as const
  );
  const end = reason === "done"
    ? (await train.evaluate(unseen(200), { loss })).loss
    : null;
  return { optimizer: name, lr, seed, curve, loss: end };
}

if (import.meta.main) {
  const [file, setting, steps] = Deno.args;
  const run = await runOnce(
    file!,
    JSON.parse(setting!) as Setting,
    Number(steps ?? STEPS),
  );
  console.log(JSON.stringify(run));
}
