/**
 * The base of normalizations within one example.
 *
 * @module
 */
import { boolean, type OptionRules } from "../../internal/check.ts";
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { One, Zero } from "../init/mod.ts";
import { param } from "../module/param.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput, checkSize, type Size } from "../module/size.ts";

/** Options of normalizations. */
export interface NormOptions {
  /** Added to the variance, or the mean square. Default: 1e-6. */
  readonly eps?: number;
  /** Whether to learn a scale (`weight`). Default: true. */
  readonly scale?: boolean;
  /** Whether to learn a shift (`bias`). Default: true. */
  readonly bias?: boolean;
}

/** The rules of {@linkcode NormOptions}. */
export const NORM_RULES: OptionRules<NormOptions> = {
  eps: "a positive number",
  scale: boolean,
  bias: boolean,
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
    return tf.tidy(() => this.normalize(floats(x)) as T);
  }

  /** Normalizes `x`, with scale and shift. */
  protected normalize(x: tf.Tensor): tf.Tensor {
    const y = this.standardize(x);
    const scaled = this.weight ? tf.mul(y, this.weight.value) : y;
    return this.bias ? tf.add(scaled, this.bias.value) : scaled;
  }

  /** Normalizes `x`, without scale and shift. */
  protected abstract standardize(x: tf.Tensor): tf.Tensor;

  /** The axes that `inSize` names. */
  protected axesOf(x: tf.Tensor): number[] {
    return this.inSize.map((_, i) => x.rank - this.inSize.length + i);
  }
}
