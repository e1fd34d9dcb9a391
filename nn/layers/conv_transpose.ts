/**
 * Transposed convolutions.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import type { ParamState } from "../../state.ts";
import { XavierNormal, Zero } from "../init/mod.ts";
import type { WeightOptions } from "./linear.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import {
  type Padding,
  type PerAxis,
  perAxis,
  type ResolvedPadding,
  resolvePadding,
} from "./window.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends WeightOptions {
  /** How far apart the inputs are in the output. Default: 1. */
  readonly stride?: PerAxis;
  /**
   * What is cut off the output: `"same"` leaves the input's size times the stride,
   * `"valid"` all of `(size - 1) stride + kernel`, numbers take as many cells from
   * the ends. Default: `"same"`.
   */
  readonly padding?: Padding;
  /** Cells added behind after that, with numbers for padding. Default: 0. */
  readonly outputPadding?: PerAxis | 0;
  /** How many groups the channels are split into. Default: 1. */
  readonly groups?: number;
}

/**
 * The transpose of a convolution, which makes its input larger: what
 * {@linkcode ConvTranspose1d} and {@linkcode ConvTranspose2d} share.
 *
 * ```text
 * y[b, stride i + k - padding, o] += x[b, i, c] weight[k, c, o]
 * ```
 *
 * As torch's `ConvTranspose2d`, channels last.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class ConvTranspose<T extends tf.Tensor> extends Module {
  /** `[...kernel, in, out / groups]` */
  readonly weight: ParamState;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D> | null;
  /** How far apart the inputs are in the output, along each axis. */
  readonly stride: readonly number[];
  /** What is cut off the output. */
  readonly padding: ResolvedPadding;
  /** Cells added behind, along each axis. */
  readonly outputPadding: readonly number[];
  /** How many groups the channels are split into. */
  readonly groups: number;

  /**
   * Make the parameters.
   *
   * @param axes How many axes the window moves along.
   * @param inSize The number of channels, or a size that ends in it.
   * @param outChannels The number of channels that come out.
   * @param kernelSize The size of the window: one for all axes, or one for each.
   * @param options See {@linkcode ConvTransposeOptions}.
   */
  constructor(
    axes: 1 | 2,
    inSize: number | Size,
    outChannels: number,
    kernelSize: PerAxis,
    {
      stride = 1,
      padding = "same",
      outputPadding = 0,
      groups = 1,
      bias = true,
      weightInit = new XavierNormal(),
      biasInit = new Zero(),
      random,
    }: ConvTransposeOptions = {},
  ) {
    super();
    const name = new.target.name;
    const inputs = lastAxis(name, "inSize", inSize);
    const outputs = lastAxis(name, "outChannels", outChannels);
    const kernel = perAxis(name, "kernelSize", kernelSize, axes);
    this.stride = perAxis(name, "stride", stride, axes);
    this.padding = resolvePadding(name, padding, axes);
    this.outputPadding = outputPadding === 0
      ? Array(axes).fill(0)
      : perAxis(name, "outputPadding", outputPadding, axes);
    if (this.outputPadding.some((cells, i) => cells >= this.stride[i]!)) {
      throw new RangeError(
        `Cannot create ${name}: outputPadding must be below the stride, ${this.stride}: current value is ${this.outputPadding}`,
      );
    }
    this.groups = lastAxis(name, "groups", groups);
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new RangeError(
        `Cannot create ${name}: groups must divide the channels, ${inputs} and ${outputs}: current value is ${groups}`,
      );
    }
    const shape = [...kernel, inputs, outputs / groups];
    this.weight = param(`${name}.weight`, weightInit, shape, random);
    this.bias = bias
      ? param(`${name}.bias`, biasInit, [outputs], random)
      : null;
  }

  /** Any size along the window's axes, and the number of channels. */
  get inSize(): Size {
    return [...this.stride.map(() => null), this.weight.shape.at(-2)!];
  }

  /** The size that comes out when `inSize` goes in. */
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
      const image = (flat ? tf.expandDims(x, 1) : x) as tf.Tensor4D;
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

  /** All that a transposed convolution reaches. */
  #transpose(x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
    const [batch, height, width] = x.shape;
    const [kernelHeight, kernelWidth, , outputs] = kernel.shape;
    const [down, right] = this.stride.length === 1
      ? [1, this.stride[0]!]
      : [this.stride[0]!, this.stride[1]!];
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

  /** Which part of the full output stays, along an axis. */
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
    const [before, after] = this.padding[axis]!;
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
  /** See {@linkcode ConvTranspose}. */
  constructor(
    inSize: number | Size,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeOptions = {},
  ) {
    super(1, inSize, outChannels, kernelSize, options);
  }
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
  /** See {@linkcode ConvTranspose}. */
  constructor(
    inSize: number | Size,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeOptions = {},
  ) {
    super(2, inSize, outChannels, kernelSize, options);
  }
}
