/**
 * Leaky integrate-and-fire neurons whose threshold adapts.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { BoundCell, CellState } from "../layers/rnn_cell.ts";
import type { Size } from "../module/size.ts";
import {
  IntegrateAndFire,
  LIF_RULES,
  type LIFOptions,
} from "./integrate_and_fire.ts";
import { decayOf } from "./neurons.ts";

/** Options of {@linkcode ALIFCell}. */
export interface ALIFOptions extends LIFOptions {
  /** The time constant of the adaptation, in ms. Default: 100. */
  readonly tauA?: number;
  /** By how much a spike raises the threshold. Default: 0.1. */
  readonly beta?: number;
}

const ALIF_RULES: OptionRules<ALIFOptions> = {
  ...LIF_RULES,
  tauA: "a positive finite number",
  beta: "a finite number",
};

/**
 * Adaptive leaky integrate-and-fire neurons: each spike raises the threshold, which falls
 * slowly, so that a network remembers for about `tauA`.
 *
 * ```text
 * v ← as in LIFCell
 * a ← ρ (a + s)                                       ρ = exp(-dt / τA)
 * s = spike((v - vTh - β a) / (vTh - vReset))
 * ```
 *
 * Both equations are solved exactly for an `x` that is constant during a step. States are
 * the spikes `h`, the potential `v` before the reset, and the adaptation `a`. As
 * brainstate's `ALIF`: a soft reset lowers the potential by `vTh - vReset`, whatever the
 * adaptation. (Bellec et al. 2018, "Long short-term memory and learning-to-learn in
 * networks of spiking neurons".)
 *
 * @example Intervals that grow
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cell = new nn.ALIFCell(1, { beta: 0.5 });
 * const spikes = await new nn.RNN(cell).call(tf.fill([1, 25, 1], 2)).data();
 * const times = Array.from(spikes.keys()).filter((t) => spikes[t] === 1);
 * assertEquals(times, [3, 10, 22]);
 * ```
 */
export class ALIFCell extends IntegrateAndFire {
  /** The share of the adaptation that remains after a step. */
  readonly adaptationDecay: number;
  /** By how much a spike raises the threshold. */
  readonly beta: number;

  /**
   * Keep the settings.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options See {@linkcode ALIFOptions}.
   */
  constructor(size: number | Size, options: ALIFOptions = {}) {
    checkOptions("create ALIFCell", options, ALIF_RULES);
    super(size, options);
    const { tauA = 100, beta = 0.1, dt = 1 } = options;
    this.adaptationDecay = decayOf(tauA, dt);
    this.beta = beta;
  }

  /** The state before the first step, without spikes and adaptation. */
  override initialState(batch: number): CellState {
    const a = tf.zeros<tf.Rank.R2>([batch, this.hiddenSize]);
    return { ...super.initialState(batch), a };
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    return {
      project: (x) => this.drive(x),
      advance: (x, state) => {
        const v = this.integrate(x, state);
        const spiked = tf.add(this.part(state, "a"), state.h);
        const a = tf.mul<tf.Tensor2D>(this.adaptationDecay, spiked);
        return { h: this.fire(v, tf.mul<tf.Tensor2D>(this.beta, a)), v, a };
      },
    };
  }
}
