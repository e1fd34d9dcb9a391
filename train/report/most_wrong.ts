/**
 * The examples that a model gets most wrong.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "../../data/batch.ts";
import {
  type BatchSource,
  latestTensor,
  passOver,
} from "../../data/sources.ts";
import { environ } from "../../environ.ts";
import {
  callable,
  check,
  checkOptions,
  listOf,
  type OptionRules,
} from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";

/** An example, what was predicted for it, and how wrong that is. */
export interface WrongExample {
  /** The loss of the example. */
  readonly loss: number;
  /** The shape of the first input. */
  readonly shape: readonly number[];
  /** The values of the first input, row by row. */
  readonly values: readonly number[];
  /** The values of the target; a label is one. */
  readonly target: readonly number[];
  /** The values that were predicted, such as the scores of all classes. */
  readonly prediction: readonly number[];
  /** The first input as text, if there was a function for that. */
  readonly text?: string;
}

/** Options of {@linkcode mostWrong}. */
export interface MostWrongOptions {
  /** The number of examples. @default {12} */
  readonly count?: number;
  /**
   * The function from predictions and targets to the losses of the examples, `[batch]`.
   * Default: the cross entropy of scores `[batch, classes]` and labels `[batch]`; the
   * mean squared error of each example if predictions and targets have the same shape.
   */
  readonly loss?: (predictions: tf.Tensor, targets: tf.Tensor) => tf.Tensor;
  /**
   * The shape to show an example in, such as `[28, 28]` for one of 784 pixels. Default:
   * its own.
   */
  readonly shape?: readonly number[];
  /** The function from the values of an example to text, such as that of its tokens. */
  readonly text?: (values: readonly number[]) => string;
}

const RULES: OptionRules<MostWrongOptions> = {
  count: "a positive integer",
  loss: callable,
  shape: listOf("a positive integer"),
  text: callable,
};

/**
 * Find the examples of the largest loss, for the option `examples` of
 * {@linkcode report} and {@linkcode renderReport}. An example whose loss is NaN comes
 * first.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const data = train.batches([
 *   train.column(Float32Array.of(1, 2, 9, 4), [1]),
 *   train.column(Float32Array.of(1, 2, 3, 5), [1]),
 * ]);
 * const same = (x: tf.Tensor) => tf.clone(x);
 * const [worst] = await train.mostWrong(data, same, { count: 1 });
 * assertEquals(worst!.loss, 36);
 * assertEquals(worst!.values, [9]);
 * ```
 *
 * @typeParam B The tensors of a batch; the last are the targets.
 * @param data The batches.
 * @param predict The function from all tensors of a batch but the last to predictions;
 *   called with `fit` false.
 * @param options See {@linkcode MostWrongOptions}.
 * @returns The examples, the most wrong one first.
 * @throws {RangeError} If there is not one loss for each example, or `shape` has another
 *   number of values than an example.
 */
export async function mostWrong<B extends Batch>(
  data: BatchSource<B>,
  predict: (...inputs: never[]) => tf.Tensor,
  options: MostWrongOptions = {},
): Promise<readonly WrongExample[]> {
  check("find the most wrong", "predict", predict, callable);
  checkOptions("find the most wrong", options, RULES);
  const { count = 12 } = options;
  let worst: readonly WrongExample[] = [];
  const since = latestTensor();
  for await (const batch of passOver("find the most wrong", data, since)) {
    const [prediction, losses] = scope(() =>
      environ.context({ fit: false }, () => {
        const prediction = predict(...batch.slice(0, -1) as never[]);
        const losses = lossesOf(prediction, batch.at(-1)!, options);
        // Either may be a tensor of somebody else, such as the batch.
        return [tf.clone(prediction), tf.clone(losses)];
      })
    );
    const found = await worstOf(batch, prediction, losses, options, count);
    worst = [...worst, ...found].sort(byLoss).slice(0, count);
  }
  return worst;
}

function lossesOf(
  prediction: tf.Tensor,
  target: tf.Tensor,
  { loss = defaultLoss }: MostWrongOptions,
): tf.Tensor {
  const losses = loss(prediction, target);
  const [count] = target.shape;
  if (losses.rank === 1 && losses.shape[0] === count) return losses;
  throw new RangeError(
    `Cannot find the most wrong: losses must have shape [${count}], one for each example: current shape is [${losses.shape}]`,
  );
}

function defaultLoss(prediction: tf.Tensor, target: tf.Tensor): tf.Tensor {
  if (prediction.rank === target.rank + 1 && target.rank === 1) {
    return nn.softmaxCrossEntropy(prediction, target);
  }
  const errors = nn.squaredError(prediction, target);
  return tf.mean(tf.reshape(errors, [target.shape[0]!, -1]), 1);
}

/** The most wrong examples of a batch; frees predictions and losses. */
async function worstOf(
  batch: Batch,
  prediction: tf.Tensor,
  losses: tf.Tensor,
  options: MostWrongOptions,
  count: number,
): Promise<readonly WrongExample[]> {
  const input = batch[0]!, target = batch.at(-1)!;
  const { shape = input.shape.slice(1), text } = options;
  try {
    const [inputs, targets, predictions, values] = await Promise.all(
      [input, target, prediction, losses].map((x) => x.data()),
    );
    const rows = (all: ArrayLike<number>, i: number) => {
      const size = all.length / values!.length;
      return Array.from({ length: size }, (_, j) => all[i * size + j]!);
    };
    const size = inputs!.length / values!.length;
    if (tf.util.sizeFromShape([...shape]) !== size) {
      throw new RangeError(
        `Cannot find the most wrong: shape must have ${size} values, as an example has: current value is [${shape}]`,
      );
    }
    return Array.from(values!, (loss, i) => ({ loss: Number(loss), i }))
      .sort(byLoss).slice(0, count)
      .map(({ loss, i }) => {
        const values = rows(inputs!, i);
        return {
          loss,
          shape,
          values,
          target: rows(targets!, i),
          prediction: rows(predictions!, i),
          ...(text ? { text: text(values) } : {}),
        };
      });
  } finally {
    tf.dispose([prediction, losses]);
  }
}

/** The largest loss first, and NaN before all. */
function byLoss(
  { loss: a }: { readonly loss: number },
  { loss: b }: { readonly loss: number },
): number {
  if (Number.isNaN(a) || Number.isNaN(b)) {
    return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  }
  return a === b ? 0 : b > a ? 1 : -1;
}
