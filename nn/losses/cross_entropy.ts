/**
 * Losses of classification with several classes.
 *
 * @module
 */
import {
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
} from "../../check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { checkLabels } from "./labels.ts";
import { weigh } from "./log_products.ts";
import {
  type LossOptions,
  reduce,
  type Reduced,
  REDUCTION,
  type Reduction,
} from "./reduction.ts";

/** Options of {@linkcode softmaxCrossEntropy} and {@linkcode nllLoss}. */
export interface CrossEntropyOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /**
   * The share of the label that is spread over all classes, in [0, 1)
   * (Szegedy et al. 2016). Default: 0.
   */
  readonly labelSmoothing?: number;
  /**
   * `[classes]`: the weight of each class. A mean divides by the sum of the weights of
   * the labels. Default: 1.
   */
  readonly classWeights?: tf.Tensor1D;
  /** An integer label whose rows have loss 0 and do not count in a mean. Default: none. */
  readonly ignoreIndex?: number;
}

const RULES: OptionRules<CrossEntropyOptions> = {
  reduction: REDUCTION,
  labelSmoothing: "in [0, 1)",
  classWeights: tensor,
  ignoreIndex: "an integer",
};

/**
 * The cross entropy of labels and the softmax of logits.
 *
 * ```text
 * loss = -Σ_c w_c y_c ln softmax(logits)_c
 * y    = (1 - s) label + s / classes          s = labelSmoothing
 * ```
 *
 * As torch's `F.cross_entropy`, with the classes last. It is computed from logarithms
 * of probabilities, so no logit is too large. A logit of -Infinity excludes a class:
 * its term is 0 where its label is 0.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const logits = tf.tensor2d([[1, 2, 3]]);
 * const sparse = nn.softmaxCrossEntropy(logits, tf.tensor1d([0], "int32"));
 * const dense = nn.softmaxCrossEntropy(logits, tf.tensor2d([[1, 0, 0]]));
 * assertAlmostEquals((await sparse.data())[0]!, 2.407606, 1e-5);
 * assertAlmostEquals((await dense.data())[0]!, 2.407606, 1e-5);
 * ```
 *
 * @param logits `[..., classes]`
 * @param labels `[...]`: integers from 0 to `classes - 1`, of any dtype, or
 * `[..., classes]`: probabilities, such as one-hot rows.
 * @param options See {@linkcode CrossEntropyOptions}.
 * @returns `[...]`, or a scalar with a reduction; 0 if all rows are ignored.
 * @throws {RangeError} If a label is neither a class nor `ignoreIndex`. On WebGPU, which
 * cannot read labels without waiting, its loss is NaN.
 */
export function softmaxCrossEntropy<R extends Reduction = "none">(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions<R> = {},
): Reduced<R> {
  return crossEntropy(
    "softmaxCrossEntropy",
    tf.logSoftmax,
    logits,
    labels,
    options,
  );
}

/**
 * As {@linkcode softmaxCrossEntropy}, of logarithms of probabilities: the negative
 * log-likelihood.
 *
 * @param logProbs `[..., classes]`
 * @param labels `[...]` or `[..., classes]`
 * @param options See {@linkcode CrossEntropyOptions}.
 * @returns `[...]`, or a scalar with a reduction.
 */
export function nllLoss<R extends Reduction = "none">(
  logProbs: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions<R> = {},
): Reduced<R> {
  return crossEntropy("nllLoss", (x) => x, logProbs, labels, options);
}

function crossEntropy<R extends Reduction>(
  name: string,
  toLogProbs: (x: tf.Tensor) => tf.Tensor,
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions<R>,
): Reduced<R> {
  checkArguments(`compute ${name}`, logits, labels, options);
  const { reduction = "none" as R, labelSmoothing = 0 } = options;
  const { classWeights, ignoreIndex } = options;
  const classes = logits.shape.at(-1)!;
  const sparse = labels.rank === logits.rank - 1;
  return tf.tidy(() => {
    const factor = sparse
      ? checkLabels(`compute ${name}`, labels, { classes, ignoreIndex })
      : undefined;
    const kept = sparse && ignoreIndex !== undefined
      ? tf.expandDims(tf.notEqual(tf.cast(labels, "int32"), ignoreIndex), -1)
      : undefined;
    const hard = sparse ? oneHot(labels, classes, kept) : floats(labels);
    const scale = (y: tf.Tensor) =>
      classWeights ? tf.mul(y, floats(classWeights)) : y;
    let target = scale(hard);
    const rows = target;
    if (labelSmoothing > 0) {
      const counted = sparse
        ? tf.sum(hard, -1, true)
        : tf.onesLike(tf.sum(hard, -1, true));
      const even = scale(
        tf.mul(counted, tf.fill([classes], labelSmoothing / classes)),
      );
      target = tf.add(tf.mul(target, 1 - labelSmoothing), even);
    }
    // Ignored rows may hold anything, such as only -Infinity.
    const scores = floats(logits);
    const given = kept ? tf.where(kept, scores, tf.scalar(0)) : scores;
    const losses = tf.neg(tf.sum(weigh(target, toLogProbs(given)), -1));
    const weighted = sparse &&
      (classWeights !== undefined || ignoreIndex !== undefined);
    const rowWeight = weighted ? tf.sum(rows, -1) : undefined;
    const known = factor ? tf.mul(losses, factor) : losses;
    return reduce(known, reduction, rowWeight);
  });
}

/** Rows with a 1 at the label; zeros in rows that are not kept. */
function oneHot(
  labels: tf.Tensor,
  classes: number,
  kept: tf.Tensor | undefined,
): tf.Tensor {
  const indices = tf.cast(labels, "int32");
  const rows = tf.cast(tf.oneHot(indices, classes), "float32");
  return kept ? tf.mul(rows, tf.cast(kept, "float32")) : rows;
}

function checkArguments(
  action: string,
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions,
) {
  checkOptions(action, options, RULES);
  check(action, "logits", logits, tensor);
  check(action, "labels", labels, tensor);
  const sparse = labels.rank === logits.rank - 1;
  const expected = sparse ? logits.shape.slice(0, -1) : logits.shape;
  if (logits.rank === 0 || !tf.util.arraysEqual(labels.shape, expected)) {
    throw new RangeError(
      `Cannot ${action}: labels must have the shape of the logits, with or without the last axis: current shapes are [${
        labels.shape.join(", ")
      }] and [${logits.shape.join(", ")}]`,
    );
  }
  const { classWeights, ignoreIndex } = options;
  const classes = logits.shape.at(-1)!;
  if (classWeights && !tf.util.arraysEqual(classWeights.shape, [classes])) {
    refuse(action, "classWeights", `of shape [${classes}]`, classWeights);
  }
  if (ignoreIndex !== undefined && !sparse) {
    const is = "left out for labels that are probabilities";
    refuse(action, "ignoreIndex", is, ignoreIndex, TypeError);
  }
}
