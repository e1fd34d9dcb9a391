/** One AdamW step on WebAssembly, one thread, against tfjs' Adam in the same run. */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../backend/mod.ts";
import { withoutFusion } from "../backend/fusion/mod.ts";
import { AdamW } from "../optim/mod.ts";
import { ParamState } from "../state.ts";

await useBackend("wasm", { threads: 1 });

for (const [count, size] of [[1, 1_000_000], [100, 10_000], [100, 100]]) {
  const group = `${count} tensors of ${size} elements`;
  const paths = Array.from({ length: count! }, (_, i) => `w${i}`);
  const tensors = paths.map((w) => [w, tf.fill([size!], 0.5)] as const);
  const grads = Object.fromEntries(tensors);

  const stepper = () => {
    const states = paths.map((w) => [w, new ParamState(tf.ones([size!]))]);
    const optimizer = new AdamW({ lr: 1e-3 })
      .registerTrainableWeights(Object.fromEntries(states));
    return () => optimizer.step(grads, { keep: true });
  };

  Deno.bench("AdamW", { group }, stepper());

  const composed = stepper();
  Deno.bench("AdamW, one op at a time", { group }, async () => {
    await withoutFusion(composed);
  });

  const variables = paths.map(() => tf.variable(tf.ones([size!])));
  const theirs = tf.train.adam(1e-3);
  const named = variables.map(({ name }, i) => (
    { name, tensor: tensors[i]![1] }
  ));
  Deno.bench("tf.train.adam", { group, baseline: true }, () => {
    theirs.applyGradients(named);
  });
}
