/**
 * Trains until a signal comes, and says how it ended.
 *
 * Arguments: the folder of the checkpoints.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import * as train from "../../train/mod.ts";
import { line } from "./_setup.ts";

await useBackend("cpu");
const { step, reason } = await train.fit({
  ...line(),
  steps: 1e9,
  checkpoint: { folder: Deno.args[0]!, every: 1e8 },
  callbacks: [{
    onStep: (run) => run.step === 3 ? console.log("ready") : undefined,
  }],
});
console.log(step, reason, tf.getBackend());
