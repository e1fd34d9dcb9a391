/**
 * Transposed convolutions.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { checkInput, checkSize, type Size } from "../module/size.ts";
import { ConvBase, type ConvKind } from "./conv_base.ts";
import type { WeightOptions } from "./linear.ts";
import {
  type Padding,
  type PaddingPairs,
  pairOf,
  type PerAxis,
} from "./window.ts";

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends WeightOptions {
  /** The distance of the input cells in the output. Default: 1. */
  readonly stride?: PerAxis;
  /**
   * The cells cut off the output: `"same"` leaves the input's size times the stride,
   * `"valid"` all of `(size - 1) stride + kernel`, numbers remove as many cells from
   * the ends. Default: `"same"`.
   */
  readonly padding?: Padding;
  /** Cells added at the end, unless the padding is `"same"`. Default: 0. */
  readonly outputPadding?: PerAxis;
  /** The number of groups that the channels are split into. Default: 1. */
  readonly groups?: number;
}

/**
 * The transpose of a convolution, which enlarges its input: the base of
 * {@linkcode ConvTranspose1d} and {@linkcode ConvTranspose2d}.
 *
 * ```text
 * y[b, stride i + k - padding, o] += x[b, i, c] weight[k, c, o]
 * ```
 *
 * The weight is `[...kernel, in, out / groups]`. As torch's `ConvTranspose2d`, channels
 * last.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class ConvTranspose<T extends tf.Tensor>
  extends ConvBase<T, ConvTransposeOptions> {
  /** Cells may be added to the output, fewer than a stride. */
  static override readonly kind: ConvKind = {
    option: "outputPadding",
    least: 0,
    weightShape: ({ name, kernel, inputs, outputs, groups, stride, own }) => {
      if (own.some((count, i) => count >= stride[i]!)) {
        const is = `below the stride, ${stride}`;
        refuse(`create ${name}`, "outputPadding", is, own);
      }
      return [...kernel, inputs, outputs / groups];
    },
  };

  /** Cells added at the end, along each axis. */
  get outputPadding(): readonly number[] {
    return this.own;
  }

  /** Any size along the window's axes, and the number of channels. */
  get inSize(): Size {
    return [...this.stride.map(() => null), this.weight.shape.at(-2)!];
  }

  /** The size of the output for an input of size `inSize`. */
  outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    const axes = this.stride.length;
    return [
      ...inSize.slice(-1 - axes, -1).map((length, i) =>
        length === null ? null : this.#cut(length, i).length
      ),
      this.weight.shape.at(-1)! * this.groups,
    ];
  }

  /** `[batch, ...spatial, in]` to `[batch, ...spatial, out]`. */
  override update(x: T): T {
    const axes = this.stride.length;
    checkInput(this.constructor.name, x, this.inSize, axes + 2);
    return tf.tidy(() => {
      // One axis is two, of which the first has size 1.
      const flat = axes === 1;
      const given = floats(x);
      const image = (flat ? tf.expandDims(given, 1) : given) as tf.Tensor4D;
      const weight = this.weight.value;
      const kernel = (flat ? tf.expandDims(weight, 0) : weight) as tf.Tensor4D;
      const full = this.#groups(image, kernel);
      const y = flat ? tf.squeeze(full, [1]) : full;
      const cropped = this.#crop(y, x.shape.slice(1, -1));
      return (this.bias ? tf.add(cropped, this.bias.value) : cropped) as T;
    });
  }

  #groups(x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
    if (this.groups === 1) return this.#transpose(x, kernel);
    const xs = tf.split<tf.Tensor4D>(x, this.groups, 3);
    const kernels = tf.split<tf.Tensor4D>(kernel, this.groups, 2);
    return tf.concat(
      xs.map((part, i) => this.#transpose(part, kernels[i]!)),
      3,
    );
  }

  /** The full output, before the padding is cut off. */
  #transpose(x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
    const [batch, height, width] = x.shape;
    const [kernelHeight, kernelWidth, , outputs] = kernel.shape;
    const [down, right] = pairOf(
      this.stride.length === 1 ? [1, ...this.stride] : this.stride,
    );
    return tf.conv2dTranspose(
      x,
      tf.transpose(kernel, [0, 1, 3, 2]), // tfjs has [height, width, out, in]
      [
        batch,
        (height - 1) * down + kernelHeight,
        (width - 1) * right + kernelWidth,
        outputs,
      ],
      [down, right],
      "valid",
    );
  }

  /** The part of the full output that is kept, along an axis. */
  #cut(length: number, axis: number): { begin: number; length: number } {
    const stride = this.stride[axis]!;
    const full = (length - 1) * stride + this.weight.shape[axis]!;
    if (this.padding === "valid") {
      return { begin: 0, length: full + this.outputPadding[axis]! };
    }
    if (this.padding === "same") {
      const excess = Math.max(full - length * stride, 0);
      return { begin: Math.floor(excess / 2), length: length * stride };
    }
    const padding = this.padding as Exclude<PaddingPairs, string>;
    const [before, after] = padding[axis]!;
    const left = full - before - after + this.outputPadding[axis]!;
    if (left < 1) {
      throw new RangeError(
        `Cannot apply ${this.constructor.name}: padding must leave some of the output's ${full} cells: current value is ${before} and ${after}`,
      );
    }
    return { begin: before, length: left };
  }

  #crop(y: tf.Tensor, lengths: readonly number[]): tf.Tensor {
    const cuts = lengths.map((length, i) => this.#cut(length, i));
    const missing = cuts.map(({ begin, length }, i) =>
      Math.max(begin + length - y.shape[i + 1]!, 0)
    );
    const enough = missing.some((cells) => cells > 0)
      ? tf.pad(y, [
        [0, 0],
        ...missing.map((cells): [number, number] => [0, cells]),
        [0, 0],
      ])
      : y;
    const begin = [0, ...cuts.map((cut) => cut.begin), 0];
    const size = [
      y.shape[0]!,
      ...cuts.map((cut) => cut.length),
      y.shape.at(-1)!,
    ];
    return tf.util.arraysEqual(size, enough.shape)
      ? enough
      : tf.slice(enough, begin, size);
  }
}

/**
 * A transposed convolution along one axis: `[batch, length, in]` to
 * `[batch, length · stride, out]`.
 */
export class ConvTranspose1d extends ConvTranspose<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * A transposed convolution of images: `[batch, height, width, in]` to
 * `[batch, height · stride, width · stride, out]`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const up = new nn.ConvTranspose2d(8, 4, 3, { stride: 2 });
 * assertEquals(up.call(tf.ones([1, 5, 5, 8])).shape, [1, 10, 10, 4]);
 * ```
 */
export class ConvTranspose2d extends ConvTranspose<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}
