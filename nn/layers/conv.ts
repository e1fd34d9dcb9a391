/**
 * Convolutions.
 *
 * @module
 */
import { convolveImages } from "../../backend/ops/with_bias.ts";
import { refuse } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { checkInput, checkSize, type Size } from "../module/size.ts";
import { ConvBase, type ConvKind } from "./conv_base.ts";
import { masked, type MaskedWeightOptions } from "./weight_mask.ts";
import {
  outLength,
  pad,
  type Padding,
  type PaddingPairs,
  pairOf,
  type PerAxis,
  tripleOf,
} from "./window.ts";

/** Options of convolutions. */
export interface ConvOptions extends MaskedWeightOptions {
  /** The distance between places of the window. Default: 1. */
  readonly stride?: PerAxis;
  /** The padding around the input. Default: `"same"`. */
  readonly padding?: Padding;
  /** The distance of the window's cells. Default: 1; above 1 only with stride 1. */
  readonly dilation?: PerAxis;
  /**
   * The number of groups that the channels are split into, each with a kernel of its
   * own. As many as there are input channels make the convolution depthwise.
   * Default: 1.
   */
  readonly groups?: number;
}

/**
 * A convolution over one, two or three axes: the base of {@linkcode Conv1d},
 * {@linkcode Conv2d} and {@linkcode Conv3d}.
 *
 * ```text
 * y[b, i, o] = bias[o] + Σ_k Σ_c x[b, stride i + dilation k - padding, c] weight[k, c, o]
 * ```
 *
 * The weight is `[...kernel, in / groups, out]`.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class Conv<T extends tf.Tensor>
  extends ConvBase<T, ConvOptions> {
  /** The window moves, or its cells lie apart. */
  static override readonly kind: ConvKind = {
    addsCells: false,
    weightShape: (settings) => {
      const { name, kernel, inputs, outputs, groups, stride, dilation } =
        settings;
      if (stride.some((x) => x > 1) && dilation.some((x) => x > 1)) {
        refuse(`create ${name}`, "stride or dilation", "1", [stride, dilation]);
      }
      return [...kernel, inputs / groups, outputs];
    },
  };

  /** Any size along the window's axes, and the number of channels. */
  get inSize(): Size {
    return [
      ...this.stride.map(() => null),
      this.weight.shape.at(-2)! * this.groups,
    ];
  }

  /** The size of the output for an input of size `inSize`. */
  outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    const axes = this.stride.length;
    const spatial = inSize.slice(-1 - axes, -1);
    return [
      ...spatial.map((length, i) =>
        outLength(this.constructor.name, length, {
          kernel: this.weight.shape[i]!,
          stride: this.stride[i]!,
          dilation: this.dilation[i]!,
          padding: this.padding as PaddingPairs,
          axis: i,
        })
      ),
      this.weight.shape.at(-1)!,
    ];
  }

  /** `[batch, ...spatial, in]` to `[batch, ...spatial, out]`. */
  override update(x: T): T {
    const axes = this.stride.length;
    checkInput(this.constructor.name, x, this.inSize, axes + 2);
    this.outSize(x.shape.slice(1));
    return tf.tidy(() => {
      const padded = pad(floats(x), this.padding as PaddingPairs);
      const weight = masked(this.weight, this.weightMask);
      const bias = this.bias?.value;
      if (this.groups === 1) {
        return this.#group(padded, weight, false, bias) as T;
      }
      const y = this.#groups(padded, weight);
      return (bias ? tf.add(y, bias) : y) as T;
    });
  }

  #groups(x: tf.Tensor, weight: tf.Tensor): tf.Tensor {
    const depthwise = weight.shape.at(-2) === 1 && this.stride.length < 3;
    if (depthwise) return this.#group(x, weight, true);
    const xs = tf.split(x, this.groups, x.rank - 1);
    const weights = tf.split(weight, this.groups, weight.rank - 1);
    const ys = xs.map((part, i) => this.#group(part, weights[i]!, false));
    return tf.concat(ys, x.rank - 1);
  }

  #group(
    x: tf.Tensor,
    weight: tf.Tensor,
    depthwise: boolean,
    bias?: tf.Tensor1D,
  ): tf.Tensor {
    const mode = this.padding === "same" ? "same" : "valid";
    if (this.stride.length === 3) {
      const y = tf.conv3d(
        x as tf.Tensor5D,
        weight as tf.Tensor5D,
        tripleOf(this.stride),
        mode,
        "NDHWC",
        tripleOf(this.dilation),
      );
      return bias ? tf.add(y, bias) : y;
    }
    // One axis is two, of which the first has size 1.
    const flat = this.stride.length === 1;
    const image = (flat ? tf.expandDims(x, 1) : x) as tf.Tensor4D;
    const kernel = (flat ? tf.expandDims(weight, 0) : weight) as tf.Tensor4D;
    const stride = pairOf(flat ? [1, ...this.stride] : this.stride);
    const dilation = pairOf(flat ? [1, ...this.dilation] : this.dilation);
    const [height, width] = kernel.shape;
    const channels = image.shape[3];
    const options = {
      strides: stride,
      dilations: dilation,
      pad: mode,
    } as const;
    const y = depthwise
      ? tf.depthwiseConv2d(
        image,
        // The channels of a group lie next to each other.
        tf.reshape(kernel, [
          height,
          width,
          channels,
          kernel.shape[3] / channels,
        ]),
        stride,
        mode,
        "NHWC",
        dilation,
      )
      : bias
      ? convolveImages(image, kernel, bias, options)
      : tf.conv2d(image, kernel, stride, mode, "NHWC", dilation);
    return flat ? tf.squeeze(y, [1]) : y;
  }
}

/**
 * A convolution along one axis: `[batch, length, in]` to `[batch, length, out]`.
 *
 * The weight is `[kernel, in / groups, out]`, by default {@linkcode XavierNormal}.
 */
export class Conv1d extends Conv<tf.Tensor3D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 1;
}

/**
 * A convolution of images: `[batch, height, width, in]` to
 * `[batch, height, width, out]`.
 *
 * The weight is `[height, width, in / groups, out]`, by default
 * {@linkcode XavierNormal}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const conv = new nn.Conv2d(3, 8, 3, { stride: 2 });
 * assertEquals(conv.weight.shape, [3, 3, 3, 8]);
 * assertEquals(conv.call(tf.ones([1, 32, 32, 3])).shape, [1, 16, 16, 8]);
 *
 * const depthwise = new nn.Conv2d(8, 8, 3, { groups: 8 });
 * assertEquals(depthwise.weight.shape, [3, 3, 1, 8]);
 * ```
 */
export class Conv2d extends Conv<tf.Tensor4D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 2;
}

/**
 * A convolution of volumes: `[batch, depth, height, width, in]` to
 * `[batch, depth, height, width, out]`.
 *
 * The weight is `[depth, height, width, in / groups, out]`, by default
 * {@linkcode XavierNormal}.
 */
export class Conv3d extends Conv<tf.Tensor5D> {
  /** The number of axes between batch and channels. */
  static override readonly axes = 3;
}
