/**
 * Pools whose windows adapt to the size of the input.
 *
 * @module
 */
import { checkNoMore } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { Module } from "../module/module.ts";
import { axesOf, type PerAxis, perAxis } from "./window.ts";
import { checkInput, type Size } from "../module/size.ts";

/**
 * The base of adaptive pools: `targetSize` windows along each axis, of which number
 * `i` spans cells `⌊i n / target⌋` to `⌈(i + 1) n / target⌉` of `n`, as in torch.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class AdaptivePool<T extends tf.Tensor> extends Module {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
  /** The number of windows, along each axis. */
  readonly targetSize: readonly number[];

  /**
   * Keep the number of windows.
   *
   * @param targetSize The length of the output: one for all axes, or one for each.
   * @param none No more arguments.
   */
  constructor(targetSize: PerAxis, ...none: readonly never[]) {
    super();
    const { name } = new.target;
    checkNoMore(`create ${name}`, none);
    const axes = axesOf(new.target);
    this.targetSize = perAxis(name, "targetSize", targetSize, axes);
  }

  /** The size of the output for an input of size `inSize`. */
  outSize(inSize: Size): Size {
    return [...this.targetSize, inSize.at(-1) ?? null];
  }

  /** `[batch, ...spatial, channels]` to `[batch, ...targetSize, channels]`. */
  override update(x: T): T {
    checkInput(this.constructor.name, x, [], this.targetSize.length + 2);
    return tf.tidy(() =>
      this.targetSize.reduce(
        // A window is a product of intervals: one axis after the other.
        (y: tf.Tensor, target, i) => this.#axis(y, i + 1, target),
        floats(x),
      ) as T
    );
  }

  /** Reduces the cells of a window along one axis. */
  protected abstract reduce(x: tf.Tensor, axis: number): tf.Tensor;

  #axis(x: tf.Tensor, axis: number, target: number): tf.Tensor {
    const length = x.shape[axis]!;
    if (length === target) return x;
    if (length % target === 0) {
      const shape = x.shape.toSpliced(axis, 1, target, length / target);
      return this.reduce(tf.reshape(x, shape), axis + 1);
    }
    const windows = Array.from({ length: target }, (_, i) => {
      const begin = Math.floor(i * length / target);
      const end = Math.ceil((i + 1) * length / target);
      const start = x.shape.map((_, j) => j === axis ? begin : 0);
      const size = x.shape.map((n, j) => j === axis ? end - begin : n);
      return this.reduce(tf.slice(x, start, size), axis);
    });
    return tf.stack(windows, axis);
  }
}

/** The average of each adaptive window. */
export abstract class AdaptiveAvgPool<T extends tf.Tensor>
  extends AdaptivePool<T> {
  /** Reduces the cells of a window along one axis. */
  protected override reduce(x: tf.Tensor, axis: number): tf.Tensor {
    return tf.mean(x, axis);
  }
}

/** The maximum of each adaptive window. */
export abstract class AdaptiveMaxPool<T extends tf.Tensor>
  extends AdaptivePool<T> {
  /** Reduces the cells of a window along one axis. */
  protected override reduce(x: tf.Tensor, axis: number): tf.Tensor {
    return tf.max(x, axis);
  }
}

/** Averages of sequences: `[batch, length, channels]` to `[batch, target, channels]`. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * Averages of images: `[batch, height, width, channels]` to
 * `[batch, ...targetSize, channels]`. A target of 1 averages whole channels.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const pool = new nn.AdaptiveAvgPool2d([2, 3]);
 * assertEquals(pool.call(tf.ones([1, 7, 7, 4])).shape, [1, 2, 3, 4]);
 * ```
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** Averages of volumes: `[batch, depth, height, width, channels]`. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}

/** Maxima of sequences: `[batch, length, channels]` to `[batch, target, channels]`. */
export class AdaptiveMaxPool1d extends AdaptiveMaxPool<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/** Maxima of images: `[batch, height, width, channels]`. */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/** Maxima of volumes: `[batch, depth, height, width, channels]`. */
export class AdaptiveMaxPool3d extends AdaptiveMaxPool<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
