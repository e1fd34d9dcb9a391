/**
 * GELU, exact and approximated by tanh, and its gradient: kernels that tfjs lacks,
 * run by `backend/ops/gelu.ts`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel } from "../../kernel.ts";
import { MATH } from "../math.ts";
import { type Program, runProgram } from "../program.ts";

/** The factors of the approximation by tanh. */
const ROOT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** GELU is `x gate(x)`; `slope` is its derivative. */
const GELUS = {
  Gelu: `fn gate(x : f32) -> f32 {
  return 0.5 * (1.0 + erf_(x * ${Math.SQRT1_2}));
}
fn slope(x : f32) -> f32 {
  return gate(x) + x * ${1 / Math.sqrt(2 * Math.PI)} * exp_(-0.5 * x * x);
}`,
  GeluTanh: `fn inner(x : f32) -> f32 {
  return tanh_(x * (${ROOT} + ${ROOT * CUBIC} * x * x));
}
fn gate(x : f32) -> f32 { return 0.5 * (1.0 + inner(x)); }
fn slope(x : f32) -> f32 {
  let t = inner(x);
  let factor = ${ROOT} + ${3 * ROOT * CUBIC} * x * x;
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * factor;
}`,
} as const;

/** Register `Gelu`, `GeluTanh` and their gradients. */
export function registerGelu(): void {
  for (const [name, gelu] of Object.entries(GELUS)) {
    const functions = MATH + gelu;
    const forward: Program = {
      name: `${name}`,
      inputs: ["X"],
      functions,
      code: "result[index] = X[index] * gate(X[index]);",
    };
    const backward: Program = {
      name: `${name}_grad`,
      inputs: ["X", "D"],
      functions,
      code: "result[index] = D[index] * slope(X[index]);",
    };
    addKernel("webgpu", name, ({ inputs }) => {
      const x = inputs["x"] as tf.TensorInfo;
      return runProgram(forward, [x], x.shape, "float32");
    });
    addKernel("webgpu", `${name}Grad`, ({ inputs }) => {
      const { x, dy } = inputs as Record<string, tf.TensorInfo>;
      return runProgram(backward, [x!, dy!], x!.shape, "float32");
    });
  }
}
