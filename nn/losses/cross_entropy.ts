/**
 * Losses of classification with several classes.
 *
 * @module
 */
import { classCrossEntropy } from "../../backend/ops/cross_entropy.ts";
import {
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { inspectLabels, labelFactors } from "./labels.ts";
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
   * the labels. They are constants: no gradient flows into them. Default: 1.
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
  return crossEntropy("softmaxCrossEntropy", true, logits, labels, options);
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
  return crossEntropy("nllLoss", false, logProbs, labels, options);
}

function crossEntropy<R extends Reduction>(
  name: string,
  isLogits: boolean,
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions<R>,
): Reduced<R> {
  const action = `compute ${name}`;
  checkArguments(action, logits, labels, options);
  const { reduction = "none" as R, ignoreIndex } = options;
  const classes = logits.shape.at(-1)!;
  if (labels.rank === logits.rank) {
    return tf.tidy(() =>
      reduce(
        ofTargets(isLogits, floats(logits), floats(labels), options),
        reduction,
      )
    );
  }
  return tf.tidy(() => {
    const range = { classes, ignoreIndex };
    const isChecked = inspectLabels(action, labels, range);
    const marked = (losses: tf.Tensor) =>
      isChecked ? losses : tf.mul(losses, labelFactors(labels, range));
    const indices = tf.cast(labels, "int32");
    const kept = ignoreIndex === undefined
      ? undefined
      : tf.notEqual(indices, ignoreIndex);
    const scores = floats(logits);
    const weights = options.classWeights && floats(options.classWeights);
    const composed = () =>
      marked(ofClasses(isLogits, scores, indices, kept, options));
    const losses = isLogits && scores.size > 0
      ? tf.reshape(
        classCrossEntropy(
          scores.rank === 2 ? scores : tf.reshape(scores, [-1, classes]),
          tf.reshape(indices, [-1]),
          {
            smoothing: options.labelSmoothing ?? 0,
            ignoreIndex,
            weights,
          },
          () => tf.reshape(composed(), [-1]),
        ),
        labels.shape,
      )
      : composed();
    // The loss of an integer that is no class is NaN; others are rounded before.
    const known = labels.dtype === "int32" ? losses : marked(losses);
    return reduce(known, reduction, rowWeights(indices, kept, weights));
  });
}

/** What each row counts in a mean; nothing where all count 1. */
function rowWeights(
  labels: tf.Tensor,
  kept: tf.Tensor | undefined,
  classWeights: tf.Tensor | undefined,
): tf.Tensor | undefined {
  const counts = kept && tf.cast(kept, "float32");
  if (!classWeights) return counts;
  const classes = kept ? tf.where(kept, labels, tf.zerosLike(labels)) : labels;
  const weights = tf.gather(classWeights, classes as tf.Tensor1D);
  return counts ? tf.mul(weights, counts) : weights;
}

/** The losses of class labels, from rows with a 1 at the label. */
function ofClasses(
  isLogits: boolean,
  logits: tf.Tensor,
  labels: tf.Tensor,
  keptRows: tf.Tensor | undefined,
  options: CrossEntropyOptions,
): tf.Tensor {
  const kept = keptRows && tf.expandDims(keptRows, -1);
  const hard = oneHot(labels, logits.shape.at(-1)!, kept);
  // Ignored rows may hold anything, such as only -Infinity.
  const given = kept ? tf.where(kept, logits, tf.scalar(0)) : logits;
  return ofTargets(isLogits, given, hard, options, tf.sum(hard, -1, true));
}

/** The losses of rows of probabilities; `counted` is 0 for a row that is left out. */
function ofTargets(
  isLogits: boolean,
  logits: tf.Tensor,
  labels: tf.Tensor,
  { labelSmoothing = 0, classWeights }: CrossEntropyOptions,
  counted?: tf.Tensor,
): tf.Tensor {
  const classes = logits.shape.at(-1)!;
  const scale = (y: tf.Tensor) =>
    classWeights ? tf.mul(y, floats(classWeights)) : y;
  let target = scale(labels);
  if (labelSmoothing > 0) {
    const rows = counted ?? tf.onesLike(tf.sum(labels, -1, true));
    const even = scale(
      tf.mul(rows, tf.fill([classes], labelSmoothing / classes)),
    );
    target = tf.add(tf.mul(target, 1 - labelSmoothing), even);
  }
  const logs = isLogits ? tf.logSoftmax(logits) : logits;
  return tf.neg(tf.sum(weigh(target, logs), -1));
}

/** Rows with a 1 at the label; zeros in rows that are not kept. */
function oneHot(
  labels: tf.Tensor,
  classes: number,
  kept: tf.Tensor | undefined,
): tf.Tensor {
  const rows = tf.cast(tf.oneHot(labels, classes), "float32");
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
