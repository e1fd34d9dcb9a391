/**
 * Images mixed with others of their batch, and their targets too.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  check,
  checkOptions,
  type OptionRules,
  refuse,
  tensor,
} from "../../internal/check.ts";
import * as random from "../../random.ts";
import { stream } from "../../random/state.ts";
import { betas, integersTo, perExample } from "./draws.ts";
import {
  allPixels,
  checkFloats,
  type Images,
  replaceBox,
  sizesOf,
  span,
  takePixels,
} from "./pixels.ts";

/** Options of {@linkcode mixup} and {@linkcode cutmix}. */
export interface MixOptions {
  /**
   * Both parameters of the beta distribution of the share that is kept: small ones
   * change little, 1 draws all shares alike. @default {1}
   */
  readonly alpha?: number;
  /** The stream to draw from. Default: `random.default`. */
  readonly random?: random.RandomState;
}

const RULES: OptionRules<MixOptions> = {
  alpha: "a positive finite number",
  random: stream,
};

/**
 * Each example mixed with another one of the batch, inputs and targets alike:
 *
 * ```text
 * x̃ᵢ = λᵢ xᵢ + (1 - λᵢ) xⱼ     ỹᵢ = λᵢ yᵢ + (1 - λᵢ) yⱼ     λᵢ ~ Beta(α, α)
 * ```
 *
 * where `j` is a random permutation of the batch. Targets are numbers or
 * probabilities: `tf.oneHot` makes them of classes.
 *
 * Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018; here each
 * example has a `λ` of its own.
 *
 * @example Usage
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const images = new Float32Array(4 * 28 * 28);
 * const train = data.batches([data.column(images, [28, 28, 1]), [7, 1, 0, 3]], {
 *   map: (x, y) =>
 *     data.mixup(x, tf.cast(tf.oneHot(y, 10), "float32"), { alpha: 0.2 }),
 * });
 * for (const [x, y] of train) {
 *   assertEquals([x.shape, y.shape], [[4, 28, 28, 1], [4, 10]]);
 * }
 * ```
 *
 * @param x `[batch, ...]`, float32.
 * @param y `[batch, ...]`, float32.
 * @param options See {@linkcode MixOptions}.
 * @returns Inputs and targets of the same shapes.
 */
export function mixup<X extends tf.Tensor, Y extends tf.Tensor>(
  x: X,
  y: Y,
  options: MixOptions = {},
): [X, Y] {
  const action = "mix examples";
  check(action, "x", x, tensor);
  if (x.rank === 0) refuse(action, "x", "of shape [batch, ...]", x);
  checkFloats(action, "x", x);
  checkTargets(action, x, y);
  checkOptions(action, options, RULES);
  const { alpha = 1, random: stream = random.default } = options;
  const count = x.shape[0]!;
  const others = random.permutation(count, { random: stream });
  const kept = betas(alpha, stream, count);
  return [mix(x, others, kept), mix(y, others, kept)];
}

/**
 * Each image with a box of another one of the batch, at the same place; the targets
 * are mixed by the areas:
 *
 * ```text
 * λᵢ ~ Beta(α, α)     box: √(1 - λᵢ) of height and width, around a random pixel
 * ỹᵢ = kᵢ yᵢ + (1 - kᵢ) yⱼ     kᵢ: the share of pixels that are image i's own
 * ```
 *
 * Source: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers
 * with Localizable Features", 2019; here each example has a box of its own.
 *
 * @param x The images, float32 or int32.
 * @param y `[batch, ...]`, float32: numbers or probabilities.
 * @param options See {@linkcode MixOptions}.
 * @returns Images and targets of the same shapes.
 */
export function cutmix<X extends Images, Y extends tf.Tensor>(
  x: X,
  y: Y,
  options: MixOptions = {},
): [X, Y] {
  const action = "mix images";
  const sizes = sizesOf(action, x);
  checkTargets(action, x, y);
  checkOptions(action, options, RULES);
  const { alpha = 1, random: stream = random.default } = options;
  const { count, height, width } = sizes;
  const others = random.permutation(count, { random: stream });
  const sides = betas(alpha, stream, count).map((kept) => Math.sqrt(1 - kept));
  const rows = spans(height, sides, stream);
  const columns = spans(width, sides, stream);
  const pixels = allPixels(sizes);
  const kept = new Float64Array(count);
  for (let image = 0; image < count; image++) {
    const box = { rows: rows[image]!, columns: columns[image]! };
    replaceBox(pixels, sizes, image, box, others[image]);
    const [top, bottom] = box.rows, [left, right] = box.columns;
    kept[image] = 1 - (bottom - top) * (right - left) / (height * width);
  }
  return [takePixels(x, height, width, pixels), mix(y, others, kept)];
}

/** Where a share of an axis around a random pixel begins and ends, for each image. */
function spans(
  size: number,
  shares: Float64Array,
  stream: random.RandomState,
): [from: number, to: number][] {
  const centers = integersTo(size - 1, stream, shares.length);
  return Array.from(shares, (share, i) => {
    const start = centers[i]! - Math.floor(share * size / 2);
    return span(start, Math.floor(share * size), size);
  });
}

/** `kept` of each example, and the rest of another one. */
function mix<T extends tf.Tensor>(
  x: T,
  others: Int32Array,
  kept: Float64Array,
): T {
  return tf.tidy(() => {
    const other = tf.gather(x, tf.tensor1d(others, "int32"));
    const rest = kept.map((share) => 1 - share);
    return tf.add(
      tf.mul(x, perExample(kept, x)),
      tf.mul(other, perExample(rest, x)),
    ) as T;
  });
}

/** Throw unless `y` has a target for each example of `x`. */
function checkTargets(action: string, x: tf.Tensor, y: unknown): void {
  check(action, "the targets", y, tensor);
  checkFloats(action, "the targets", y as tf.Tensor);
  const is = `of shape [${x.shape[0]}, ...], as the inputs`;
  if ((y as tf.Tensor).shape[0] !== x.shape[0]) {
    refuse(action, "the targets", is, y);
  }
}
