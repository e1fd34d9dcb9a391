import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  autodiff,
  nn,
  optim,
  ParamState,
  random,
  tf,
  useBackend,
} from "../../mod.ts";
import { BACKENDS, FULL } from "../_backends.ts";

/** From inputs to logits `[batch, classes]`, and what to feed it. */
interface Task {
  readonly model: nn.Module;
  readonly x: tf.Tensor;
  readonly classes: number;
}

const BATCH = 8;

function convolutional(): Task {
  const model = nn.Sequential.build(
    [12, 12, 1],
    (size) => new nn.Conv2d(size, 24, 5),
    () => nn.relu,
    () => new nn.MaxPool2d(2),
    (size) => new nn.Conv2d(size, 32, 3),
    () => nn.relu,
    () => new nn.MaxPool2d(2),
    () => new nn.Flatten(),
    (size) => new nn.Linear(size, 128),
    () => nn.relu,
    (size) => new nn.Linear(size, 10),
  );
  return { model, x: random.normal([BATCH, 12, 12, 1]), classes: 10 };
}

function recurrent(): Task {
  const model = new nn.Sequential(
    new nn.Embedding(20, 12),
    new nn.RNN(new nn.LSTMCell(12, 16), { lastOnly: true }),
    new nn.Linear(16, 4),
  );
  return { model, x: random.randint([BATCH, 7], { max: 20 }), classes: 4 };
}

class Transformer extends nn.Module {
  readonly token = new nn.Embedding(20, 16);
  readonly blocks = [
    new nn.TransformerBlock(16, 2, { causal: true }),
    new nn.TransformerBlock(16, 2, { causal: true }),
  ];
  readonly out = new nn.Linear<tf.Tensor2D>(16, 4);
  override update(x: tf.Tensor): tf.Tensor2D {
    let h = this.token.call(x) as tf.Tensor3D;
    for (const block of this.blocks) h = block.call(h);
    return this.out.call(tf.mean(h, 1) as tf.Tensor2D);
  }
}

function attentive(): Task {
  return {
    model: new Transformer(),
    x: random.randint([BATCH, 7], { max: 20 }),
    classes: 4,
  };
}

/** The losses of training on one batch. */
async function train(make: () => Task, steps: number): Promise<number[]> {
  random.seed(3);
  const { model, x, classes } = make();
  const labels = random.randint([BATCH], { max: classes });
  const states = model.states(ParamState);
  // Smooth where the gradient is tiny: else rounding decides which way it goes.
  const optimizer = new optim.Adam({ lr: 2e-3, eps: 1e-3 })
    .registerTrainableWeights(states);
  const lossGrad = autodiff.grad(
    () =>
      nn.softmaxCrossEntropy(model.call(x as never) as tf.Tensor, labels, {
        reduction: "mean",
      }),
    { states, returnValue: true },
  );
  const losses: number[] = [];
  let tensors = 0;
  for (let i = 0; i < steps; i++) {
    const [grads, loss] = lossGrad();
    optimizer.step(grads);
    losses.push((await loss.data())[0]!);
    loss.dispose();
    if (i === 1) tensors = tf.memory().numTensors;
  }
  assertEquals(tf.memory().numTensors, tensors, "tensors after the last step");
  tf.dispose([x, labels]);
  optimizer.dispose();
  model.dispose();
  return losses;
}

const tasks = {
  "a convolutional network": convolutional,
  "an embedding and an LSTM": recurrent,
  "a transformer of two blocks": attentive,
};
for (const [name, make] of Object.entries(tasks)) {
  const steps = FULL ? 200 : 5;
  Deno.test({
    name: `${name} has the same losses for ${steps} steps on every backend`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const results: number[][] = [];
      for (const backend of BACKENDS) {
        await useBackend(backend, { threads: 1 });
        results.push(await train(make, steps));
      }
      const [first, ...others] = results as [number[], ...number[][]];
      assert(first.at(-1)! < first[0]!);
      for (const losses of others) {
        losses.forEach((loss, i) =>
          assertAlmostEquals(loss, first[i]!, 1e-3, `step ${i}`)
        );
      }
    },
  });
}
