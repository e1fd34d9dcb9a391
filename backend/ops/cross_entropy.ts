import * as tf from "@tensorflow/tfjs-core";
import type { CrossEntropyAttrs } from "../cross_entropy.ts";
import { oneKernel, runKernel } from "../kernel.ts";

/** Options of {@linkcode classCrossEntropy}. */
export interface ClassCrossEntropyOptions {
  /** The share of a label that is spread over all classes. Default: 0. */
  readonly smoothing?: number;
  /** The label of rows that count nothing. Default: none. */
  readonly ignoreIndex?: number | undefined;
  /** `[classes]`, float32: the weight of each class. Default: 1. */
  readonly weights?: tf.Tensor | undefined;
}

/**
 * The cross-entropy of class labels and the softmax of logits, as one kernel that
 * keeps one number of each row for the gradient; see `backend/cross_entropy.ts`.
 *
 * @param logits `[rows, classes]`, float32.
 * @param labels `[rows]`, int32. The loss of one that is no class is NaN.
 * @param options See {@linkcode ClassCrossEntropyOptions}.
 * @param composed The same of ops with gradients: for second derivatives.
 * @returns `[rows]`
 */
export function classCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  { smoothing = 0, ignoreIndex, weights }: ClassCrossEntropyOptions,
  composed: () => tf.Tensor,
): tf.Tensor {
  return oneKernel("CrossEntropy", () => {
    const attrs: CrossEntropyAttrs = {
      smoothing,
      ignoreIndex: ignoreIndex ?? null,
    };
    const fixed: Record<string, tf.Tensor> = weights
      ? { labels, weights }
      : { labels };
    const op = tf.customGrad((x, save) => {
      const logits = x as tf.Tensor;
      const [losses, lse] = runKernel(
        "CrossEntropy",
        { logits, ...fixed },
        attrs,
      ) as unknown as [tf.Tensor, tf.Tensor];
      const kept = [logits, lse, ...Object.values(fixed)];
      (save as tf.GradSaveFunc)(kept);
      const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logits, lse, labels, weights] = saved;
        const inputs = { logits: logits!, lse: lse!, labels: labels!, dy };
        return runKernel(
          "CrossEntropyGrad",
          weights ? { ...inputs, weights } : inputs,
          attrs,
        );
      };
      return { value: losses, gradFunc };
    });
    return op(logits);
  }, composed);
}
