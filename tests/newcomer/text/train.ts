/** Which reviews praise? The order of words matters: "not bad" does, "not good" not. */
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

await useBackend();
random.seed(4);

const THINGS = ["the food", "the room", "our host", "this tea", "it"];
const GOOD = ["good", "lovely", "fresh", "kind"];
const BAD = ["bad", "stale", "rude", "dull"];
const stream = new random.RandomState(8);
const one = (list: readonly string[]) =>
  list[stream.words(1)[0]! % list.length]!;
const reviews = Array.from({ length: 600 }, (_, i) => {
  const praises = i % 2 === 0;
  const clause = () =>
    stream.words(1)[0]! % 2
      ? `${one(THINGS)} was ${one(praises ? GOOD : BAD)}`
      : `${one(THINGS)} was not ${one(praises ? BAD : GOOD)}`;
  const clauses = Array.from({ length: 1 + i % 3 }, clause);
  return { words: clauses.join(" and ").split(" "), label: +praises };
});

// 0 stands for words that are not known.
const known = new Set(reviews.flatMap(({ words }) => words));
const numbers = new Map([...known].map((word, i) => [word, i + 1]));
const encode = (words: readonly string[]) =>
  words.map((word) => numbers.get(word) ?? 0);
const batches = (part: typeof reviews, shuffle: boolean) =>
  data.bucketByLength([
    part.map(({ words }) => encode(words)),
    part.map(({ label }) => label),
  ], { batchSize: 20, boundaries: [6, 12, 20], shuffle });

class Classifier extends nn.Module {
  readonly embedding = new nn.Embedding(numbers.size + 1, 16);
  readonly drop = new nn.Dropout<tf.Tensor3D>({ rate: 0.2 });
  readonly gru = new nn.GRU(16, 16, { bidirectional: true, lastOnly: true });
  readonly out = new nn.Linear(32, 2);

  override update(x: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
    const words = this.drop.call(this.embedding.call(x) as tf.Tensor3D);
    return this.out.call(this.gru.call(words, mask) as tf.Tensor2D);
  }
}

const model = new Classifier();
const { values } = await train.fit({
  model,
  optimizer: new optim.AdamW({ lr: 0.01 })
    .registerTrainableWeights(model.states(ParamState)),
  loss: (x, y, mask) =>
    nn.softmaxCrossEntropy(model.call(x, mask), y, { reduction: "mean" }),
  data: batches(reviews.slice(0, 480), true),
  validation: batches(reviews.slice(480), false),
  metrics: {
    accuracy: train.metric(
      new nn.AccuracyMetric(),
      (x: tf.Tensor2D, y: tf.Tensor1D, mask: tf.Tensor2D) => [
        model.call(x, mask),
        y,
      ],
    ),
  },
  epochs: 5,
  callbacks: [train.progressBar()],
});
console.log(`accuracy ${values.accuracy}`);

const texts = [
  "it was not bad and our waiter was kind",
  "the tea was not good",
];
const [x, mask] = data.padSequences(
  texts.map((text) => encode(text.split(" "))),
);
const classes = await tf.argMax(model.predict(x, mask), 1).data();
console.log(`classes ${[...classes]}`);
