/**
 * Leaky integrate-and-fire neurons.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import type { BoundCell } from "../layers/rnn_cell.ts";
import type { Size } from "../module/size.ts";
import {
  IntegrateAndFire,
  LIF_RULES,
  type LIFOptions,
} from "./integrate_and_fire.ts";

/**
 * Leaky integrate-and-fire neurons, without weights.
 *
 * ```text
 * τ dv/dt = vRest + x - v
 *
 * v ← v - s (vTh - vReset)                  reset of the last step's spikes: soft
 * v ← v + s (vReset - v)                    or hard
 * v ← α v + (1 - α) (vRest + x)             α = exp(-dt / τ)
 * s = spike((v - vTh) / (vTh - vReset))     1 or 0
 * ```
 *
 * The third line solves the equation exactly for an `x` that is constant during a step.
 * The output and state `h` are the spikes; the state `v` is the potential before the
 * reset, which begins at `vRest`. The rule and its defaults are those of brainstate's `LIF` with a resistance of
 * 1; its hard reset passes the gradient of the potential on where there is a spike, ours
 * does not.
 *
 * Weights are those of the layers around it: a {@linkcode Linear} before it makes input
 * of spikes, and a second one of `cell.hidden.h` makes it recurrent.
 *
 * @example Two spikes of a constant input
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cell = new nn.LIFCell(1, { tau: 10 });
 * const spikes = new nn.RNN(cell).call(tf.fill([1, 14, 1], 2));
 * assertEquals([...await spikes.data()], [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
 * ```
 */
export class LIFCell extends IntegrateAndFire {
  /**
   * Keep the settings.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options See {@linkcode LIFOptions}.
   */
  constructor(size: number | Size, options: LIFOptions = {}) {
    checkOptions("create LIFCell", options, LIF_RULES);
    super(size, options);
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    return {
      project: (x) => this.drive(x),
      advance: (x, state) => {
        const v = this.integrate(x, state);
        return { h: this.fire(v), v };
      },
    };
  }
}
