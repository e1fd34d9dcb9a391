/**
 * Normalization within one example.
 *
 * @module
 */
import { standardize } from "../../backend/ops/standardize.ts";
import {
  boolean,
  check,
  checkOptions,
  listOf,
  type OptionRules,
  refuse,
} from "../../check.ts";
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { One, Zero } from "../init/mod.ts";
import { param } from "../module/param.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of normalizations. */
export interface NormOptions {
  /** Added to the variance, or the mean square. Default: 1e-6. */
  readonly eps?: number;
  /** Whether to learn a scale (`weight`). Default: true. */
  readonly scale?: boolean;
  /** Whether to learn a shift (`bias`). Default: true. */
  readonly bias?: boolean;
}

/** Options of {@linkcode GroupNorm}. */
export interface GroupNormOptions extends NormOptions {
  /** The number of groups, which must divide the channels. Default: 32. */
  readonly numGroups?: number;
}

/** Options of {@linkcode RMSNorm}. */
export type RMSNormOptions = Omit<NormOptions, "bias">;

const RMS_RULES: OptionRules<RMSNormOptions> = {
  eps: "a positive number",
  scale: boolean,
};
const RULES: OptionRules<NormOptions> = { ...RMS_RULES, bias: boolean };
const GROUP_RULES: OptionRules<GroupNormOptions> = {
  ...RULES,
  numGroups: "a positive integer",
};

/**
 * The base of normalizations: a scale and a shift after `standardize`.
 *
 * @typeParam T The rank of input and output.
 * @typeParam W The rank of the parameters.
 */
export abstract class Normalization<
  T extends tf.Tensor,
  W extends tf.Tensor,
> extends SameRank<T> {
  /** The scale, of size `inSize`. */
  readonly weight: ParamState<W> | null;
  /** The shift, of size `inSize`. */
  readonly bias: ParamState<W> | null;
  /** The sizes of the last axes of the input. */
  readonly inSize: readonly number[];
  /** Added to the variance, or the mean square. */
  readonly eps: number;

  /**
   * Create the parameters.
   *
   * @param inSize The shape of the parameters.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(
    inSize: readonly number[],
    { eps = 1e-6, scale = true, bias = true }: NormOptions,
  ) {
    super();
    const { name } = new.target;
    this.inSize = inSize;
    this.eps = eps;
    const shape = [...inSize];
    this.weight = scale ? param<W>(`${name}.weight`, new One(), shape) : null;
    this.bias = bias ? param<W>(`${name}.bias`, new Zero(), shape) : null;
  }

  /** The size of the input. */
  override outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    return inSize;
  }

  /** Any shape that ends in `inSize` to the same. */
  override update(x: T): T {
    checkInput(this.constructor.name, x, this.inSize);
    return tf.tidy(() => {
      const y = this.standardize(floats(x));
      const scaled = this.weight ? tf.mul(y, this.weight.value) : y;
      return (this.bias ? tf.add(scaled, this.bias.value) : scaled) as T;
    });
  }

  /** Normalizes `x`, without scale and shift. */
  protected abstract standardize(x: tf.Tensor): tf.Tensor;

  /** The axes that `inSize` names. */
  protected axesOf(x: tf.Tensor): number[] {
    return this.inSize.map((_, i) => x.rank - this.inSize.length + i);
  }
}

/**
 * Normalizes the last axes.
 *
 * ```text
 * y = (x - mean(x)) / √(variance(x) + ε) weight + bias
 * ```
 *
 * Training and evaluation are the same. (Ba, Kiros and Hinton 2016, "Layer
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
export class LayerNorm<T extends tf.Tensor = tf.Tensor>
  extends Normalization<T, tf.Tensor> {
  /**
   * Create the parameters.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(inSize: number | readonly number[], options: NormOptions = {}) {
    checkOptions("create LayerNorm", options, RULES);
    super(sizes("LayerNorm", inSize), options);
  }

  /** Normalizes `x`, without scale and shift. */
  protected override standardize(x: tf.Tensor): tf.Tensor {
    return standardize(x, this.axesOf(x), this.eps);
  }
}

