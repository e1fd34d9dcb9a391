/**
 * Writes the safetensors file that `safetensors_fixtures.py` checks with Python.
 *
 * Run from the root of the repository:
 * `deno run -A scripts/golden/safetensors_write.ts`
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { saveSafetensors } from "../../checkpoint.ts";
import { State } from "../../state.ts";

await useBackend("cpu");
const model = {
  "linear.weight": new State(tf.tensor2d([[1, 2, 3], [-0.1, 1e-30, 1e30]])),
  "linear.bias": new State(tf.tensor1d([Infinity, -0, NaN])),
  "conv.kernel": new State(tf.reshape(tf.range(0, 120), [2, 3, 4, 5])),
  "mask": new State(tf.tensor1d([true, false, true], "bool")),
  "steps": new State(tf.scalar(-123456789, "int32")),
  "none": new State(tf.zeros([0, 4])),
};
await saveSafetensors(
  "tests/golden/safetensors/from_braintape.safetensors",
  model,
  {
    rename: { "none": "empty.é", "conv.kernel": "conv.weight" },
    transpose: (path) =>
      path === "conv.kernel" ? [3, 2, 0, 1] : path === "linear.weight",
    metadata: { format: "pt", by: "braintape" },
  },
);
