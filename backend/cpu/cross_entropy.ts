import type * as tf from "@tensorflow/tfjs-core";
import { type CrossEntropyAttrs, targetsOf, term } from "../cross_entropy.ts";
import { addKernel, type KernelFunc } from "../kernel.ts";
import type { CpuBackend } from "./backend.ts";

/** Register the cross-entropy of class labels and its gradient. */
export function registerCrossEntropy(): void {
  addKernel("cpu", "CrossEntropy", forward);
  addKernel("cpu", "CrossEntropyGrad", backward);
}

function read(args: Parameters<KernelFunc>[0]) {
  const backend = args.backend as CpuBackend;
  const values = (name: string) => {
    const x = args.inputs[name] as tf.TensorInfo | undefined;
    return x && backend.data.get(x.dataId).values;
  };
  const { shape } = args.inputs["logits"] as tf.TensorInfo;
  const [rows, classes] = shape as [number, number];
  const weights = values("weights");
  const attrs = args.attrs as unknown as CrossEntropyAttrs;
  const targets = targetsOf(values("labels")!, weights, classes, attrs);
  return { backend, values, rows, classes, weights, targets };
}

function forward(args: Parameters<KernelFunc>[0]): tf.TensorInfo[] {
  const { backend, values, rows, classes, weights, targets } = read(args);
  const x = values("logits")!, labels = values("labels")!;
  const losses = new Float32Array(rows), sums = new Float32Array(rows);
  for (let row = 0, at = 0; row < rows; row++, at += classes) {
    const target = targets(row);
    if (!target) continue;
    let most = -Infinity, sum = 0;
    for (let c = 0; c < classes; c++) most = Math.max(most, x[at + c]!);
    for (let c = 0; c < classes; c++) sum += Math.exp(x[at + c]! - most);
    const lse = sums[row] = most + Math.log(sum);
    let loss = term(target.own, lse - x[at + labels[row]!]!);
    for (let c = 0; target.even > 0 && c < classes; c++) {
      loss += term(target.even * (weights?.[c] ?? 1), lse - x[at + c]!);
    }
    losses[row] = loss;
  }
  return [losses, sums].map((x) =>
    backend.makeTensorInfo([rows], "float32", x)
  );
}

function backward(args: Parameters<KernelFunc>[0]): tf.TensorInfo {
  const { backend, values, rows, classes, weights, targets } = read(args);
  const x = values("logits")!, labels = values("labels")!;
  const sums = values("lse")!, dy = values("dy")!;
  const dx = new Float32Array(rows * classes);
  for (let row = 0, at = 0; row < rows; row++, at += classes) {
    const target = targets(row);
    if (!target) continue;
    const { own, even, total } = target, lse = sums[row]!, d = dy[row]!;
    for (let c = 0; c < classes; c++) {
      const share = even * (weights?.[c] ?? 1) +
        (c === labels[row] ? own : 0);
      dx[at + c] = d * (total * Math.exp(x[at + c]! - lse) - share);
    }
  }
  return backend.makeTensorInfo([rows, classes], "float32", dx);
}
