/**
 * Pools: the largest or the average of each window.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { Module } from "../module/module.ts";
import { checkInput, type Size } from "../module/size.ts";
import {
  axesOf,
  outLength,
  type Padding,
  type PaddingPairs,
  paddingPairs,
  paddingRule,
  pairOf,
  type PerAxis,
  perAxis,
  perAxisRule,
  tripleOf,
} from "./window.ts";

/** Options of pools. */
export interface PoolOptions {
  /** The distance between places of the window. Default: `kernelSize`. */
  readonly stride?: PerAxis;
  /** The padding around the input, which no window counts. Default: `"valid"`. */
  readonly padding?: Padding;
}

/** The size of the window, its stride and the padding, as tfjs takes them. */
export type PoolArgs<N extends 2 | 3> = N extends 2
  ? [[number, number], [number, number], "same" | "valid"]
  : [[number, number, number], [number, number, number], "same" | "valid"];

const RULES: OptionRules<PoolOptions> = {
  stride: perAxisRule(),
  padding: paddingRule,
};

/**
 * The base of pools: windows that move along the axes between batch and channels.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class Pool<T extends tf.Tensor> extends Module {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
  /** The size of the window, along each axis. */
  readonly kernelSize: readonly number[];
  /** The distance between places of the window, along each axis. */
  readonly stride: readonly number[];
  /** The padding around the input: a pair for each axis, unless it is a name. */
  readonly padding: Padding;

  /**
   * Keep the settings.
   *
   * @param kernelSize The size of the window: one for all axes, or one for each.
   * @param options See {@linkcode PoolOptions}.
   */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super();
    const { name } = new.target;
    const axes = axesOf(new.target);
    checkOptions(`create ${name}`, options, RULES);
    const { stride = kernelSize, padding = "valid" } = options;
    this.kernelSize = perAxis(name, "kernelSize", kernelSize, axes);
    this.stride = perAxis(name, "stride", stride, axes);
    this.padding = paddingPairs(name, padding, axes);
  }

  /** The size of the output for an input of size `inSize`. */
  outSize(inSize: Size): Size {
    const axes = this.stride.length;
    return [
      ...inSize.slice(-1 - axes, -1).map((length, i) =>
        outLength(this.constructor.name, length, {
          kernel: this.kernelSize[i]!,
          stride: this.stride[i]!,
          dilation: 1,
          padding: this.padding as PaddingPairs,
          axis: i,
        })
      ),
      inSize.at(-1) ?? null,
    ];
  }

  /** `[batch, ...spatial, channels]` to the same with fewer cells. */
  override update(x: T): T {
    const axes = this.stride.length;
    checkInput(this.constructor.name, x, [], axes + 2);
    this.outSize(x.shape.slice(1));
    return tf.tidy(() => {
      const given = floats(x);
      const { kernelSize, stride } = this;
      const mode = this.padding === "same" ? "same" : "valid";
      if (axes === 3) {
        const volume = given as tf.Tensor as tf.Tensor5D;
        const sizes = [tripleOf(kernelSize), tripleOf(stride)] as const;
        return this.volume(volume, ...sizes, mode) as T;
      }
      // One axis is two, of which the second has size 1.
      const flat = axes === 1;
      const image = (flat ? tf.expandDims(given, 2) : given) as tf.Tensor4D;
      const pair = (sizes: readonly number[]) =>
        pairOf(flat ? [...sizes, 1] : sizes);
      const y = this.image(image, pair(kernelSize), pair(stride), mode);
      return (flat ? tf.squeeze(y, [2]) : y) as T;
    });
  }

  /** Pools two axes. */
  protected abstract image(x: tf.Tensor4D, ...args: PoolArgs<2>): tf.Tensor;
  /** Pools three axes. */
  protected abstract volume(x: tf.Tensor5D, ...args: PoolArgs<3>): tf.Tensor;

  /** `x` with `value` around it, where the padding counts cells. */
  protected around<X extends tf.Tensor>(x: X, value: number): X {
    if (typeof this.padding === "string") return x;
    const pairs = this.padding as Exclude<PaddingPairs, string>;
    const spatial = pairs.map(([a, b]): [number, number] => [a, b]);
    const rest = x.rank - 2 - spatial.length; // of the axis that was put in
    const none: [number, number][] = Array.from({ length: rest }, () => [0, 0]);
    return tf.pad(x, [[0, 0], ...spatial, ...none, [0, 0]], value);
  }
}

/** The maximum of each window. */
export abstract class MaxPool<T extends tf.Tensor> extends Pool<T> {
  /** Pools two axes. */
  protected override image(x: tf.Tensor4D, ...args: PoolArgs<2>): tf.Tensor {
    return tf.maxPool(this.around(x, LOWEST), ...args);
  }

  /** Pools three axes. */
  protected override volume(x: tf.Tensor5D, ...args: PoolArgs<3>): tf.Tensor {
    return tf.maxPool3d(this.around(x, LOWEST), ...args);
  }
}

/** The lowest float32, so that the padding is never the maximum. */
const LOWEST = -3.4028234663852886e38;

/** The average of each window, over the cells that lie inside the input. */
export abstract class AvgPool<T extends tf.Tensor> extends Pool<T> {
  /** Pools two axes. */
  protected override image(x: tf.Tensor4D, ...args: PoolArgs<2>): tf.Tensor {
    return this.#inside(x, (y) => tf.avgPool(y, ...args));
  }

  /** Pools three axes. */
  protected override volume(x: tf.Tensor5D, ...args: PoolArgs<3>): tf.Tensor {
    return this.#inside(x, (y) => tf.avgPool3d(y, ...args));
  }

  #inside<X extends tf.Tensor>(x: X, pool: (x: X) => tf.Tensor): tf.Tensor {
    if (typeof this.padding === "string") return pool(x);
    const share = pool(this.around(tf.onesLike(x), 0));
    return tf.divNoNan(pool(this.around(x, 0)), share);
  }
}

/** The maximum of each window along one axis: `[batch, length, channels]`. */
export class MaxPool1d extends MaxPool<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * The maximum of each window of images: `[batch, height, width, channels]`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const pool = new nn.MaxPool2d(2);
 * assertEquals(pool.call(tf.ones([1, 8, 8, 3])).shape, [1, 4, 4, 3]);
 * ```
 */
export class MaxPool2d extends MaxPool<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** The maximum of each window of volumes: `[batch, depth, height, width, channels]`. */
export class MaxPool3d extends MaxPool<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/** The average of each window along one axis: `[batch, length, channels]`. */
export class AvgPool1d extends AvgPool<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * The average of each window of images: `[batch, height, width, channels]`.
 *
 * Cells of the padding are not counted (torch's `count_include_pad=False`).
 */
export class AvgPool2d extends AvgPool<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** The average of each window of volumes: `[batch, depth, height, width, channels]`. */
export class AvgPool3d extends AvgPool<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