/**
 * Divides the last axes by their root mean square.
 *
 * ```text
 * y = x / √(mean(x²) + ε) weight
 * ```
 *
 * (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class RMSNorm<T extends tf.Tensor = tf.Tensor>
  extends Normalization<T, tf.Tensor> {
  /**
   * Create the parameter.
   *
   * @param inSize The sizes of the axes to normalize: the last one, or several.
   * @param options See {@linkcode RMSNormOptions}.
   */
  constructor(
    inSize: number | readonly number[],
    options: RMSNormOptions = {},
  ) {
    checkOptions("create RMSNorm", options, RMS_RULES);
    super(sizes("RMSNorm", inSize), { ...options, bias: false });
  }

  /** Normalizes `x`, without scale. */
  protected override standardize(x: tf.Tensor): tf.Tensor {
    const square = tf.mean(tf.square(x), this.axesOf(x), true);
    return tf.mul(x, tf.rsqrt(tf.add(square, this.eps)));
  }
}

/**
 * Normalizes groups of channels, over them and all axes between batch and channels.
 *
 * `numGroups: 1` normalizes each example as a whole. (Wu and He 2018, "Group
 * Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class GroupNorm<T extends tf.Tensor = tf.Tensor>
  extends Normalization<T, tf.Tensor1D> {
  /** The number of groups that the channels are split into. */
  readonly numGroups: number;

  /**
   * Create the parameters.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param options See {@linkcode GroupNormOptions}.
   */
  constructor(inSize: number | Size, options: GroupNormOptions = {}) {
    const { name } = new.target;
    checkOptions(`create ${name}`, options, GROUP_RULES);
    const { numGroups = 32 } = options;
    const channels = lastAxis(name, "inSize", inSize);
    if (channels % numGroups !== 0) {
      const is = `a divisor of the channels, ${channels}`;
      refuse(`create ${name}`, "numGroups", is, numGroups);
    }
    super([channels], options);
    this.numGroups = numGroups;
  }

  /** `[batch, ..., channels]` to the same. */
  override update(x: T): T {
    const { name } = this.constructor;
    checkInput(name, x, this.inSize);
    if (x.rank < 2) {
      throw new RangeError(
        `Cannot call ${name}: the input must have shape [batch, ..., ${
          this.inSize[0]
        }]: current shape is [${x.shape}]`,
      );
    }
    return super.update(x);
  }

  /** Normalizes `x`, without scale and shift. */
  protected override standardize(x: tf.Tensor): tf.Tensor {
    const channels = this.inSize[0]!;
    const cells = x.shape.slice(1, -1).reduce((a, b) => a * b, 1);
    const groups = tf.reshape(x, [
      x.shape[0]!,
      cells,
      this.numGroups,
      channels / this.numGroups,
    ]);
    return tf.reshape(standardize(groups, [1, 3], this.eps), x.shape);
  }
}

/**
 * Normalizes each channel of each example, over all axes between batch and
 * channels: {@linkcode GroupNorm} with as many groups as channels.
 *
 * It learns a scale and a shift by default, like the other normalizations here and
 * unlike torch's. (Ulyanov et al. 2016, "Instance Normalization".)
 *
 * @typeParam T The rank of input and output.
 */
export class InstanceNorm<T extends tf.Tensor = tf.Tensor>
  extends GroupNorm<T> {
  /**
   * Create the parameters.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param options See {@linkcode NormOptions}.
   */
  constructor(inSize: number | Size, options: NormOptions = {}) {
    checkOptions("create InstanceNorm", options, RULES);
    const numGroups = lastAxis("InstanceNorm", "inSize", inSize);
    super(inSize, { ...options, numGroups });
  }
}

/** The sizes of the axes to normalize, at least one. */
function sizes(
  name: string,
  size: number | readonly number[],
): readonly number[] {
  const list: readonly number[] = Array.isArray(size) ? [...size] : [size];
  if (list.length === 0) {
    refuse(`create ${name}`, "inSize", "at least one size", size);
  }
  check(`create ${name}`, "inSize", list, listOf("a positive integer"));
  return list;
}
