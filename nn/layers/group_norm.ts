/**
 * Normalization of groups of channels.
 *
 * @module
 */
import { standardize } from "../../backend/ops/standardize.ts";
import {
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { checkInput, lastAxis, type Size } from "../module/size.ts";
import { NORM_RULES, Normalization, type NormOptions } from "./norm.ts";

/** Options of {@linkcode GroupNorm}. */
export interface GroupNormOptions extends NormOptions {
  /**
   * The number of groups, which must divide the channels. Default: 32, unless `groupSize`
   * is given.
   */
  readonly numGroups?: number;
  /**
   * The number of channels of each group, in place of `numGroups`; it must divide the
   * channels.
   */
  readonly groupSize?: number;
}

const GROUP_RULES: OptionRules<GroupNormOptions> = {
  ...NORM_RULES,
  numGroups: "a positive integer",
  groupSize: "a positive integer",
};

/**
 * Normalizes groups of channels, over them and all axes between batch and channels.
 *
 * `numGroups: 1` normalizes each example as a whole, `groupSize: 1` each channel. (Wu and He 2018, "Group
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
    const { numGroups, groupSize } = options;
    const channels = lastAxis(name, "inSize", inSize);
    if (numGroups !== undefined && groupSize !== undefined) {
      const is = "left out, where groupSize is given";
      refuse(`create ${name}`, "numGroups", is, numGroups);
    }
    const given = groupSize ?? numGroups ?? 32;
    if (channels % given !== 0) {
      const option = groupSize === undefined ? "numGroups" : "groupSize";
      const is = `a divisor of the channels, ${channels}`;
      refuse(`create ${name}`, option, is, given);
    }
    super([channels], options);
    this.numGroups = groupSize === undefined ? given : channels / groupSize;
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
    checkOptions("create InstanceNorm", options, NORM_RULES);
    const numGroups = lastAxis("InstanceNorm", "inSize", inSize);
    super(inSize, { ...options, numGroups });
  }
}
