/**
 * Neurons that integrate and leak, and do not fire.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { BoundCell } from "../layers/rnn_cell.ts";
import type { Size } from "../module/size.ts";
import {
  decayOf,
  drive,
  Neurons,
  NEURONS_RULES,
  type NeuronsOptions,
} from "./neurons.ts";

/** Options of {@linkcode LeakyIntegrator}. */
export interface LeakyIntegratorOptions extends NeuronsOptions {
  /** The time constant, in ms. Default: 5. */
  readonly tau?: number;
  /** The length of a step in time, in ms. Default: 1. */
  readonly dt?: number;
}

const RULES: OptionRules<LeakyIntegratorOptions> = {
  ...NEURONS_RULES,
  tau: "a positive finite number",
  dt: "a positive finite number",
};

/**
 * Leaky integrators: a moving average of the input, as a readout of spikes.
 *
 * ```text
 * τ dh/dt = x - h        h ← α h + (1 - α) x,   α = exp(-dt / τ)
 * ```
 *
 * The state begins at 0. This solves the equation exactly for an `x` that is constant during a step. It has no
 * weights: a {@linkcode Linear} before it gives brainstate's `LeakyRateReadout`, whose
 * weights are larger by 1 / (1 - α) at the same output.
 *
 * @example A readout over time
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const readout = new nn.RNN(new nn.LeakyIntegrator(2, { tau: 20 }));
 * assertEquals(readout.call(tf.ones([1, 5, 2])).shape, [1, 5, 2]);
 * ```
 */
export class LeakyIntegrator extends Neurons {
  /** The share of the state that remains after a step. */
  readonly decay: number;

  /**
   * Keep the settings.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options See {@linkcode LeakyIntegratorOptions}.
   */
  constructor(size: number | Size, options: LeakyIntegratorOptions = {}) {
    checkOptions("create LeakyIntegrator", options, RULES);
    super(size, options, 0);
    const { tau = 5, dt = 1 } = options;
    this.decay = decayOf(tau, dt);
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { decay } = this;
    return {
      project: (x) => drive(x, 0, decay),
      advance: (x, { h }) => ({ h: tf.add(tf.mul(decay, h), x) }),
    };
  }
}
