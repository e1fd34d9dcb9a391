/**
 * Pools: the largest or the average of each window.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { Module } from "../module/module.ts";
import {
  outLength,
  type Padding,
  type PerAxis,
  perAxis,
  type ResolvedPadding,
  resolvePadding,
} from "./window.ts";
import { checkInput, type Size } from "../module/size.ts";

/** Options of pools. */
export interface PoolOptions {
  /** How far the window moves. Default: its size, so that windows do not overlap. */
  readonly stride?: PerAxis;
  /** What is put around the input; it counts for nothing. Default: `"valid"`. */
  readonly padding?: Padding;
}

/**
 * What all pools share: windows that move along the axes between batch and
 * channels.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class Pool<T extends tf.Tensor> extends Module {
  /** The size of the window, along each axis. */
  readonly kernelSize: readonly number[];
  /** How far it moves, along each axis. */
  readonly stride: readonly number[];
  /** What is put around the input. */
  readonly padding: ResolvedPadding;

  /**
   * Describe the windows.
   *
   * @param axes How many axes they move along.
   * @param kernelSize Their size: one for all axes, or one for each.
   * @param options See {@linkcode PoolOptions}.
   */
  constructor(
    axes: 1 | 2 | 3,
    kernelSize: PerAxis,
    { stride = kernelSize, padding = "valid" }: PoolOptions = {},
  ) {
    super();
    const name = new.target.name;
    this.kernelSize = perAxis(name, "kernelSize", kernelSize, axes);
    this.stride = perAxis(name, "stride", stride, axes);
    this.padding = resolvePadding(name, padding, axes);
  }

  /** The size that comes out when `inSize` goes in. */
  outSize(inSize: Size): Size {
    const axes = this.stride.length;
    return [
      ...inSize.slice(-1 - axes, -1).map((length, i) =>
        outLength(this.constructor.name, length, {
          kernel: this.kernelSize[i]!,
          stride: this.stride[i]!,
          dilation: 1,
          padding: this.padding,
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
      if (axes === 3) return this.volume(x as tf.Tensor as tf.Tensor5D) as T;
      if (axes === 2) return this.image(x as tf.Tensor as tf.Tensor4D) as T;
      // One axis is two, of which the second has size 1.
      return tf.squeeze(this.image(tf.expandDims(x, 2)), [2]) as T;
    });
  }

  /** Pool two axes. */
  protected abstract image(x: tf.Tensor4D): tf.Tensor;
  /** Pool three axes. */
  protected abstract volume(x: tf.Tensor5D): tf.Tensor;

  /** Window and stride along two axes. */
  protected get pairs(): [[number, number], [number, number]] {
    const pair = (x: readonly number[]): [number, number] => [x[0]!, x[1] ?? 1];
    return [pair(this.kernelSize), pair(this.stride)];
  }

  /** Window and stride along three axes. */
  protected get triples(): [
    [number, number, number],
    [number, number, number],
  ] {
    const triple = (x: readonly number[]): [number, number, number] => [
      x[0]!,
      x[1]!,
      x[2]!,
    ];
    return [triple(this.kernelSize), triple(this.stride)];
  }

  /** `x` with `value` around it, where the padding counts cells. */
  protected around<X extends tf.Tensor>(x: X, value: number): X {
    if (typeof this.padding === "string") return x;
    const spatial = this.padding.map(([a, b]): [number, number] => [a, b]);
    const rest = x.rank - 2 - spatial.length; // of the axis that was put in
    const none: [number, number][] = Array.from({ length: rest }, () => [0, 0]);
    return tf.pad(x, [[0, 0], ...spatial, ...none, [0, 0]], value);
  }

  /** The padding as tfjs knows it. */
  protected get mode(): "same" | "valid" {
    return this.padding === "same" ? "same" : "valid";
  }
}

/** The largest of each window. */
export abstract class MaxPool<T extends tf.Tensor> extends Pool<T> {
  /** Pool two axes. */
  protected override image(x: tf.Tensor4D): tf.Tensor {
    const [kernel, stride] = this.pairs;
    return tf.maxPool(this.around(x, LOWEST), kernel, stride, this.mode);
  }

  /** Pool three axes. */
  protected override volume(x: tf.Tensor5D): tf.Tensor {
    const [kernel, stride] = this.triples;
    return tf.maxPool3d(this.around(x, LOWEST), kernel, stride, this.mode);
  }
}

/** Below every number: what is around the input is never the largest. */
const LOWEST = -3.4028234663852886e38;

/** The average of each window, of the cells that lie inside the input. */
export abstract class AvgPool<T extends tf.Tensor> extends Pool<T> {
  /** Pool two axes. */
  protected override image(x: tf.Tensor4D): tf.Tensor {
    const [kernel, stride] = this.pairs;
    return this.#inside(x, (y) => tf.avgPool(y, kernel, stride, this.mode));
  }

  /** Pool three axes. */
  protected override volume(x: tf.Tensor5D): tf.Tensor {
    const [kernel, stride] = this.triples;
    return this.#inside(x, (y) => tf.avgPool3d(y, kernel, stride, this.mode));
  }

  #inside<X extends tf.Tensor>(x: X, pool: (x: X) => tf.Tensor): tf.Tensor {
    if (typeof this.padding === "string") return pool(x);
    const share = pool(this.around(tf.onesLike(x), 0));
    return tf.divNoNan(pool(this.around(x, 0)), share);
  }
}

/** The largest of each window along one axis: `[batch, length, channels]`. */
export class MaxPool1d extends MaxPool<tf.Tensor3D> {
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(1, kernelSize, options);
  }
}

/**
 * The largest of each window of images: `[batch, height, width, channels]`.
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
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/** The largest of each window of volumes: `[batch, depth, height, width, channels]`. */
export class MaxPool3d extends MaxPool<tf.Tensor5D> {
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(3, kernelSize, options);
  }
}

/** The average of each window along one axis: `[batch, length, channels]`. */
export class AvgPool1d extends AvgPool<tf.Tensor3D> {
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(1, kernelSize, options);
  }
}

/**
 * The average of each window of images: `[batch, height, width, channels]`.
 *
 * Cells of the padding are not counted (torch's `count_include_pad=False`).
 */
export class AvgPool2d extends AvgPool<tf.Tensor4D> {
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/** The average of each window of volumes: `[batch, depth, height, width, channels]`. */
export class AvgPool3d extends AvgPool<tf.Tensor5D> {
  /** See {@linkcode Pool}. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(3, kernelSize, options);
  }
}
