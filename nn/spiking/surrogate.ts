/**
 * Spikes, with the gradient of a smooth step in place of their own, which is 0.
 *
 * Each function here makes a function of tensors of any shape:
 *
 * ```text
 * forward:   s = 1 where x ≥ 0, else 0
 * backward:  dx = ds g(x)                 g: the derivative that is taken instead
 * ```
 *
 * (Neftci, Mostafa and Zenke 2019, "Surrogate gradient learning in spiking neural
 * networks".)
 *
 * @example The derivative of a triangle
 * ```ts
 * import { autodiff, nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const spike = nn.surrogate.triangle({ scale: 1 });
 * const x = tf.tensor1d([-2, -0.5, 0.25]);
 * assertEquals([...await spike(x).data()], [0, 0, 1]);
 * const slope = autodiff.grad((x: tf.Tensor1D) => tf.sum<tf.Scalar>(spike(x)));
 * assertEquals([...await slope(x).data()], [0, 0.5, 0.75]);
 * ```
 *
 * @module
 */
import { customGradient } from "../../autodiff/custom.ts";
import {
  check,
  checkOptions,
  type OptionRules,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";

/**
 * Spikes: 1 where `x` is at least 0, and 0 elsewhere, as float32.
 *
 * @typeParam T The rank.
 * @param x By how much a potential is above the threshold; any shape.
 */
export type SpikeFunction = <T extends tf.Tensor>(x: T) => T;

/** The spike function whose derivative is taken to be `slope`. */
function spikeWith(slope: (x: tf.Tensor) => tf.Tensor): SpikeFunction {
  const spike = customGradient((x: tf.Tensor) => ({
    value: tf.cast(tf.greaterEqual(x, 0), "float32"),
    saved: [x],
    gradient: (dy, [x]) => tf.mul(dy, slope(x!)),
  }));
  return <T extends tf.Tensor>(x: T) => {
    check("compute spikes", "x", x, tensor);
    return tf.tidy(() => spike(floats(x)) as T);
  };
}

/** Options of {@linkcode sigmoid}, {@linkcode arctan} and {@linkcode superSpike}. */
export interface SlopeOptions {
  /** How steep the smooth step is. Its default stands at the function. */
  readonly alpha?: number;
}

const SLOPE: OptionRules<SlopeOptions> = { alpha: "a positive finite number" };

/**
 * Spikes with the derivative of a logistic function.
 *
 * ```text
 * g(x) = α σ(α x) (1 - σ(α x))
 * ```
 *
 * (As brainstate's `surrogate.sigmoid`.)
 *
 * @param options `alpha`: how steep it is. Default: 4.
 */
export function sigmoid(options: SlopeOptions = {}): SpikeFunction {
  checkOptions("create surrogate.sigmoid", options, SLOPE);
  const { alpha = 4 } = options;
  return spikeWith((x) => {
    const y = tf.sigmoid(tf.mul(alpha, x));
    return tf.mul(tf.mul(alpha, y), tf.sub(1, y));
  });
}

/**
 * Spikes with the derivative of an arcus tangent.
 *
 * ```text
 * g(x) = α / (2 (1 + (π α x / 2)²))
 * ```
 *
 * (Fang et al. 2021, "Incorporating learnable membrane time constant to enhance
 * learning of spiking neural networks".)
 *
 * @param options `alpha`: how steep it is. Default: 2, as in snnTorch.
 */
export function arctan(options: SlopeOptions = {}): SpikeFunction {
  checkOptions("create surrogate.arctan", options, SLOPE);
  const { alpha = 2 } = options;
  return spikeWith((x) =>
    tf.div(
      alpha / 2,
      tf.add(1, tf.square(tf.mul(Math.PI * alpha / 2, x))),
    )
  );
}

/**
 * Spikes with the derivative of the fast sigmoid `x / (1 + α |x|)`.
 *
 * ```text
 * g(x) = 1 / (1 + α |x|)²
 * ```
 *
 * ({@link https://arxiv.org/abs/1705.11146 | Zenke and Ganguli 2018}, "SuperSpike"; as
 * brainstate's `surrogate.inv_square_grad` and snnTorch's `fast_sigmoid`.)
 *
 * @param options `alpha`: how steep it is. Default: 10.
 */
export function superSpike(options: SlopeOptions = {}): SpikeFunction {
  checkOptions("create surrogate.superSpike", options, SLOPE);
  const { alpha = 10 } = options;
  return spikeWith((x) =>
    tf.div(1, tf.square(tf.add(1, tf.mul(alpha, tf.abs(x)))))
  );
}

/** Options of {@linkcode triangle}. */
export interface TriangleOptions {
  /** The height in units of the width. Default: 0.3. */
  readonly scale?: number;
  /** Where it reaches 0, on both sides. Default: 1. */
  readonly width?: number;
}

const TRIANGLE: OptionRules<TriangleOptions> = {
  scale: "a positive finite number",
  width: "a positive finite number",
};

/**
 * Spikes with a triangle as derivative.
 *
 * ```text
 * g(x) = scale · max(0, width - |x|)
 * ```
 *
 * ({@link https://arxiv.org/abs/1803.09574 | Bellec et al. 2018}, "Long short-term memory
 * and learning-to-learn in networks of spiking neurons"; as brainstate's
 * `surrogate.relu_grad`.)
 *
 * @param options See {@linkcode TriangleOptions}.
 */
export function triangle(options: TriangleOptions = {}): SpikeFunction {
  checkOptions("create surrogate.triangle", options, TRIANGLE);
  const { scale = 0.3, width = 1 } = options;
  return spikeWith((x) => tf.mul(scale, tf.relu(tf.sub(width, tf.abs(x)))));
}

/** Options of {@linkcode multiGaussian}. */
export interface MultiGaussianOptions {
  /** The weight of the two wide bells. Default: 0.15. */
  readonly h?: number;
  /** How much wider they are. Default: 6. */
  readonly s?: number;
  /** The standard deviation of the middle one. Default: 0.5. */
  readonly sigma?: number;
  /** What the sum is multiplied by. Default: 0.5. */
  readonly scale?: number;
}

const MULTI_GAUSSIAN: OptionRules<MultiGaussianOptions> = {
  h: "a nonnegative finite number",
  s: "a positive finite number",
  sigma: "a positive finite number",
  scale: "a positive finite number",
};

/**
 * Spikes with a derivative that is negative far from the threshold.
 *
 * ```text
 * g(x) = scale ((1 + h) N(x; 0, σ) - h N(x; σ, s σ) - h N(x; -σ, s σ))
 *
 * N(x; μ, σ) = exp(-(x - μ)² / 2σ²) / (σ √2π)
 * ```
 *
 * (Yin, Corradi and Bohté 2021, "Accurate and efficient time-domain classification with
 * adaptive spiking recurrent neural networks"; as brainstate's
 * `surrogate.multi_gaussian_grad`.)
 *
 * @param options See {@linkcode MultiGaussianOptions}.
 */
export function multiGaussian(
  options: MultiGaussianOptions = {},
): SpikeFunction {
  checkOptions("create surrogate.multiGaussian", options, MULTI_GAUSSIAN);
  const { h = 0.15, s = 6, sigma = 0.5, scale = 0.5 } = options;
  const wide = s * sigma;
  return spikeWith((x) => {
    const sides = tf.add(bell(x, sigma, wide), bell(x, -sigma, wide));
    const middle = tf.mul(1 + h, bell(x, 0, sigma));
    return tf.mul(scale, tf.sub(middle, tf.mul(h, sides)));
  });
}

/** The density of the normal distribution. */
function bell(x: tf.Tensor, mean: number, std: number): tf.Tensor {
  const z = tf.square(tf.div(tf.sub(x, mean), std));
  return tf.div(tf.exp(tf.mul(-0.5, z)), std * Math.sqrt(2 * Math.PI));
}
