/**
 * The cross-entropy of class labels and its gradient, which keep one number of each
 * row; the formulas are in `backend/cross_entropy.ts`.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { CrossEntropyAttrs } from "../../cross_entropy.ts";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { eachColumn, type RowProgram, runRows } from "./rows.ts";
import { output } from "./run.ts";

const UNIFORMS = { smoothing: "f32", ignored: "i32", ignores: "u32" } as const;

/** The target of a row: its label's share, and that of every class. */
function targets(hasWeights: boolean): string {
  const weight = (c: string) => hasWeights ? `W[${c}]` : "1.0";
  return `
fn weight(c : u32) -> f32 { return ${weight("c")}; }
fn own_(label : i32) -> f32 {
  if (label < 0 || label >= i32(uniforms.columns)) { return uniforms.NAN; }
  return (1.0 - uniforms.smoothing) * weight(u32(label));
}
fn even_() -> f32 { return uniforms.smoothing / f32(uniforms.columns); }
fn is_ignored(label : i32) -> bool {
  return uniforms.ignores == 1u && label == uniforms.ignored;
}
fn term_(weight : f32, value : f32) -> f32 {
  return select(weight * value, 0.0, weight == 0.0);
}`;
}

function losses(hasWeights: boolean): RowProgram {
  return {
    name: hasWeights ? "cross_entropy_weighted" : "cross_entropy",
    outputs: { L: "f32", S: "f32" },
    inputs: { X: "f32", T: "i32", ...hasWeights ? { W: "f32" } : {} },
    uniforms: UNIFORMS,
    functions: targets(hasWeights),
    code: `var top = -uniforms.INFINITY;
  ${eachColumn("top = max(top, X[at]);")}
  let most = rowMost(top);
  var sum = 0.0;
  ${eachColumn("sum += exp_(X[at] - most);")}
  let lse = most + log_(rowSum(sum));
  let even = even_();
  var rest = 0.0;
  if (even > 0.0) {
    ${eachColumn("rest += term_(weight(column), lse - X[at]);")}
  }
  rest = rowSum(rest);
  let label = T[row];
  if (isFirst && is_ignored(label)) {
    L[row] = 0.0;
    S[row] = 0.0;
  } else if (isFirst) {
    let own = own_(label);
    S[row] = lse;
    if (isnan(own)) { L[row] = own; } else {
      L[row] = term_(own, lse - X[start + u32(label)]) + term_(even, rest);
    }
  }`,
  };
}

function gradient(hasWeights: boolean): RowProgram {
  return {
    name: hasWeights ? "cross_entropy_grad_weighted" : "cross_entropy_grad",
    outputs: { DX: "f32" },
    inputs: {
      ...{ X: "f32", T: "i32", S: "f32", DY: "f32" },
      ...hasWeights ? { W: "f32" } : {},
    },
    uniforms: UNIFORMS,
    functions: targets(hasWeights),
    code: `var sum = 0.0;
  ${eachColumn("sum += weight(column);")}
  let weights = rowSum(sum);
  let label = T[row];
  if (is_ignored(label)) {
    ${eachColumn("DX[at] = 0.0;")}
    return;
  }
  let own = own_(label);
  let even = even_();
  let total = own + even * weights;
  ${
      eachColumn(`let isOwn = i32(column) == label;
    let share = even * weight(column) + select(0.0, own, isOwn);
    DX[at] = DY[row] * (total * exp_(X[at] - S[row]) - share);`)
    }`,
  };
}

/** Without weights of classes, and with them. */
const LOSSES = [losses(false), losses(true)];
const GRADIENTS = [gradient(false), gradient(true)];

/** Register the cross-entropy of class labels and its gradient. */
export function registerCrossEntropy(): void {
  addKernel("webgpu", "CrossEntropy", forward);
  addKernel("webgpu", "CrossEntropyGrad", backward);
}

/** What both programs read besides the logits. */
function read(args: Parameters<KernelFunc>[0]) {
  const { smoothing, ignoreIndex } = args
    .attrs as unknown as CrossEntropyAttrs;
  const inputs = args.inputs as Record<string, tf.TensorInfo>;
  const logits = inputs["logits"]!, { weights } = inputs;
  const numbers = [smoothing, ignoreIndex ?? 0, ignoreIndex === null ? 0 : 1];
  return { inputs, logits, weights: weights ? [weights] : [], numbers };
}

function forward(args: Parameters<KernelFunc>[0]): tf.TensorInfo[] {
  const { inputs, logits, weights, numbers } = read(args);
  const rows = logits.shape[0]!, { labels } = inputs;
  const outputs = [output([rows]), output([rows])];
  if (rows > 0) {
    const program = LOSSES[weights.length]!;
    const given = [logits, labels!, ...weights];
    runRows(program, logits.shape, outputs, given, numbers);
  }
  return outputs;
}

function backward(args: Parameters<KernelFunc>[0]): tf.TensorInfo {
  const { inputs, logits, weights, numbers } = read(args);
  const { labels, lse, dy } = inputs, dx = output(logits.shape);
  if (tf.util.sizeFromShape(logits.shape) > 0) {
    const program = GRADIENTS[weights.length]!;
    const given = [logits, labels!, lse!, dy!, ...weights];
    runRows(program, logits.shape, [dx], given, numbers);
  }
  return dx;
}
