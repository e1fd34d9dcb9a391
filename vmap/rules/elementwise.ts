/**
 * Kernels that compute each element on its own, with broadcasting.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import {
  aligned,
  all,
  type Call,
  only,
  type Rule,
  type Rules,
  same,
} from "./call.ts";

const OF_ONE = [
  ...["Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cast"],
  ...["Ceil", "ClipByValue", "ComplexAbs", "Cos", "Cosh", "Elu", "Erf", "Exp"],
  ...["Expm1", "Floor", "Identity", "IsFinite", "IsInf", "IsNan"],
  ...["LeakyRelu", "Log", "Log1p", "LogicalNot", "Neg", "OnesLike"],
  ...["Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Selu", "Sigmoid"],
  ...["Sign", "Sin", "Sinh", "Softplus", "Sqrt", "Square", "Step", "Tan"],
  ...["Tanh", "ZerosLike", "OneHot"],
];

const BROADCAST = [
  ...["Add", "Atan2", "BitwiseAnd", "Equal", "FloorDiv", "Greater"],
  ...["GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr"],
  ...["LogicalXor", "Maximum", "Minimum", "Mod", "Multiply", "NotEqual"],
  ...["Pow", "Prelu", "RealDiv", "SquaredDifference", "Sub"],
];

/** All inputs of one shape. */
const ALIKE = ["AddN", "Complex", "EluGrad"];

const broadcast: Rule = (call) =>
  runKernel(call.name, aligned(call), call.attrs);

/** A part of complex numbers, which on WebGPU may have the shape from before a reshape. */
const part: Rule = (call) => {
  const { x, shape } = only(call);
  const y = runKernel(call.name, { input: x });
  return tf.reshape(y, [call.size, ...shape]);
};

/** A condition of rank 1 chooses among rows. */
function select(call: Call): tf.Tensor {
  const { condition, t } = call.inputs;
  const extra = t!.shape.length - condition!.shape.length;
  let test = all(call, "condition");
  if (extra > 0) {
    const rows = tf.reshape(test, [...test.shape, ...Array(extra).fill(1)]);
    test = tf.broadcastTo(rows, [call.size, ...t!.shape] as [number]);
  }
  const values = { t: all(call, "t"), e: all(call, "e") };
  return runKernel(tf.Select, { condition: test, ...values });
}

/** The rules. */
export const elementwise: Rules = {
  ...Object.fromEntries(OF_ONE.map((name) => [name, same()])),
  ...Object.fromEntries(BROADCAST.map((name) => [name, broadcast])),
  ...Object.fromEntries(ALIKE.map((name) => [name, same()])),
  Imag: part,
  Real: part,
  Select: select,
};
