/**
 * A process that saves checkpoints until it is killed or fails: the whole state
 * has the number of the step in every element, so that a torn one shows.
 *
 * Arguments: the folder, the number of elements, and how often to save.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from "../../checkpoint.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";

const [folder, size, times] = Deno.args;
await useBackend("cpu");
const model = Object.fromEntries(
  [1, 2, 3].map((n) => [
    `w${n}`,
    scope(() => new ParamState(tf.zeros([Number(size)]))),
  ]),
);
let step = 0;
const latest = await latestCheckpoint(folder!);
if (latest) {
  const { data } = await loadCheckpoint(latest, { model, step });
  step = data.step;
}
for (let i = 0; i < Number(times); i++) {
  step++;
  for (const state of Object.values(model)) {
    scope(() => {
      state.value = tf.fill(state.shape, step);
    });
  }
  await saveCheckpoint(`${folder}/step-${step}.ckpt`, { model, step }, {
    keepLast: 2,
  });
  if (i === 0) console.log("saving");
}
