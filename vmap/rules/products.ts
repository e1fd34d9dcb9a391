/**
 * Products of matrices, and Fourier transforms.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { repeated } from "../../internal/batching.ts";
import {
  aligned,
  all,
  type Call,
  inputsOf,
  only,
  type Rule,
  type Rules,
} from "./call.ts";

type Activations = Readonly<Record<string, (y: tf.Tensor) => tf.Tensor>>;

/** `op(a) op(b)`: the axis of examples is one more of the batch. */
function product(call: Call): tf.Tensor {
  const { a, b } = aligned({
    ...call,
    inputs: { a: call.inputs["a"]!, b: call.inputs["b"]! },
  });
  const { transposeA, transposeB } = call.attrs as {
    transposeA?: boolean;
    transposeB?: boolean;
  };
  return tf.matMul(a!, b!, transposeA, transposeB);
}

/** What comes after a fused product: `[examples, ..., channels]`. */
export function finished(call: Call, y: tf.Tensor): tf.Tensor {
  const { bias, preluActivationWeights: slope } = call.inputs;
  const to = (name: string) => {
    const { shape } = call.inputs[name]!;
    const ones = Array(y.rank - 1 - shape.length).fill(1);
    return tf.reshape(all(call, name), [call.size, ...ones, ...shape]);
  };
  const sum = bias ? tf.add(y, to("bias")) : y;
  const activation = (call.attrs["activation"] ?? "linear") as string;
  const apply: Activations = {
    linear: (y) => y,
    relu: tf.relu,
    relu6: tf.relu6,
    elu: tf.elu,
    sigmoid: tf.sigmoid,
    leakyrelu: (y) =>
      tf.leakyRelu(y, call.attrs["leakyreluAlpha"] as number | undefined),
    prelu: (y) => slope ? tf.prelu(y, to("preluActivationWeights")) : y,
  };
  return apply[activation]!(sum);
}

/**
 * Terms with examples, and the result, get a label more. A kernel of all examples must
 * not be given more labels than it knows.
 */
function einsum(call: Call): tf.Tensor {
  const { equation } = call.attrs as { equation: string };
  const [terms, result] = equation.replace(/\s/g, "").split("->") as [
    string,
    string,
  ];
  const free = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const label = [...free].find((letter) => !equation.includes(letter))!;
  const values = Object.values(call.inputs);
  const labeled = terms.split(",").map((term, i) =>
    values[i]!.isBatched ? label + term : term
  );
  const inputs = inputsOf(call, (name) => call.inputs[name]!.x);
  return runKernel(tf.Einsum, inputs, {
    equation: `${labeled.join(",")}->${label}${result}`,
  });
}

/** Rows `[rows, n]` of all examples are rows. */
const rows: Rule = (call) => {
  const { x } = only(call);
  const [examples, count, n] = x.shape as [number, number, number];
  const input = tf.reshape(x, [examples * count, n]);
  return tf.reshape(runKernel(call.name, { input }), [examples, count, n]);
};

/** The rules. */
export const products = (): Rules => ({
  BatchMatMul: product,
  _FusedMatMul: (call) => {
    const { a, b } = call.inputs;
    const y = product(call);
    const isBatched = a!.isBatched || b!.isBatched;
    return finished(call, isBatched ? y : repeated(y, call.size));
  },
  Einsum: einsum,
  FFT: rows,
  IFFT: rows,
});
