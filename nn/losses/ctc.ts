/**
 * Connectionist temporal classification.
 *
 * @module
 */
import {
  boolean,
  check,
  checkOptions,
  listOf,
  type OptionRules,
  refuse,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { checkLabels } from "./labels.ts";
import {
  type LossOptions,
  reduce,
  type Reduced,
  REDUCTION,
  type Reduction,
} from "./reduction.ts";

/** Options of {@linkcode ctcLoss}. */
export interface CTCOptions<R extends Reduction = Reduction>
  extends LossOptions<R> {
  /** The class of the blank. Default: 0. */
  readonly blank?: number;
  /** The number of steps of each sequence. Default: all. */
  readonly inputLengths?: readonly number[];
  /** The number of labels of each sequence. Default: all. */
  readonly labelLengths?: readonly number[];
  /**
   * Whether a sequence whose labels do not fit into its steps has loss and gradient 0.
   * Default: false.
   */
  readonly zeroInfinity?: boolean;
}

const RULES: OptionRules<CTCOptions> = {
  reduction: REDUCTION,
  blank: "a nonnegative integer",
  inputLengths: listOf("a positive integer"),
  labelLengths: listOf("a nonnegative integer"),
  zeroInfinity: boolean,
};

/** The logarithm of a probability of zero: finite, so that 0 times it is 0. */
const NEVER = -1e30;

/** A loss above this is that of labels that do not fit into the steps. */
const INFEASIBLE = 1e29;

/**
 * The negative logarithm of the probability of labels, summed over all alignments of
 * the labels, with blanks between them, to the steps.
 *
 * ```text
 * α[t, s] = y[t, s] (α[t-1, s] + α[t-1, s-1] + α[t-1, s-2])
 * ```
 *
 * over the labels `s` with a blank before, between and after them; the last term
 * only where it skips a blank between different labels. Computed in logarithms. As
 * torch's `ctc_loss`, except that a mean does not divide by the lengths. Where the
 * labels do not fit into the steps, or have logits of -Infinity, the loss is about 1e30,
 * or 0 with `zeroInfinity`.
 * (Graves et al. 2006, "Connectionist Temporal Classification".)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * // Two even steps, and label 1: of 4 ways, "11", "1-" and "-1" spell it.
 * const loss = nn.ctcLoss(tf.zeros([1, 2, 2]), tf.tensor2d([[1]]));
 * assertAlmostEquals((await loss.data())[0]!, -Math.log(3 / 4), 1e-6);
 * ```
 *
 * @param logits `[batch, time, classes]`
 * @param labels `[batch, labels]`: integers from 0 to `classes - 1` other than the blank;
 * those beyond the length of their sequence may be anything.
 * @param options See {@linkcode CTCOptions}.
 * @returns `[batch]`, or a scalar with a reduction.
 * @throws {RangeError} If a label is out of range. On WebGPU, which cannot read labels
 * without waiting, its loss is NaN.
 */
export function ctcLoss<R extends Reduction = "none">(
  logits: tf.Tensor3D,
  labels: tf.Tensor2D,
  options: CTCOptions<R> = {},
): Reduced<R> {
  checkOptions("compute ctcLoss", options, RULES);
  check("compute ctcLoss", "logits", logits, tensor);
  check("compute ctcLoss", "labels", labels, tensor);
  const { reduction = "none" as R, blank = 0, zeroInfinity = false } = options;
  const [batch, time, classes] = logits.shape;
  const length = labels.shape[1];
  if (logits.rank !== 3 || labels.rank !== 2 || labels.shape[0] !== batch) {
    throw new RangeError(
      `Cannot compute ctcLoss: logits must be [batch, time, classes] and labels [batch, labels]: current shapes are [${
        logits.shape.join(", ")
      }] and [${labels.shape.join(", ")}]`,
    );
  }
  if (blank >= classes) {
    refuse("compute ctcLoss", "blank", `an integer in [0, ${classes})`, blank);
  }
  const inputs = lengths("inputLengths", options.inputLengths, batch, time);
  const targets = lengths("labelLengths", options.labelLengths, batch, length);
  return tf.tidy(() => {
    const factor = checkLabels("compute ctcLoss", labels, {
      classes,
      blank,
      counts: (place) => place % length < targets[Math.floor(place / length)]!,
    });
    const steps = inputs.every((n) => n === time) ? undefined : tf.tensor2d(
      inputs.map((n) => Array.from({ length: time }, (_, t) => t < n)),
      [batch, time],
      "bool",
    );
    // Steps beyond the length of a sequence may hold anything, such as NaN.
    const scores = floats(logits);
    const given = steps
      ? tf.where(tf.expandDims(steps, 2), scores, tf.zerosLike(scores))
      : scores;
    const states = 2 * length + 1;
    const extended = interleave(tf.cast(labels, "int32"), blank);
    const rows = tf.cast(tf.oneHot(extended, classes), "float32");
    const logProbs = tf.maximum(tf.logSoftmax(given), NEVER);
    const emitted = tf.unstack(
      tf.matMul(logProbs, rows as tf.Tensor3D, false, true),
      1,
    ) as tf.Tensor2D[];
    const noSkip = tf.cast(
      tf.logicalOr(
        tf.equal(extended, blank),
        tf.equal(extended, before(extended, 2, blank)),
      ),
      "float32",
    );
    const penalty = tf.mul(noSkip, NEVER);
    const late = Array.from({ length: states }, (_, s) => s < 2 ? 0 : NEVER);
    let alpha: tf.Tensor2D = tf.add(emitted[0]!, late);
    for (let t = 1; t < time; t++) {
      const ways = tf.stack([
        alpha,
        before(alpha, 1, NEVER),
        tf.add(before(alpha, 2, NEVER), penalty),
      ]);
      const next = tf.add<tf.Tensor2D>(tf.logSumExp(ways, 0), emitted[t]!);
      if (inputs.every((n) => t < n)) alpha = next;
      else {
        const on = tf.tensor2d(inputs.map((n) => [t < n ? 1 : 0]));
        alpha = tf.add(tf.mul(next, on), tf.mul(alpha, tf.sub(1, on)));
      }
    }
    // A sequence ends with its last label, or with the blank after it.
    const ends = [0, 1].map((back) => {
      const at = targets.map((n) => 2 * n - back);
      const pick = tf.tensor2d(
        at.map((i) => Array.from({ length: states }, (_, s) => +(s === i))),
      );
      const missing = at.map((i) => i < 0 ? NEVER : 0);
      return tf.add(tf.sum(tf.mul(alpha, pick), 1), missing);
    });
    const losses = tf.neg(tf.logSumExp(tf.stack(ends), 0));
    const infeasible = tf.greater(losses, INFEASIBLE);
    const kept = zeroInfinity
      ? tf.where(infeasible, tf.zerosLike(losses), losses)
      : losses;
    return reduce(
      factor && length > 0 ? tf.mul(kept, tf.prod(factor, 1)) : kept,
      reduction,
    );
  });
}

/** `labels` with blanks before, between and after them. */
function interleave(labels: tf.Tensor2D, blank: number): tf.Tensor2D {
  const [batch, length] = labels.shape;
  const blanks = tf.fill([batch, length], blank, "int32");
  const pairs = tf.reshape(tf.stack([blanks, labels], 2), [batch, 2 * length]);
  return tf.concat(
    [pairs, tf.fill([batch, 1], blank, "int32")],
    1,
  ) as tf.Tensor2D;
}

/** The elements `steps` places before each one, and `value` where there is none. */
function before(x: tf.Tensor2D, steps: number, value: number): tf.Tensor2D {
  const [batch, length] = x.shape;
  const count = Math.min(steps, length);
  const edge = tf.fill([batch, count], value, x.dtype as "float32" | "int32");
  const rest = tf.slice(x, [0, 0], [batch, length - count]);
  return tf.concat([edge, rest], 1) as tf.Tensor2D;
}

function lengths(
  name: string,
  given: readonly number[] | undefined,
  batch: number,
  most: number,
): readonly number[] {
  const list = given ?? Array<number>(batch).fill(most);
  if (list.length !== batch || !list.every((n) => n <= most)) {
    refuse("compute ctcLoss", name, `${batch} integers up to ${most}`, list);
  }
  return list;
}
