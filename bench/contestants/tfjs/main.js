/**
 * Stock tfjs as a contestant, as its users load it: the umbrella package on the WASM
 * backend. `main.js FOLDER`
 *
 * @module
 */
import { serve } from "../serve.ts";
import { models } from "./models.js";
import { otherTask } from "./other.js";
import { batchesOf, readWorkload } from "../read.ts";

// Not known before it runs: type checking would load it.
const VERSION = "4.22.0";
const tf = await import(`npm:@tensorflow/tfjs@${VERSION}`);
await import(`npm:@tensorflow/tfjs-backend-wasm@${VERSION}`);
await tf.setBackend("wasm");

const [folder] = Deno.args;

/** `train WORKLOAD`, with `minimize` as in its guide. */
function trainingTask(workload) {
  const { x, y, ...stored } = readWorkload(folder, workload);
  const make = ({ data, shape, dtype }) => tf.tensor(data, shape, dtype);
  const xs = batchesOf(x).map(make), ys = batchesOf(y).map(make);
  const weights = Object.fromEntries(
    Object.entries(stored).map(([path, one]) => [path, tf.variable(make(one))]),
  );
  const beta2 = workload === "gpt" ? 0.99 : 0.999;
  const optimizer = tf.train.adam(1e-3, 0.9, beta2, 1e-8);
  const model = models(tf)[workload.replace(/\d+$/, "")];
  let taken = 0;
  const step = () => {
    const i = taken++ % xs.length;
    return optimizer.minimize(() => {
      const scores = model(weights, xs[i]);
      const labels = tf.oneHot(tf.reshape(ys[i], [-1]), scores.shape[1]);
      return tf.losses.softmaxCrossEntropy(labels, scores);
    }, true);
  };
  return {
    numbers() {
      return [0, 1, 2].map(() => {
        const loss = step(), [value] = loss.dataSync();
        loss.dispose();
        return value;
      });
    },
    run(count) {
      for (let i = 1; i < count; i++) step().dispose();
      const last = step();
      last.dataSync();
      last.dispose();
    },
  };
}

await serve(`tfjs ${tf.version_core}`, (name) => {
  const [kind, workload] = name.split(" ");
  return kind === "train" ? trainingTask(workload) : otherTask(tf, name);
});
Deno.exit();
