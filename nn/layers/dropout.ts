/**
 * Dropout: random zeros in training.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { environ } from "../../environ.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput } from "../module/size.ts";
import { dropoutMask } from "./dropout_mask.ts";

/** Options of dropout. */
export interface DropoutOptions {
  /** The probability of dropping, in [0, 1). Default: 0.5. */
  readonly rate?: number;
  /** The stream that masks are drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<DropoutOptions> = {
  rate: "in [0, 1)",
  random: stream,
};

/**
 * Sets single elements to 0 in training, and scales the others up.
 *
 * ```text
 * training:    y = x mask / (1 - rate)     mask = 0 with probability rate, else 1
 * evaluation:  y = x
 * ```
 *
 * `rate` is the probability of dropping, as in torch and Keras (brainstate's `prob`
 * is that of keeping). Reads `environ.fit`. (Srivastava et al. 2014, "Dropout".)
 *
 * @example Usage
 * ```ts
 * import { environ, nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const dropout = new nn.Dropout({ rate: 0.75 });
 * const x = tf.ones([100]);
 * const y = environ.context({ fit: true }, () => dropout.call(x));
 * assertEquals(new Set(await y.data()), new Set([0, 4]));
 * const same = environ.context({ fit: false }, () => dropout.call(x));
 * assertEquals(await same.data(), await x.data());
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class Dropout<T extends tf.Tensor = tf.Tensor> extends SameRank<T> {
  /**
   * The number of axes between batch and channels, if whole channels are dropped.
   */
  static readonly axes: number | undefined;
  /** The probability of dropping. */
  readonly rate: number;
  /** The stream that masks are drawn from; null for the default one. */
  readonly random: RandomState | null;

  /**
   * Keep the settings.
   *
   * @param options See {@linkcode DropoutOptions}.
   */
  constructor(options: DropoutOptions = {}) {
    super();
    checkOptions(`create ${new.target.name}`, options, RULES);
    this.rate = options.rate ?? 0.5;
    this.random = options.random ?? null;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    const axes = (this.constructor as typeof Dropout).axes;
    const { name } = this.constructor;
    checkInput(name, x, [], axes === undefined ? undefined : axes + 2);
    const drops = environ.get("fit") && this.rate > 0;
    return tf.tidy(() => {
      const given = floats(x);
      return (drops ? this.drop(given) : tf.clone(given)) as T;
    });
  }

  /** `x` with some of it dropped. */
  protected drop(x: tf.Tensor): tf.Tensor {
    const wholeChannels =
      (this.constructor as typeof Dropout).axes !== undefined;
    const shape = wholeChannels
      ? x.shape.map((size, i) => i === 0 || i === x.rank - 1 ? size : 1)
      : x.shape;
    return tf.mul(x, this.mask(shape, 1 / (1 - this.rate)));
  }

  /** `kept` with probability `1 - rate`, else 0. */
  protected mask(shape: readonly number[], kept: number): tf.Tensor {
    return dropoutMask(shape, this.rate, kept, this.random ?? undefined);
  }
}

/** Drops whole channels of sequences, `[batch, length, channels]` (Tompson et al. 2015). */
export class Dropout1d extends Dropout<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/** Drops whole channels of images, `[batch, height, width, channels]`. */
export class Dropout2d extends Dropout<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** Drops whole channels of volumes, `[batch, depth, height, width, channels]`. */
export class Dropout3d extends Dropout<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/** The limit of SELU for large negative input. */
const SELU_FLOOR = -1.7580993408473766;

/**
 * Dropout for {@linkcode selu}: dropped elements become the lowest value of SELU, and
 * the result is scaled and shifted so that mean 0 and variance 1 are kept.
 *
 * (Klambauer et al. 2017, "Self-Normalizing Neural Networks".)
 *
 * @typeParam T The rank of input and output.
 */
export class AlphaDropout<T extends tf.Tensor = tf.Tensor> extends Dropout<T> {
  /** `x` with some of it dropped. */
  protected override drop(x: tf.Tensor): tf.Tensor {
    const keep = 1 - this.rate;
    const scale = 1 / Math.sqrt(keep + keep * this.rate * SELU_FLOOR ** 2);
    const shift = -scale * SELU_FLOOR * this.rate;
    const mask = this.mask(x.shape, 1);
    const mixed = tf.add(
      tf.mul(x, mask),
      tf.mul(SELU_FLOOR, tf.sub(1, mask)),
    );
    return tf.add(tf.mul(mixed, scale), shift);
  }
}
