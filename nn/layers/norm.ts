/**
 * Normalization within one example.
 *
 * @module
 */
import { standardize } from "../../backend/ops/standardize.ts";
import * as tf from "../../tf.ts";
import type { ParamState } from "../../state.ts";
import { One, Zero } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import {
  checkInput,
  checkSize,
  lastAxis,
  show,
  type Size,
} from "../module/size.ts";

/** Options of normalizations. */
export interface NormOptions {
  /** Added to the variance, or the mean square. Default: 1e-6. */
  readonly epsilon?: number;
  /** Whether to learn a scale (`weight`). Default: true. */
  readonly scale?: boolean;
  /** Whether to learn a shift (`bias`). Default: true. */
  readonly bias?: boolean;
}

/**
 * Normalizes the last axes.
 *
 * ```text
 * y = (x - mean(x)) / √(variance(x) + ε) weight + bias
 * ```
 *
 * Behaves the same in training and outside it. (Ba, Kiros and Hinton 2016, "Layer
 * Normalization".)
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const norm = new nn.LayerNorm(2);
 * const [low, high] = await norm.call(tf.tensor2d([[3, 5]])).data();
 * assertAlmostEquals(low!, -1, 1e-5);
 * assertAlmostEquals(high!, 1, 1e-5);
 * ```
 *
 * @typeParam T The rank of input and output.
 */
export class LayerNorm<T extends tf.Tensor = tf.Tensor> extends Module {
  /** The scale, of the size of the axes. */
  readonly weight: ParamState | null;
  /** The shift, of the size of the axes. */
  readonly bias: ParamState | null;
  /** The sizes of the axes to normalize. */
  readonly inSize: readonly number[];
  /** Added to the variance. */
  readonly epsilon: number;

  /**
   * Make the parameters.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(
    inSize: number | readonly number[],
    { epsilon = 1e-6, scale = true, bias = true }: NormOptions = {},
  ) {
    super();
    const name = new.target.name;
    checkEpsilon(name, epsilon);
    this.inSize = sizes(name, inSize);
    this.epsilon = epsilon;
    this.weight = scale
      ? param(`${name}.weight`, new One(), [...this.inSize])
      : null;
    this.bias = bias
      ? param(`${name}.bias`, new Zero(), [...this.inSize])
      : null;
  }

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    checkSize("LayerNorm", this.inSize, inSize);
    return inSize;
  }

  /** `[..., ...inSize]` to the same. */
  override update(x: T): T {
    checkInput("LayerNorm", x, this.inSize);
    return tf.tidy(() => {
      const axes = this.inSize.map((_, i) => x.rank - this.inSize.length + i);
      const y = standardize(x, axes, this.epsilon);
      return affine(y, this.weight, this.bias) as T;
    });
  }
}

/**
 * Divides the last axis by its root mean square.
 *
 * ```text
 * y = x / √(mean(x²) + ε) weight
 * ```
 *
 * (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class RMSNorm<T extends tf.Tensor = tf.Tensor> extends Module {
  /** The scale, of the size of the axes. */
  readonly weight: ParamState | null;
  /** The sizes of the axes to normalize. */
  readonly inSize: readonly number[];
  /** Added to the mean square. */
  readonly epsilon: number;

  /**
   * Make the parameter.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(
    inSize: number | readonly number[],
    { epsilon = 1e-6, scale = true }: Omit<NormOptions, "bias"> = {},
  ) {
    super();
    checkEpsilon("RMSNorm", epsilon);
    this.inSize = sizes("RMSNorm", inSize);
    this.epsilon = epsilon;
    this.weight = scale
      ? param("RMSNorm.weight", new One(), [...this.inSize])
      : null;
  }

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    checkSize("RMSNorm", this.inSize, inSize);
    return inSize;
  }

  /** `[..., ...inSize]` to the same. */
  override update(x: T): T {
    checkInput("RMSNorm", x, this.inSize);
    return tf.tidy(() => {
      const axes = this.inSize.map((_, i) => x.rank - this.inSize.length + i);
      const square = tf.mean(tf.square(x), axes, true);
      const y = tf.mul(x, tf.rsqrt(tf.add(square, this.epsilon)));
      return affine(y, this.weight, null) as T;
    });
  }
}

