/**
 * Fine-tuning a trained model: frozen layers, groups of parameters with their own
 * rates, and low-rank adaptation.
 *
 * ```sh
 * deno run -A examples/finetune.ts
 * ```
 *
 * A network is trained on three spirals. Then the plane is rotated by a sixth of a
 * circle, and the network is trained on 90 points of it.
 */
import {
  nn,
  optim,
  ParamState,
  random,
  type States,
  tf,
  train,
  useBackend,
} from "@braintape/braintape";
import { accuracy } from "./_run.ts";
import { type Spirals, spirals } from "./spirals.ts";

type Layer = nn.Linear | nn.LoRA;

class Classifier extends nn.Module {
  constructor(
    readonly first: Layer = new nn.Linear(2, 64),
    readonly second: Layer = new nn.Linear(64, 64),
    readonly out: Layer = new nn.Linear(64, 3),
  ) {
    super();
  }

  override update(x: tf.Tensor2D): tf.Tensor2D {
    const hidden = nn.relu(this.second.call(nn.relu(this.first.call(x))));
    return this.out.call(hidden);
  }
}

function copyOf(model: Classifier): Classifier {
  const copy = new Classifier();
  const values = nn.stateDict(model);
  nn.loadStateDict(copy, values);
  tf.dispose(values);
  return copy;
}

/** The same points, rotated around the origin. */
function turned(data: Spirals, angle: number): Spirals {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [points, labels] = data.columns;
  const moved = points.data.slice() as Float32Array;
  for (let i = 0; i < moved.length; i += 2) {
    const [x, y] = [moved[i]!, moved[i + 1]!];
    moved.set([cos * x - sin * y, sin * x + cos * y], i);
  }
  return new train.Dataset([train.column(moved, [2]), labels]);
}

async function learn(
  model: Classifier,
  optimizer: optim.Optimizer,
  data: Spirals,
  epochs: number,
): Promise<void> {
  await train.fit({
    optimizer,
    loss: (x, y) =>
      nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
    data: train.batches(data, { batchSize: 30, shuffle: true }),
    epochs,
  });
}

async function accuracyOf(model: Classifier, data: Spirals): Promise<number> {
  const result = await train.evaluate(train.batches(data), {
    accuracy: accuracy((x: tf.Tensor2D) => model.call(x)),
  });
  return result.accuracy;
}

await useBackend("wasm");
random.seed(1);
const old = spirals();
const [few, unseen] = turned(old, Math.PI / 3).split(90, {
  random: new random.RandomState(5),
});

const base = new Classifier();
using pretraining = new optim.Adam({ lr: 0.005 })
  .registerTrainableWeights(base.states(ParamState));
await learn(base, pretraining, old, 30);
console.log(`on what it learned   ${(await accuracyOf(base, old)).toFixed(3)}`);
console.log(
  `on the turned plane  ${(await accuracyOf(base, unseen)).toFixed(3)}`,
);
console.log("\nafter 90 points of the turned plane:");

/** The parameters whose paths begin with one of `layers`. */
function paramsOf(model: Classifier, ...layers: string[]): States {
  const all = Object.entries(model.states(ParamState));
  return Object.fromEntries(
    all.filter(([path]) => layers.some((layer) => path.startsWith(layer))),
  );
}

/** Ways to fine-tune; each returns the model and an optimizer of its parameters. */
const WAYS: Record<string, () => [Classifier, optim.Adam]> = {
  "the last layer": () => {
    const model = copyOf(base);
    nn.freeze(model, "first");
    nn.freeze(model, "second");
    const optimizer = new optim.Adam({ lr: 0.01 });
    return [model, optimizer.registerTrainableWeights(nn.trainable(model))];
  },
  "the first layer": () => {
    const model = copyOf(base);
    const optimizer = new optim.Adam({ lr: 0.01 });
    return [
      model,
      optimizer.registerTrainableWeights(paramsOf(model, "first")),
    ];
  },
  "all, the later ones slowly": () => {
    const model = copyOf(base);
    const optimizer = new optim.Adam({ lr: 0.01 })
      .registerTrainableWeights(paramsOf(model, "first"))
      .addParamGroup(paramsOf(model, "second", "out"), { lr: 0.0003 });
    return [model, optimizer];
  },
  "low-rank additions": () => {
    const { first, second, out } = copyOf(base);
    const model = new Classifier(
      new nn.LoRA(first as nn.Linear, 2),
      new nn.LoRA(second as nn.Linear, 2),
      out,
    );
    nn.freeze(model, "out");
    const optimizer = new optim.Adam({ lr: 0.01 });
    return [model, optimizer.registerTrainableWeights(nn.trainable(model))];
  },
};

for (const [name, begin] of Object.entries(WAYS)) {
  const [model, optimizer] = begin();
  await learn(model, optimizer, few, 60);
  const numbers = Object.values(optimizer.paramStates)
    .reduce((sum, state) => sum + state.size, 0);
  const share = await accuracyOf(model, unseen);
  console.log(
    `  ${name.padEnd(28)} ${share.toFixed(3)}  (${numbers} numbers trained)`,
  );
  optimizer.dispose();
}
