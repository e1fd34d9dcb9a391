/**
 * Checks of class labels.
 *
 * @module
 */
import { inspectAtOnce } from "../../backend/read.ts";
import { refuse } from "../../internal/check.ts";
import * as tf from "../../tf.ts";

/** The labels that are valid. */
export interface LabelRange {
  /** Labels are integers from 0 to `classes - 1`. */
  readonly classes: number;
  /** A label that is valid besides. */
  readonly ignoreIndex?: number | undefined;
  /** A class that is no label. */
  readonly blank?: number;
  /** Whether the label at a place counts, in row-major order. Default: all do. */
  readonly counts?: (place: number) => boolean;
  /** The name of the labels in errors. Default: `"labels"`. */
  readonly name?: string;
}

/**
 * Throws if a label is outside its range, where labels can be read without waiting.
 *
 * @param action The action in the error.
 * @param labels Any shape.
 * @param range The valid labels.
 * @returns Whether the labels could be read: elsewhere the losses must be multiplied by
 * {@linkcode labelFactors}, unless they are NaN for a wrong label anyway.
 */
export function inspectLabels(
  action: string,
  labels: tf.Tensor,
  range: LabelRange,
): boolean {
  const { classes, ignoreIndex, blank, counts, name = "labels" } = range;
  const { rank } = labels;
  const strides = tf.util.computeStrides(labels.shape);
  return inspectAtOnce(labels, (values) => {
    for (let i = 0; i < values.length; i++) {
      const label = values[i]!;
      const valid = Number.isInteger(label) && label >= 0 && label < classes &&
        label !== blank;
      if (valid || label === ignoreIndex || counts?.(i) === false) continue;
      const place = tf.util.indexToLoc(i, rank, strides);
      const which = rank === 0 ? name : `${name}[${place.join(", ")}]`;
      const other = blank === undefined
        ? ""
        : ` other than the blank, ${blank}`;
      refuse(action, which, `an integer in [0, ${classes})${other}`, label);
    }
  });
}

/**
 * Throws if a label is outside its range, where labels can be read without waiting.
 * Elsewhere the losses must be multiplied by the result.
 *
 * @param action The action in the error.
 * @param labels Any shape.
 * @param range The valid labels.
 * @returns See {@linkcode labelFactors}; nothing where all have been checked.
 */
export function checkLabels(
  action: string,
  labels: tf.Tensor,
  range: LabelRange,
): tf.Tensor | undefined {
  const isChecked = inspectLabels(action, labels, range);
  return isChecked ? undefined : tf.tidy(() => labelFactors(labels, range));
}

/** 1 for each valid label, else NaN; of the shape of `labels`. */
export function labelFactors(
  labels: tf.Tensor,
  { classes, ignoreIndex, blank, counts }: LabelRange,
): tf.Tensor {
  const x = tf.cast(labels, "float32");
  const conditions = [
    tf.greaterEqual(x, 0),
    tf.less(x, classes),
    tf.equal(x, tf.floor(x)),
  ];
  if (blank !== undefined) conditions.push(tf.notEqual(x, blank));
  let valid = conditions.reduce((a, b) => tf.logicalAnd(a, b));
  if (ignoreIndex !== undefined) {
    valid = tf.logicalOr(valid, tf.equal(x, ignoreIndex));
  }
  if (counts) {
    const ignored = Array.from({ length: x.size }, (_, i) => !counts(i));
    valid = tf.logicalOr(valid, tf.tensor(ignored, x.shape, "bool"));
  }
  return tf.where(valid, tf.onesLike(x), tf.scalar(NaN));
}
