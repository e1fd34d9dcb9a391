/** Which kernels have rules for `vmap`, and which have none. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { GRU_KERNELS } from "../../backend/ops/gru_gates.ts";
import { LSTM_KERNELS } from "../../backend/ops/lstm_gates.ts";
import { vmap } from "../../vmap/mod.ts";
import { rules } from "../../vmap/rules/mod.ts";
import { BACKENDS } from "../_backends.ts";

/** Kernels of ours: inside of vmap the operations that they are made of are run. */
const COMPOSED = [
  ...["Attention", "AttentionGrad", "BatchStandardize", "BatchStandardizeGrad"],
  ...["CrossEntropy", "CrossEntropyGrad", "Gelu", "GeluGrad", "GeluTanh"],
  ...["GeluTanhGrad", "LayerNorm", "LayerNormAffine", "LayerNormAffineGrad"],
  ...["LayerNormGrad", "LogSoftmax", "LogSoftmaxGrad", "NextOrOld"],
  ...[...LSTM_KERNELS, ...GRU_KERNELS].map(({ name }) => name),
  ...["ReluGrad", "RowsProduct", "SoftmaxGrad", "StillOpen"],
];

/** Kernels that read no tensor. */
const MAKERS = ["Fill", "LinSpace", "Range"];

/** Kernels that throw inside of vmap. */
const NONE = [
  ...["BroadcastArgs", "Draw", "FromPixels", "Multinomial"],
  ...["NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5"],
  ...["RaggedGather", "RaggedRange", "RaggedTensorToTensor"],
  ...["SparseFillEmptyRows", "SparseReshape", "StaticRegexReplace"],
  ...["StringNGrams", "StringSplit", "StringToHashBucketFast", "Unique"],
];

Deno.test("each kernel has a rule for vmap, or is listed as one that has none", async () => {
  const kernels = new Set<string>();
  for (const backend of BACKENDS) {
    await useBackend(backend);
    for (const { kernelName } of tf.getKernelsForBackend(backend)) {
      kernels.add(kernelName);
    }
  }
  const listed = new Set([...COMPOSED, ...MAKERS, ...NONE]);
  const missing = [...kernels].filter((name) =>
    !Object.hasOwn(rules(), name) && !listed.has(name)
  );
  assertEquals(missing, []);
  assertEquals([...listed].filter((name) => Object.hasOwn(rules(), name)), []);
  // A rule may be of a kernel that only a backend has that does not run here.
  const all = BACKENDS.length === 3;
  if (!all) return console.log("not compared: some backends do not run here");
  const known = [...Object.keys(rules()), ...listed];
  assertEquals(known.filter((name) => !kernels.has(name)), []);
});

Deno.test("a kernel without a rule throws an error with its name", async () => {
  await useBackend("cpu");
  const x = tf.tensor2d([[1, 2, 2], [3, 4, 4]]);
  const before = tf.memory().numTensors;
  assertThrows(
    () => vmap((x: tf.Tensor1D) => tf.unique(x).values)(x),
    Error,
    "Cannot run Unique inside of vmap: it has no rule for several examples: call it outside, or loop over the examples",
  );
  assertEquals(tf.memory().numTensors, before);
  assert(tf.unique(x).values.shape.length === 2);
});
