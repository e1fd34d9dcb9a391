/**
 * Fine-tuning a trained transformer with low-rank adaptation (LoRA): the base is
 * frozen, the adaptation is saved alone, and merged to predict.
 *
 * ```sh
 * deno run -A examples/finetune.ts
 * ```
 *
 * A small GPT-2 learns what twelve animals eat, in sentences such as "the cow eats hay
 * .", and then another order of words, "the cow hay eats .", from six of them. What it
 * says of the other six shows whether it has kept what it knew.
 */
import {
  loadSafetensors,
  nn,
  optim,
  random,
  saveSafetensors,
  type tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { Gpt2 } from "@braintape/braintape/models";

const FOOD: readonly (readonly [animal: string, food: string])[] = [
  ["cow", "hay"],
  ["horse", "oats"],
  ["cat", "fish"],
  ["dog", "meat"],
  ["hen", "corn"],
  ["mouse", "cheese"],
  ["rabbit", "clover"],
  ["goat", "leaves"],
  ["pig", "apples"],
  ["bee", "nectar"],
  ["bear", "honey"],
  ["panda", "bamboo"],
];
const SHOWN = FOOD.slice(0, 6), HIDDEN = FOOD.slice(6);
const BEGINNINGS = ["the", "a", "my", "this", "each", "one"];
const WORDS = [...BEGINNINGS, ...FOOD.flat(), "eats", "."];
const END = WORDS.indexOf(".");

/** Sentences as tokens, a column of five. */
function sentences(
  facts: typeof FOOD,
  order: (animal: string, food: string) => string,
): train.Dataset<readonly [train.Column<readonly [5]>]> {
  const all = BEGINNINGS.flatMap((first) =>
    facts.map(([animal, food]) => `${first} ${order(animal, food)} .`)
  );
  const tokens = all.flatMap((text) =>
    text.split(" ").map((word) => WORDS.indexOf(word))
  );
  return new train.Dataset([train.column(Int32Array.from(tokens), [5])]);
}

const verbSecond = (animal: string, food: string) => `${animal} eats ${food}`;
const verbLast = (animal: string, food: string) => `${animal} ${food} eats`;

/** Train the parameters that are not frozen. */
async function learn(
  model: Gpt2,
  data: ReturnType<typeof sentences>,
  { lr, steps }: { readonly lr: number; readonly steps: number },
): Promise<void> {
  const optimizer = new optim.AdamW({ lr, weightDecay: 0.1 })
    .registerTrainableWeights(nn.trainable(model));
  await train.fit({
    model,
    optimizer,
    loss: (tokens) => model.loss(tokens as tf.Tensor2D),
    data: train.batches(data, { batchSize: 24, shuffle: true }),
    steps,
    compile: true,
  });
  optimizer.dispose();
}

/** How many of the facts the model tells in the given order. */
async function known(
  model: Gpt2,
  facts: typeof FOOD,
  order: typeof verbLast,
): Promise<string> {
  let count = 0;
  for (const [animal, food] of facts) {
    const prompt = ["the", animal].map((word) => WORDS.indexOf(word));
    const words = ["the", animal];
    for await (
      const token of model.generate(prompt, {
        temperature: 0,
        maxTokens: 3,
        stop: END,
      })
    ) words.push(WORDS[token]!);
    if (words.join(" ") === `the ${order(animal, food)}`) count++;
  }
  return `${count} of ${facts.length}`;
}

await useBackend("wasm", { threads: 1 });
random.seed(4);
const sizes = {
  vocabulary: WORDS.length,
  context: 5,
  width: 48,
  layers: 2,
  heads: 4,
};
const model = new Gpt2(sizes);
await learn(model, sentences(FOOD, verbSecond), { lr: 0.003, steps: 200 });
console.log(`trained on "the cow eats hay ."`);
console.log(`  tells so      ${await known(model, FOOD, verbSecond)}`);
console.log(`  verb last     ${await known(model, FOOD, verbLast)}`);

const folder = await Deno.makeTempDir();
await saveSafetensors(`${folder}/base.safetensors`, model);

// The base is frozen; what is added to its dense layers is trained.
nn.addLoRA(model, { rank: 4 });
const all = nn.parameterCount(model);
const some = nn.parameterCount(model, { trainable: true });
console.log(`\nadapted with "the cow hay eats .", from six animals`);
console.log(`  ${some} of ${all} parameters are trained`);
await learn(model, sentences(SHOWN, verbLast), { lr: 0.01, steps: 60 });
console.log(`  verb last, shown      ${await known(model, SHOWN, verbLast)}`);
console.log(`  verb last, others     ${await known(model, HIDDEN, verbLast)}`);

const adapter = `${folder}/adapter.safetensors`;
await saveSafetensors(adapter, nn.trainable(model));
const bytes = (await Deno.stat(adapter)).size;
console.log(`  the adaptation is a file of ${(bytes / 1024).toFixed(0)} KiB`);

// Elsewhere: the base, the adaptation, and the two merged to predict.
const other = new Gpt2(sizes);
await loadSafetensors(`${folder}/base.safetensors`, other);
nn.addLoRA(other, { rank: 4 });
await loadSafetensors(adapter, nn.trainable(other));
nn.mergeLoRA(other);
console.log(
  `\nloaded elsewhere and merged, ${nn.parameterCount(other)} parameters`,
);
console.log(`  verb last     ${await known(other, FOOD, verbLast)}`);
await Deno.remove(folder, { recursive: true });
