/**
 * Classifies sentences with a tokenizer of Hugging Face, by their package
 * `@huggingface/tokenizers` of npm.
 *
 * ```sh
 * deno run --allow-read --allow-env examples/tokenizers.ts [FOLDER]
 * ```
 *
 * `FOLDER` has the `tokenizer.json` and `tokenizer_config.json` of a model. Without it a
 * small tokenizer (WordPiece, as BERT's) is made of the words of the sentences.
 *
 * @module
 */
import {
  data,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";

const GOOD = ["wonderful", "moving", "funny", "brilliant"];
const BAD = ["boring", "awful", "dull", "tedious"];
const FRAMES = [
  "the film was $",
  "a $ story",
  "i found the whole thing rather $",
  "$",
  "the actors were $ and the music too",
];

/** Sentences, and whether each one praises. */
const sentences = FRAMES.flatMap((frame) =>
  [...GOOD, ...BAD].map((word) => ({
    text: frame.replace("$", word),
    praises: GOOD.includes(word),
  }))
);

/** The two files of a tokenizer whose vocabulary is the words of some texts. */
function madeOf(texts: readonly string[]): [object, object] {
  const words = new Set(texts.flatMap((text) => text.split(" ")));
  const vocab = Object.fromEntries(
    ["[PAD]", "[UNK]", ...words, "##s"].map((piece, i) => [piece, i]),
  );
  const model = {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab,
  };
  const added_tokens: never[] = [];
  const parts = {
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  };
  return [{ version: "1.0", added_tokens, ...parts, model }, {}];
}

async function filesIn(folder: string): Promise<[object, object]> {
  const read = async (name: string): Promise<object> =>
    JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
  return [await read("tokenizer.json"), await read("tokenizer_config.json")];
}

const [folder] = Deno.args;
const tokenizer = new Tokenizer(
  ...folder === undefined
    ? madeOf(sentences.map(({ text }) => text))
    : await filesIn(folder),
);
const encode = (text: string): number[] => tokenizer.encode(text).ids;

/** A network that reads the tokens from both ends, and gives two scores. */
class Classifier extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly gru = new nn.GRU(16, 16, { bidirectional: true, lastOnly: true });
  readonly out = new nn.Linear(32, 2);

  constructor(tokens: number) {
    super();
    this.embedding = new nn.Embedding(tokens, 16);
  }

  override update(x: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
    const vectors = this.embedding.call(x) as tf.Tensor3D;
    return this.out.call(this.gru.call(vectors, mask) as tf.Tensor2D);
  }
}

await useBackend("wasm");
random.seed(1);
const tokens = sentences.map(({ text }) => encode(text));
const labels = sentences.map(({ praises }) => Number(praises));
const asked = ["the music was brilliant", "dull films", "a moving story"];
const size = 1 + Math.max(...tokens.flat(), ...asked.flatMap(encode));
const model = new Classifier(size);
await train.fit({
  model,
  optimizer: new optim.Adam({ lr: 0.02 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y, mask) =>
    nn.softmaxCrossEntropy(model.call(x, mask), y, { reduction: "mean" }),
  data: data.bucketByLength([tokens, labels], {
    batchSize: 8,
    boundaries: [2, 5],
    shuffle: true,
  }),
  epochs: 20,
});

console.log(`${sentences.length} sentences, ${size} tokens`);
const [x, mask] = data.padSequences(asked.map(encode));
const classes = await tf.argMax(model.predict(x, mask), 1).data();
asked.forEach((text, i) => {
  const pieces = tokenizer.tokenize(text).join(" ");
  console.log(`${classes[i] ? "praise" : "blame"}: ${text} (${pieces})`);
});
