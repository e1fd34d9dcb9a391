/**
 * Dropout: random zeros during training.
 *
 * @module
 */
import { environ } from "../../environ.ts";
import type { RandomState } from "../../random.ts";
import * as tf from "../../tf.ts";
import { dropoutMask } from "./dropout_mask.ts";
import { Module } from "../module/module.ts";
import { checkInput, type Size } from "../module/size.ts";

/** Options of dropout. */
export interface DropoutOptions {
  /** The probability of dropping, in [0, 1). Default: 0.5. */
  readonly rate?: number;
  /** Where masks are drawn from. Default: the default stream. */
  readonly random?: RandomState;
}

/** What all kinds of dropout share: a rate, a stream, and rest outside training. */
export abstract class RandomZeros<T extends tf.Tensor> extends Module {
  /** The probability of dropping. */
  readonly rate: number;
  /** Where masks are drawn from, if not from the default stream. */
  readonly random: RandomState | null;

  /** See {@linkcode DropoutOptions}. */
  constructor({ rate = 0.5, random }: DropoutOptions = {}) {
    super();
    if (!(rate >= 0 && rate < 1)) {
      throw new RangeError(
        `Cannot create ${new.target.name}: rate, the probability of dropping, must be in [0, 1): current value is ${rate}`,
      );
    }
    this.rate = rate;
    this.random = random ?? null;
  }

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    return inSize;
  }

  /** Any shape to the same. Asks `environ` for `fit`. */
  override update(x: T): T {
    this.check(x);
    if (!environ.get("fit") || this.rate === 0) return tf.clone(x);
    return tf.tidy(() => this.drop(x) as T);
  }

  /** Throw unless `x` has the right rank. */
  protected check(_x: T): void {}

  /** `x` with a part of it dropped. */
  protected abstract drop(x: tf.Tensor): tf.Tensor;

  /** `kept` with probability `1 - rate`, else 0. */
  protected mask(shape: readonly number[], kept: number): tf.Tensor {
    return dropoutMask(shape, this.rate, kept, this.random ?? undefined);
  }
}

/**
 * Drops single elements during training, and scales the others up.
 *
 * ```text
 * fit:   y = x mask / (1 - rate)     mask = 0 with probability rate, else 1
 * else:  y = x
 * ```
 *
 * `rate` is the probability of dropping, as in torch and Keras (brainstate's `prob`
 * is that of keeping). (Srivastava et al. 2014, "Dropout".)
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
export class Dropout<T extends tf.Tensor = tf.Tensor> extends RandomZeros<T> {
  /** `x` with a part of it dropped. */
  protected override drop(x: tf.Tensor): tf.Tensor {
    return tf.mul(x, this.mask(x.shape, 1 / (1 - this.rate)));
  }
}

/** Drops whole channels: each lives or dies with all its cells. */
export abstract class ChannelDropout<T extends tf.Tensor>
  extends RandomZeros<T> {
  /** How many axes are between batch and channels. */
  protected abstract readonly axes: number;

  /** Throw unless `x` has batch, axes and channels. */
  protected override check(x: T): void {
    checkInput(this.constructor.name, x, [], this.axes + 2);
  }

  /** `x` with a part of it dropped. */
  protected override drop(x: tf.Tensor): tf.Tensor {
    const shape = x.shape.map((size, i) =>
      i === 0 || i === x.rank - 1 ? size : 1
    );
    return tf.mul(x, this.mask(shape, 1 / (1 - this.rate)));
  }
}

/** Drops whole channels of sequences, `[batch, length, channels]` (Tompson et al. 2015). */
export class Dropout1d extends ChannelDropout<tf.Tensor3D> {
  /** How many axes are between batch and channels. */
  protected override readonly axes = 1;
}

/** Drops whole channels of images, `[batch, height, width, channels]`. */
export class Dropout2d extends ChannelDropout<tf.Tensor4D> {
  /** How many axes are between batch and channels. */
  protected override readonly axes = 2;
}

/** Drops whole channels of volumes, `[batch, depth, height, width, channels]`. */
export class Dropout3d extends ChannelDropout<tf.Tensor5D> {
  /** How many axes are between batch and channels. */
  protected override readonly axes = 3;
}

/** What SELU tends to for large negative input. */
const SELU_FLOOR = -1.7580993408473766;

/**
 * Dropout for {@linkcode selu}: what is dropped becomes SELU's lowest value, and the
 * result is scaled and moved so that mean 0 and variance 1 stay (Klambauer et al.
 * 2017, "Self-Normalizing Neural Networks").
 *
 * @typeParam T The rank of input and output.
 */
export class AlphaDropout<T extends tf.Tensor = tf.Tensor>
  extends RandomZeros<T> {
  /** `x` with a part of it dropped. */
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
