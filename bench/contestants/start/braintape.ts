/** The first step of training in a process: `braintape.ts THREADS`. */
import { nn, optim, ParamState, tf, train, useBackend } from "../../../mod.ts";

await useBackend("wasm", { threads: Number(Deno.args[0]) });
const model = new nn.Sequential(
  new nn.Linear(784, 256),
  nn.relu,
  new nn.Linear(256, 10),
);
const optimizer = new optim.AdamW({ lr: 1e-3 })
  .registerTrainableWeights(model.states(ParamState));
const step = train.step(
  (x: tf.Tensor2D, y: tf.Tensor1D) =>
    nn.softmaxCrossEntropy(model.call(x), y, { reduction: "mean" }),
  optimizer,
);
const x = tf.ones<tf.Rank.R2>([32, 784]);
const loss = step(x, tf.zeros<tf.Rank.R1>([32], "int32"));
await loss.data();
