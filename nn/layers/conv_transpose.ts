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
import { masked, type MaskedWeightOptions } from "./weight_mask.ts";
import {
  type Padding,
  type PaddingPairs,
  pairOf,
  type PerAxis,
  tripleOf,
} from "./window.ts";

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends MaskedWeightOptions {
  /** The distance of the input cells in the output. Default: 1. */
  readonly stride?: PerAxis;
  /**
   * The cells cut off the output: `"same"` leaves the input's size times the stride,
   * `"valid"` all of `(size - 1) stride + dilation (kernel - 1) + 1`, numbers remove as
   * many cells from the ends. Default: `"same"`.
   */
  readonly padding?: Padding;
  /** Cells added at the end, unless the padding is `"same"`. Default: 0. */
  readonly outputPadding?: PerAxis;
  /** The distance of the window's cells. Default: 1. */
  readonly dilation?: PerAxis;
  /** The number of groups that the channels are split into. Default: 1. */
  readonly groups?: number;
}

/**
 * The transpose of a convolution, which enlarges its input: the base of
 * {@linkcode ConvTranspose1d}, {@linkcode ConvTranspose2d} and
 * {@linkcode ConvTranspose3d}.
 *
 * ```text
 * y[b, stride i + dilation k - padding, o] += x[b, i, c] weight[k, c, o]
 * ```
 *
 * The weight is `[...kernel, in, out / groups]`. As torch's `ConvTranspose2d`, channels
 * last.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class ConvTranspose<T extends tf.Tensor>
  extends ConvBase<T, ConvTransposeOptions> {
  /** Cells may be added to the output, fewer than a stride or a dilation. */
  static override readonly kind: ConvKind = {
    addsCells: true,
    weightShape: (settings) => {
      const { name, kernel, inputs, outputs, groups, outputPadding } = settings;
      const { stride, dilation } = settings;
      const limit = stride.map((step, i) => Math.max(step, dilation[i]!));
      if (outputPadding.some((count, i) => count >= limit[i]!)) {
        const is = `below the stride or the dilation, ${limit}`;
        refuse(`create ${name}`, "outputPadding", is, outputPadding);
      }
      return [...kernel, inputs, outputs / groups];
    },
  };

  /** Cells added at the end, along each axis. */
  get outputPadding(): readonly number[] {
    return this.added;
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
      const weight = this.#spread(masked(this.weight, this.weightMask));
      const full = this.#groups(
        flat ? tf.expandDims(given, 1) : given,
        flat ? tf.expandDims(weight, 0) : weight,
      );
      const y = flat ? tf.squeeze(full, [1]) : full;
      const cropped = this.#crop(y, x.shape.slice(1, -1));
      return (this.bias ? tf.add(cropped, this.bias.value) : cropped) as T;
    });
  }

  /** The kernel with zeros between its cells, so that they lie `dilation` apart. */
  #spread(kernel: tf.Tensor): tf.Tensor {
    return this.dilation.reduce((kernel, apart, axis) => {
      const length = kernel.shape[axis]!;
      if (apart === 1 || length === 1) return kernel;
      const columns = kernel.shape.toSpliced(axis + 1, 0, 1);
      const zeros = columns.map((_, i): [number, number] =>
        i === axis + 1 ? [0, apart - 1] : [0, 0]
      );
      const spaced = tf.pad(tf.reshape(kernel, columns), zeros);
      const joined = kernel.shape.with(axis, length * apart);
      return tf.slice(
        tf.reshape(spaced, joined),
        joined.map(() => 0),
        joined.with(axis, this.#reach(axis)),
      );
    }, kernel);
  }

  /** How many cells the window spans along an axis. */
  #reach(axis: number): number {
    return this.dilation[axis]! * (this.weight.shape[axis]! - 1) + 1;
  }

  #groups(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    if (this.groups === 1) return this.#transpose(x, kernel);
    const xs = tf.split(x, this.groups, x.rank - 1);
    const kernels = tf.split(kernel, this.groups, kernel.rank - 2);
    return tf.concat(
      xs.map((part, i) => this.#transpose(part, kernels[i]!)),
      x.rank - 1,
    );
  }

  /** The full output, before the padding is cut off. */
  #transpose(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    const stride = this.stride.length === 1 ? [1, ...this.stride] : this.stride;
    const lengths = stride.map((step, i) =>
      (x.shape[i + 1]! - 1) * step + kernel.shape[i]!
    );
    const outputs = kernel.shape.at(-1)!;
    // tfjs has [...kernel, out, in].
    const places = lengths.map((_, i) => i);
    const swapped = tf.transpose(kernel, [
      ...places,
      kernel.rank - 1,
      kernel.rank - 2,
    ]);
    const batch = x.shape[0]!;
    return lengths.length === 3
      ? tf.conv3dTranspose(
        x as tf.Tensor5D,
        swapped as tf.Tensor5D,
        [batch, ...tripleOf(lengths), outputs],
        tripleOf(stride),
        "valid",
      )
      : tf.conv2dTranspose(
        x as tf.Tensor4D,
        swapped as tf.Tensor4D,
        [batch, ...pairOf(lengths), outputs],
        pairOf(stride),
        "valid",
      );
  }

  /** The part of the full output that is kept, along an axis. */
  #cut(length: number, axis: number): { begin: number; length: number } {
    const stride = this.stride[axis]!;
    const full = (length - 1) * stride + this.#reach(axis);
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

/**
 * A transposed convolution of volumes: `[batch, depth, height, width, in]` to
 * `[batch, depth · stride, height · stride, width · stride, out]`.
 */
export class ConvTranspose3d extends ConvTranspose<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
