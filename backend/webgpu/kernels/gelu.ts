/**
 * GELU, exact and approximated by tanh, and its gradient: kernels that tfjs lacks,
 * run by `backend/ops/gelu.ts`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { addKernel } from "../../kernel.ts";
import { MATH } from "../math.ts";
import { elementProgram, runProgram } from "../program.ts";

/** The factors of the approximation by tanh. */
const ROOT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** For each, a function `gate` with which it is `x gate(x)`, and its derivative. */
const GELUS = {
  Gelu: {
    gate: "gelu_gate",
    slope: "gelu_slope",
    functions: `fn gelu_gate(x : f32) -> f32 {
  return 0.5 * (1.0 + erf_(x * ${Math.SQRT1_2}));
}
fn gelu_slope(x : f32) -> f32 {
  return gelu_gate(x) + x * ${1 / Math.sqrt(2 * Math.PI)} * exp_(-0.5 * x * x);
}`,
  },
  GeluTanh: {
    gate: "gelu_tanh_gate",
    slope: "gelu_tanh_slope",
    functions: `fn gelu_tanh(x : f32) -> f32 {
  return tanh_(x * (${ROOT} + ${ROOT * CUBIC} * x * x));
}
fn gelu_tanh_gate(x : f32) -> f32 { return 0.5 * (1.0 + gelu_tanh(x)); }
fn gelu_tanh_slope(x : f32) -> f32 {
  let t = gelu_tanh(x);
  let factor = ${ROOT} + ${3 * ROOT * CUBIC} * x * x;
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * factor;
}`,
  },
} as const;

/** Register `Gelu`, `GeluTanh` and their gradients. */
export function registerGelu(): void {
  for (const [name, { gate, slope, functions }] of Object.entries(GELUS)) {
    const all = [MATH, functions];
    const forward = elementProgram(name, ["A"], `a * ${gate}(a)`, all);
    const backward = elementProgram(
      `${name}_grad`,
      ["A", "B"],
      `b * ${slope}(a)`,
      all,
    );
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
