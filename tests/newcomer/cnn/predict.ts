/** The best model of the run reads other pictures, in another program. */
import {
  bestCheckpoint,
  loadCheckpoint,
  tf,
  useBackend,
} from "@braintape/braintape";
import { digits } from "./digits.ts";
import { makeModel } from "./model.ts";

await useBackend();
const path = await bestCheckpoint("run");
if (path === null) throw new Error("Train first");
const model = makeModel();
await loadCheckpoint(path, { model });

for (const seed of [2, 3]) {
  const { pixels, labels } = digits(200, seed);
  const x = tf.div(tf.tensor4d(pixels, [200, 12, 12, 1]), 255);
  const classes = await tf.argMax(model.predict(x), 1).data();
  const right = labels.filter((label, i) => label === classes[i]).length;
  console.log(`accuracy ${right / 200}`);
}
