/**
 * Izhikevich's neurons.
 *
 * @module
 */
import {
  callable,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import type { BoundCell, CellState } from "../layers/rnn_cell.ts";
import { floats } from "../module/floats.ts";
import type { Size } from "../module/size.ts";
import { Neurons, NEURONS_RULES, type NeuronsOptions } from "./neurons.ts";
import { type SpikeFunction, triangle } from "./surrogate.ts";

/** Options of {@linkcode IzhikevichCell}; the defaults are regular spiking neurons. */
export interface IzhikevichOptions extends NeuronsOptions {
  /** The rate of the recovery, per ms. Default: 0.02. */
  readonly a?: number;
  /** How much the recovery depends on the potential. Default: 0.2. */
  readonly b?: number;
  /** The potential after a spike, in mV. Default: -65. */
  readonly c?: number;
  /** What a spike adds to the recovery. Default: 8. */
  readonly d?: number;
  /** The potential at which a spike is counted, in mV, above `c`. Default: 30. */
  readonly vTh?: number;
  /** The length of a step in time, in ms. Default: 0.5. */
  readonly dt?: number;
  /** The spikes and their gradient. Default: `surrogate.triangle()`. */
  readonly surrogate?: SpikeFunction;
}

const RULES: OptionRules<IzhikevichOptions> = {
  ...NEURONS_RULES,
  a: "a finite number",
  b: "a finite number",
  c: "a finite number",
  d: "a finite number",
  vTh: "a finite number",
  dt: "a positive finite number",
  surrogate: callable,
};

/**
 * Izhikevich's neurons, without weights: many firing patterns from four numbers.
 *
 * ```text
 * dv/dt = 0.04 v² + 5 v + 140 - u + x       du/dt = a (b v - u)
 *
 * v ← v + s (c - v)                         reset of the last step's spikes
 * u ← u + s d
 * v, u ← v + dt dv/dt, u + dt du/dt         one step of Euler's method
 * s = spike((v - vTh) / (vTh - c))          1 or 0
 * ```
 *
 * Potentials are in mV. States are the spikes `h`, the potential `v` and the recovery `u`
 * before the reset; they begin at `v = c`, `u = b v`. Steps longer than 0.5 ms are not
 * accurate near a spike. (Izhikevich 2003, "Simple model of spiking neurons", whose
 * program takes two such steps of `v` for one of `u`.)
 *
 * @example Regular spiking
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cell = new nn.IzhikevichCell(1);
 * const spikes = new nn.RNN(cell).call(tf.fill([1, 400, 1], 10));
 * assertEquals(await tf.sum(spikes).array(), 5);
 * ```
 */
export class IzhikevichCell extends Neurons {
  /** The rate of the recovery, per ms. */
  readonly a: number;
  /** How much the recovery depends on the potential. */
  readonly b: number;
  /** The potential after a spike, in mV. */
  readonly c: number;
  /** What a spike adds to the recovery. */
  readonly d: number;
  /** The potential at which a spike is counted, in mV. */
  readonly vTh: number;
  /** The length of a step in time, in ms. */
  readonly dt: number;
  readonly #surrogate: SpikeFunction;

  /**
   * Keep the settings.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options See {@linkcode IzhikevichOptions}.
   */
  constructor(size: number | Size, options: IzhikevichOptions = {}) {
    const action = "create IzhikevichCell";
    checkOptions(action, options, RULES);
    const { a = 0.02, b = 0.2, c = -65, d = 8, vTh = 30, dt = 0.5 } = options;
    super(size, options, c);
    if (!(vTh > c)) refuse(action, "vTh", `above c, ${c}`, vTh);
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.vTh = vTh;
    this.dt = dt;
    this.#surrogate = options.surrogate ?? triangle();
  }

  /** The state before the first step, without spikes; owned by the caller. */
  override initialState(batch: number): CellState {
    const v = this.initialValue("v", batch);
    return { h: tf.zerosLike(v), v, u: tf.mul(this.b, v) };
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { a, b, c, d, dt, vTh } = this;
    return {
      project: (x) => tf.add(floats(x), 140),
      advance: (x, state) => {
        const last = this.part(state, "v");
        const v = tf.add(last, tf.mul(state.h, tf.sub(c, last)));
        const u = tf.add(this.part(state, "u"), tf.mul(d, state.h));
        const dv = tf.add(
          tf.mul(v, tf.add(tf.mul(0.04, v), 5)),
          tf.sub(x, u),
        );
        const du = tf.mul(a, tf.sub(tf.mul(b, v), u));
        const next = tf.add<tf.Tensor2D>(v, tf.mul(dt, dv));
        const above = tf.div<tf.Tensor2D>(tf.sub(next, vTh), vTh - c);
        return {
          h: this.#surrogate(above),
          v: next,
          u: tf.add<tf.Tensor2D>(u, tf.mul(dt, du)),
        };
      },
    };
  }
}
