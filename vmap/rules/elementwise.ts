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
  type Rule,
  type Rules,
  same,
} from "./call.ts";

const OF_ONE = [
  ...["Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cast"],
  ...["Ceil", "ClipByValue", "ComplexAbs", "Cos", "Cosh", "Elu", "Erf", "Exp"],
  ...["Expm1", "Floor", "Identity", "Imag", "IsFinite", "IsInf", "IsNan"],
  ...["LeakyRelu", "Log", "Log1p", "LogicalNot", "Neg", "OnesLike", "Real"],
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
export const elementwise = (): Rules => ({
  ...Object.fromEntries(OF_ONE.map((name) => [name, same()])),
  ...Object.fromEntries(BROADCAST.map((name) => [name, broadcast])),
  ...Object.fromEntries(ALIKE.map((name) => [name, same()])),
  Select: select,
});
