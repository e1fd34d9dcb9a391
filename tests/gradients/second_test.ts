import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { customGradient } from "../../autodiff/mod.ts";
import type { BackendName } from "../../backend/mod.ts";
import { FULL, numbers, onEachBackend } from "../_backends.ts";
import { CASES } from "./_cases.ts";
import { differenceError, differentiated, drawn, outcome } from "./_check.ts";
import { layers } from "./_layers.ts";

registerGradients();

/** Activations and layers by the shape that they are tried with. */
const NAMED = [
  "clipByValue [3,5]",
  "elu [3,5]",
  "erf [3,5]",
  "leakyRelu [3,5]",
  "logSigmoid [3,5]",
  "prelu [2,3] [3]",
  "relu [3,5]",
  "relu6 [3,5]",
  "selu [3,5]",
  "sigmoid [3,5]",
  "softplus [3,5]",
  "tanh [3,5]",
  "softmax [3,5]",
  "logSoftmax [3,5]",
  "maximum [2,3] [2,1]",
  "max over 1 [3,4]",
  "prod over 1 [3,4]",
  "cumprod along 0 [3,4]",
  "lessEqual [2,3] [2,1]",
  "einsum bij,jk->bik [2,2,3] [3,2]",
  "matMul [2,3,2] [2,4]",
  "maxPool 2 stride 2 valid [1,4,5,1]",
  "avgPool 3 stride 1 same [1,5,6,1]",
  "conv2d 3x3 stride 1 dilation 1 same [1,5,6,1] [3,3,1,1]",
  "conv2d 3x3 stride 1 dilation 2 same [1,7,8,1] [3,3,1,1]",
  "depthwiseConv2d 3x3 stride 2 dilation 1 same [1,5,6,1] [3,3,1,1]",
  "gather [4] along 0 [5,3]",
];

/** Shaders are slow to compile: WebGPU does these. */
const ON_WEBGPU = /^(elu|sigmoid|softmax|maximum|maxPool|conv2d.*1 same)/;

const picked = [
  ...NAMED.map((name) => {
    const row = CASES.find((row) => row.name === name);
    assert(row, `no case ${name}`);
    return row;
  }),
  ...layers,
];

async function conforms(backend: BackendName): Promise<void> {
  const rows = FULL && backend !== "webgpu" ? CASES : picked;
  const failures: string[] = [];
  let passed = 0;
  for (const row of rows) {
    if (backend === "webgpu" && !ON_WEBGPU.test(row.name)) continue;
    const second = drawn(differentiated(row));
    const { grads } = await outcome(second);
    const error = await differenceError(second, grads);
    if (error < 4e-3) passed++;
    else failures.push(`${row.name}: ${error}`);
  }
  console.log(`${backend}: ${passed} second derivatives passed`);
  assertEquals(failures, []);
}

onEachBackend(
  "second derivatives of activations, losses and layers are right",
  conforms,
);

onEachBackend(
  "a custom gradient that saves its value can be differentiated twice",
  async () => {
    const exp = customGradient((x: tf.Tensor) => {
      const value = tf.exp(x);
      return { value, saved: [value], gradient: (dy, [y]) => tf.mul(dy, y!) };
    });
    const first = tf.grad((x) => tf.sum(tf.square(exp(x))));
    const second = tf.grad((x) => tf.sum(first(x)));
    const [value] = await numbers(second(tf.tensor1d([0.5])));
    assertAlmostEquals(value!, 4 * Math.E, 1e-4); // of e^2x
  },
);

onEachBackend("third derivatives are right", async () => {
  const times = (n: number, f: (x: tf.Tensor) => tf.Tensor) => {
    let g = f;
    for (let i = 0; i < n; i++) {
      const inner = g;
      g = tf.grad((x) => tf.sum(inner(x)));
    }
    return g;
  };
  const x = tf.tensor1d([0.5]);
  const y = Math.tanh(0.5);
  const s = 1 - y * y;
  const [tanh] = await numbers(times(3, tf.tanh)(x));
  assertAlmostEquals(tanh!, s * (6 * y * y - 2), 1e-4);
  const [exp] = await numbers(times(3, (x) => tf.exp(tf.mul(x, 2)))(x));
  assertAlmostEquals(exp!, 8 * Math.E, 1e-4);
  const [cube] = await numbers(times(3, (x) => tf.mul(x, tf.square(x)))(x));
  assertAlmostEquals(cube!, 6, 1e-5);
});
