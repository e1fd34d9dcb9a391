/**
 * Kernels of WASM with types that they may not be made for: they give what the cpu
 * backend gives or throw, and never touch memory around a tensor.
 */
import { assert, assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { useBackend } from "../../backend/mod.ts";
import { guarded, useWasm } from "./_wasm.ts";

const VALUES = [1, 0, 2, 3, 1, 1, 0, 2, 1, 0, 1, 3, 2, 1, 0, 1];

/** Ops of an image `[1, 2, 2, 4]`. */
const OPS: Record<string, (x: tf.Tensor4D) => tf.Tensor> = {
  abs: tf.abs,
  acos: tf.acos,
  acosh: tf.acosh,
  all: (x) => tf.all(tf.cast(x, "bool")),
  argMax: (x) => tf.argMax(x, 1),
  argMin: (x) => tf.argMin(x, 3),
  asin: tf.asin,
  asinh: tf.asinh,
  atan: tf.atan,
  atan2: (x) => tf.atan2(x, x),
  atanh: tf.atanh,
  avgPool: (x) => tf.avgPool(x, 2, 1, "same"),
  batchNorm: (x) => tf.batchNorm(x, [0, 0, 0, 0], [1, 1, 1, 1]),
  ceil: tf.ceil,
  clipByValue: (x) => tf.clipByValue(x, 0, 1),
  cos: tf.cos,
  cropAndResize: (x) =>
    tf.image.cropAndResize(
      x,
      tf.tensor2d([[0, 0, 1, 1]]),
      tf.tensor1d([0], "int32"),
      [2, 2],
    ),
  cumprod: (x) => tf.cumprod(x, 1),
  cumsum: (x) => tf.cumsum(x, 1),
  depthToSpace: (x) => tf.depthToSpace(x, 2, "NHWC"),
  diag: (x) => tf.diag(tf.reshape(x, [-1])),
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expm1: tf.expm1,
  flipLeftRight: (x) => tf.image.flipLeftRight(x),
  floor: tf.floor,
  isNaN: tf.isNaN,
  leakyRelu: (x) => tf.leakyRelu(x),
  log: tf.log,
  log1p: tf.log1p,
  max: (x) => tf.max(x, 1),
  mean: (x) => tf.mean(x, 1),
  mirrorPad: (x) =>
    tf.mirrorPad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "reflect"),
  neg: tf.neg,
  onesLike: tf.onesLike,
  prod: (x) => tf.prod(x, 3),
  reciprocal: tf.reciprocal,
  relu: tf.relu,
  resizeBilinear: (x) => tf.image.resizeBilinear(x, [3, 3]),
  rotate: (x) => tf.image.rotateWithOffset(x, 0.5),
  round: tf.round,
  rsqrt: tf.rsqrt,
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  sin: tf.sin,
  sinh: tf.sinh,
  softmax: (x) => tf.softmax(x),
  softplus: tf.softplus,
  spaceToBatchND: (x) => tf.spaceToBatchND(x, [2, 2], [[0, 0], [0, 0]]),
  sqrt: tf.sqrt,
  square: tf.square,
  step: (x) => tf.step(x),
  sum: (x) => tf.sum(x, 2),
  tan: tf.tan,
  tanh: tf.tanh,
  tile: (x) => tf.tile(x, [2, 1, 1, 2]),
  topk: (x) => tf.topk(x, 2).values,
  transpose: (x) => tf.transpose(x),
  unique: (x) => tf.unique(tf.reshape(x, [-1])).values,
};

/** What an op gave, or why it threw. */
interface Outcome {
  dtype?: tf.DataType;
  shape?: number[];
  values?: number[];
  error?: Error;
}

function outcome(
  run: (x: tf.Tensor4D) => tf.Tensor,
  dtype: "float32" | "int32" | "bool",
): Outcome {
  const values = dtype === "bool" ? VALUES.map((v) => +(v > 0)) : VALUES;
  let found: Outcome = {};
  tf.tidy(() => {
    try {
      const y = run(tf.tensor4d(values, [1, 2, 2, 4], dtype));
      found = { dtype: y.dtype, shape: y.shape, values: [...y.dataSync()] };
    } catch (error) {
      found = { error: error as Error };
    }
  });
  return found;
}

for (const dtype of ["float32", "int32", "bool"] as const) {
  Deno.test(`functions of ${dtype} give what the cpu backend gives, or throw`, async () => {
    await useWasm();
    const ours = Object.entries(OPS).map(([name, run]) => {
      let found: Outcome = {};
      guarded(() => found = outcome(run, dtype));
      return [name, found] as const;
    });
    await useBackend("cpu");
    for (const [name, got] of ours) {
      if (got.error) {
        assert(dtype !== "float32", `${name}: ${got.error.message}`);
        continue;
      }
      const want = outcome(OPS[name]!, dtype);
      assertEquals([got.dtype, got.shape], [want.dtype, want.shape], name);
      got.values!.forEach((v, i) => {
        const w = want.values![i]!;
        const isSame = Object.is(v, w) || v === w ||
          Math.abs(v - w) < 1e-5 * Math.max(1, Math.abs(w));
        assert(isSame, `${name}: ${got.values} instead of ${want.values}`);
      });
    }
  });
}
