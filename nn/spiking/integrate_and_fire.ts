/**
 * What leaky integrate-and-fire neurons share.
 *
 * @module
 */
import { stopGradient } from "../../autodiff/custom.ts";
import {
  boolean,
  callable,
  oneOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { CellState } from "../layers/rnn_cell.ts";
import type { Size } from "../module/size.ts";
import {
  decayOf,
  drive,
  Neurons,
  NEURONS_RULES,
  type NeuronsOptions,
} from "./neurons.ts";
import { type SpikeFunction, triangle } from "./surrogate.ts";

/** Options of leaky integrate-and-fire neurons. */
export interface LIFOptions extends NeuronsOptions {
  /** The time constant of the potential, in ms. Default: 5. */
  readonly tau?: number;
  /** The length of a step in time, in ms. Default: 1. */
  readonly dt?: number;
  /** The threshold, above `vReset`. Default: 1. */
  readonly vTh?: number;
  /** The potential after a spike. Default: 0. */
  readonly vReset?: number;
  /** The potential without input. Default: 0. */
  readonly vRest?: number;
  /**
   * What a spike does to the potential: `"soft"` lowers it by `vTh - vReset`, `"hard"`
   * sets it to `vReset`. Default: `"soft"`.
   */
  readonly reset?: "soft" | "hard";
  /**
   * Whether no gradient flows through the spike in the reset, as in snnTorch (it still
   * flows through the output). Default: false, as in brainstate.
   */
  readonly detachReset?: boolean;
  /** The spikes and their gradient. Default: `surrogate.triangle()`. */
  readonly surrogate?: SpikeFunction;
}

/** The rules of {@linkcode LIFOptions}. */
export const LIF_RULES: OptionRules<LIFOptions> = {
  ...NEURONS_RULES,
  tau: "a positive finite number",
  dt: "a positive finite number",
  vTh: "a finite number",
  vReset: "a finite number",
  vRest: "a finite number",
  reset: oneOf("soft", "hard"),
  detachReset: boolean,
  surrogate: callable,
};

/** The base of neurons that integrate and fire: their settings, and what uses them. */
export abstract class IntegrateAndFire extends Neurons {
  /** The share of the potential that remains after a step. */
  readonly decay: number;
  /** The threshold. */
  readonly vTh: number;
  /** The potential after a spike. */
  readonly vReset: number;
  /** The potential without input. */
  readonly vRest: number;
  /** What a spike does to the potential. */
  readonly reset: "soft" | "hard";
  /** Whether no gradient flows through the spike in the reset. */
  readonly detachReset: boolean;
  readonly #surrogate: SpikeFunction;

  /**
   * Keep the settings.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options See {@linkcode LIFOptions}.
   */
  constructor(size: number | Size, options: LIFOptions) {
    const { tau = 5, dt = 1, vTh = 1, vReset = 0, vRest = 0 } = options;
    super(size, options, vRest);
    if (!(vTh > vReset)) {
      const action = `create ${new.target.name}`;
      refuse(action, "vTh", `above vReset, ${vReset}`, vTh);
    }
    this.decay = decayOf(tau, dt);
    this.vTh = vTh;
    this.vReset = vReset;
    this.vRest = vRest;
    this.reset = options.reset ?? "soft";
    this.detachReset = options.detachReset ?? false;
    this.#surrogate = options.surrogate ?? triangle();
  }

  /** The state before the first step, without spikes; owned by the caller. */
  override initialState(batch: number): CellState {
    const v = this.initialValue("v", batch);
    return { h: tf.zeros([batch, this.hiddenSize]), v };
  }

  /** The share of the next potential that the input makes. */
  protected drive(x: tf.Tensor): tf.Tensor {
    return drive(x, this.vRest, this.decay);
  }

  /** The next potential. */
  protected integrate(driven: tf.Tensor2D, state: CellState): tf.Tensor2D {
    const v = this.part(state, "v");
    const spikes = this.detachReset ? stopGradient(state.h) : state.h;
    const change = this.reset === "soft"
      ? this.vReset - this.vTh
      : tf.sub(this.vReset, v);
    const after = tf.add(v, tf.mul(spikes, change));
    return tf.add(tf.mul(this.decay, after), driven);
  }

  /** The spikes of a potential, for a threshold that is higher by `raised`. */
  protected fire(v: tf.Tensor2D, raised?: tf.Tensor2D): tf.Tensor2D {
    const above = tf.sub(v, this.vTh) as tf.Tensor2D;
    const over = raised ? tf.sub(above, raised) as tf.Tensor2D : above;
    return this.#surrogate(tf.div(over, this.vTh - this.vReset));
  }
}
