/**
 * Functions of one and of two elements that are wrong in tfjs' shaders: near 0, at
 * infinity, or of NaN.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { addKernel, type KernelFunc, replaceKernel } from "../kernel.ts";
import { MATH } from "./math.ts";
import { elementProgram, runProgram } from "./program.ts";

/** Expressions in `a`, of float32. */
const UNARY: Readonly<Record<string, string>> = {
  [tf.Acos]: "acos_(a)",
  [tf.Acosh]: "acosh_(a)",
  [tf.Asin]: "asin_(a)",
  [tf.Asinh]: "asinh_(a)",
  [tf.Atan]: "atan_(a)",
  [tf.Atanh]: "atanh_(a)",
  [tf.Elu]: "select(a, expm1_(a), a < 0.0)",
  [tf.Erf]: "erf_(a)",
  [tf.Expm1]: "expm1_(a)",
  [tf.Log]: "log_(a)",
  [tf.Log1p]: "log1p_(a)",
  [tf.Relu6]: "min_(max_(a, 0.0), 6.0)",
  [tf.Selu]:
    "1.0507009873554805 * select(a, 1.6732632423543772 * expm1_(a), a < 0.0)",
  [tf.Sign]: "sign_(a)",
  [tf.Sinh]: "sinh_(a)",
  [tf.Softplus]: "softplus_(a)",
  [tf.Tanh]: "tanh_(a)",
};

/** Expressions in `a` and `b`, of float32. */
const BINARY: Readonly<Record<string, string>> = {
  [tf.Atan2]: "atan2_(a, b)",
  [tf.Maximum]: "max_(a, b)",
  [tf.Minimum]: "min_(a, b)",
  [tf.Pow]: "pow_(a, b)",
};

/** Put these functions in place of tfjs'. */
export function registerElementwise(): void {
  for (const [name, code] of Object.entries(UNARY)) {
    replaceKernel("webgpu", name, (shipped) => unary(shipped, name, code));
  }
  for (const [name, code] of Object.entries(BINARY)) {
    replaceKernel("webgpu", name, (shipped) => binary(shipped, name, code));
  }
  addKernel("webgpu", "ReluGrad", ({ inputs }) => {
    const { dy, y } = inputs as Record<string, tf.TensorInfo>;
    return runProgram(RELU_GRAD, [dy!, y!], y!.shape, "float32");
  });
}

/** `dy step(y)` of dy and y. */
const RELU_GRAD = elementProgram(
  "ReluGrad",
  ["A", "B"],
  "a * select(select(0.0, 1.0, b > 0.0), b, isnan(b))",
);

function unary(shipped: KernelFunc, name: string, code: string): KernelFunc {
  const program = elementProgram(name, ["A"], code, [MATH]);
  return (args) => {
    const x = args.inputs["x"] as tf.TensorInfo;
    if (x.dtype !== "float32" || x.shape.includes(0)) return shipped(args);
    return runProgram(program, [x], x.shape, "float32");
  };
}

function binary(shipped: KernelFunc, name: string, code: string): KernelFunc {
  const program = elementProgram(name, ["A", "B"], code, [MATH]);
  return (args) => {
    const { a, b } = args.inputs as Record<string, tf.TensorInfo>;
    const shape = tf.backend_util.assertAndGetBroadcastShape(
      a!.shape,
      b!.shape,
    );
    const isFloat = a!.dtype === "float32" && b!.dtype === "float32";
    if (!isFloat || shape.includes(0)) return shipped(args);
    return runProgram(program, [a!, b!], shape, "float32");
  };
}