/** Options of {@linkcode GroupNorm}. */
export interface GroupNormOptions extends NormOptions {
  /** How many groups; it must divide the channels. Default: 32. */
  readonly numGroups?: number;
}

/**
 * Normalizes groups of channels, over them and all axes between batch and channels.
 *
 * `numGroups: 1` normalizes each example as a whole. (Wu and He 2018, "Group
 * Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class GroupNorm<T extends tf.Tensor = tf.Tensor> extends Module {
  /** The scale, `[channels]`. */
  readonly weight: ParamState<tf.Tensor1D> | null;
  /** The shift, `[channels]`. */
  readonly bias: ParamState<tf.Tensor1D> | null;
  /** The number of channels. */
  readonly inSize: readonly number[];
  /** How many groups the channels are split into. */
  readonly numGroups: number;
  /** Added to the variance. */
  readonly epsilon: number;

  /**
   * Make the parameters.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param options See {@linkcode GroupNormOptions}.
   */
  constructor(
    inSize: number | Size,
    { numGroups = 32, epsilon = 1e-6, scale = true, bias = true }:
      GroupNormOptions = {},
  ) {
    super();
    const name = new.target.name;
    const channels = lastAxis(name, "inSize", inSize);
    checkEpsilon(name, epsilon);
    if (channels % lastAxis(name, "numGroups", numGroups) !== 0) {
      throw new RangeError(
        `Cannot create ${name}: numGroups must divide the channels, ${channels}: current value is ${numGroups}`,
      );
    }
    this.inSize = [channels];
    this.numGroups = numGroups;
    this.epsilon = epsilon;
    this.weight = scale ? param(`${name}.weight`, new One(), [channels]) : null;
    this.bias = bias ? param(`${name}.bias`, new Zero(), [channels]) : null;
  }

  /** The size that goes in. */
  outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    return inSize;
  }

  /** `[batch, ..., channels]` to the same. */
  override update(x: T): T {
    const name = this.constructor.name;
    checkInput(name, x, this.inSize);
    if (x.rank < 2) {
      throw new RangeError(
        `Cannot call ${name}: the input must have shape [batch, ..., ${
          this.inSize[0]
        }]: current shape is [${x.shape}]`,
      );
    }
    return tf.tidy(() => {
      const channels = this.inSize[0]!;
      const cells = x.shape.slice(1, -1).reduce((a, b) => a * b, 1);
      const groups = tf.reshape(x, [
        x.shape[0]!,
        cells,
        this.numGroups,
        channels / this.numGroups,
      ]);
      const y = tf.reshape(standardize(groups, [1, 3], this.epsilon), x.shape);
      return affine(y, this.weight, this.bias) as T;
    });
  }
}

/**
 * Normalizes each channel of each example, over all axes between batch and
 * channels: {@linkcode GroupNorm} with as many groups as channels.
 *
 * Unlike torch's it learns a scale and a shift by default, as our other
 * normalizations. (Ulyanov et al. 2016, "Instance Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class InstanceNorm<T extends tf.Tensor = tf.Tensor>
  extends GroupNorm<T> {
  /**
   * Make the parameters.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(inSize: number | Size, options: NormOptions = {}) {
    super(inSize, {
      ...options,
      numGroups: lastAxis("InstanceNorm", "inSize", inSize),
    });
  }
}

function affine(
  x: tf.Tensor,
  weight: ParamState<tf.Tensor> | ParamState<tf.Tensor1D> | null,
  bias: ParamState<tf.Tensor> | ParamState<tf.Tensor1D> | null,
): tf.Tensor {
  const scaled = weight ? tf.mul(x, weight.value) : x;
  return bias ? tf.add(scaled, bias.value) : scaled;
}

function sizes(
  name: string,
  size: number | readonly number[],
): readonly number[] {
  const list = typeof size === "number" ? [size] : size;
  if (list.length === 0 || !list.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(
      `Cannot create ${name}: inSize must be whole numbers above 0: current value is ${
        show(list)
      }`,
    );
  }
  return [...list];
}

function checkEpsilon(name: string, epsilon: number) {
  if (!(epsilon > 0)) {
    throw new RangeError(
      `Cannot create ${name}: epsilon must be above 0: current value is ${epsilon}`,
    );
  }
}
