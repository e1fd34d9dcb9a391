import * as tf from "@tensorflow/tfjs-core";
import type { CrossEntropyAttrs } from "../cross_entropy.ts";
import { addKernel, type KernelFunc } from "../kernel.ts";
import { MATH } from "./math.ts";
import { type Program, runProgram } from "./program.ts";

const UNIFORMS = [
  ["classes", "i32"],
  ["smoothing", "f32"],
  ["ignored", "i32"],
  ["ignores", "i32"],
] as const;

/** The target of a row: its label's share, and that of every class. */
const TARGET = `
fn own_(label : i32) -> f32 {
  if (label < 0 || label >= uniforms.classes) { return uniforms.NAN; }
  return (1.0 - uniforms.smoothing) * W[label];
}
fn even_() -> f32 { return uniforms.smoothing / f32(uniforms.classes); }
fn is_ignored(label : i32) -> bool {
  return uniforms.ignores == 1 && label == uniforms.ignored;
}
fn term_(weight : f32, value : f32) -> f32 {
  return select(weight * value, 0.0, weight == 0.0);
}`;

const LOSSES: Program = {
  name: "cross_entropy",
  inputs: ["X", "L", "S", "W"],
  uniforms: UNIFORMS,
  functions: TARGET,
  code: `let label = L[index];
    if (is_ignored(label)) { result[index] = 0.0; return; }
    let lse = S[index];
    let at = index * uniforms.classes;
    let own = own_(label);
    if (isnan(own)) { result[index] = own; return; }
    var loss = term_(own, lse - X[at + label]);
    let even = even_();
    if (even > 0.0) {
      var rest = 0.0;
      for (var c = 0; c < uniforms.classes; c++) {
        rest += term_(W[c], lse - X[at + c]);
      }
      loss += even * rest;
    }
    result[index] = loss;`,
};

const GRADIENT: Program = {
  name: "cross_entropy_grad",
  inputs: ["X", "L", "S", "D", "W", "T"],
  uniforms: UNIFORMS,
  functions: MATH + TARGET,
  code: `let row = index / uniforms.classes;
    let c = index - row * uniforms.classes;
    let label = L[row];
    if (is_ignored(label)) { result[index] = 0.0; return; }
    let own = own_(label);
    let even = even_();
    let total = own + even * T[0];
    let share = even * W[c] + select(0.0, own, c == label);
    result[index] = D[row] * (total * exp_(X[index] - S[row]) - share);`,
};

/** Register the cross-entropy of class labels and its gradient. */
export function registerCrossEntropy(): void {
  addKernel("webgpu", "CrossEntropy", forward);
  addKernel("webgpu", "CrossEntropyGrad", backward);
}

/** What both shaders read, besides the logits. */
function read(args: Parameters<KernelFunc>[0]) {
  const { smoothing, ignoreIndex } = args
    .attrs as unknown as CrossEntropyAttrs;
  const inputs = args.inputs as Record<string, tf.Tensor>;
  const logits = inputs["logits"] as tf.Tensor2D;
  const [rows, classes] = logits.shape;
  const weights = inputs["weights"] ?? tf.ones([classes]);
  const uniforms = [
    classes,
    smoothing,
    ignoreIndex ?? 0,
    ignoreIndex === null ? 0 : 1,
  ];
  return { inputs, logits, rows, weights, uniforms };
}

function forward(args: Parameters<KernelFunc>[0]): tf.TensorInfo[] {
  return tf.tidy(() => {
    const { inputs, logits, rows, weights, uniforms } = read(args);
    const most = tf.max(logits, 1, true);
    // Freed at once, so that there are never more than two beside the logits.
    const shifted = tf.sub(logits, most), powers = tf.exp(shifted);
    shifted.dispose();
    const sum = tf.sum(powers, 1);
    powers.dispose();
    const lse = tf.add(tf.reshape(most, [rows]), tf.log(sum));
    const losses = runProgram(
      LOSSES,
      [logits, inputs["labels"]!, lse, weights],
      [rows],
      "float32",
      uniforms,
    );
    return [tf.engine().makeTensorFromTensorInfo(losses), lse];
  });
}

function backward(args: Parameters<KernelFunc>[0]): tf.TensorInfo {
  return tf.tidy(() => {
    const { inputs, logits, weights, uniforms } = read(args);
    const total = tf.reshape(tf.sum(weights), [1]);
    const { labels, lse, dy } = inputs;
    const dx = runProgram(
      GRADIENT,
      [logits, labels!, lse!, dy!, weights, total],
      logits.shape,
      "float32",
      uniforms,
    );
    return tf.engine().makeTensorFromTensorInfo(dx);
  });
}
