/**
 * What cells without weights share.
 *
 * @module
 */
import { type OptionRules, refuse } from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import { type Initializer, initializer } from "../init/initializer.ts";
import { Constant } from "../init/mod.ts";
import { type CellState, RNNCell } from "../layers/rnn_cell.ts";
import { floats } from "../module/floats.ts";
import { lastAxis, type Size } from "../module/size.ts";

/** Options of every population. */
export interface NeuronsOptions {
  /**
   * The initializer of the potential before the first step, `[batch, size]`. Its default
   * stands at the class.
   */
  readonly stateInit?: Initializer;
  /** The stream that `stateInit` draws from, with which it is given. Default: the default stream. */
  readonly random?: RandomState;
}

/** The rules of {@linkcode NeuronsOptions}. */
export const NEURONS_RULES: OptionRules<NeuronsOptions> = {
  stateInit: initializer,
  random: stream,
};

/** A population: a cell whose neurons have an input each, and no weights. */
export abstract class Neurons extends RNNCell {
  /**
   * Keep the size.
   *
   * @param size The number of neurons, or a size that ends in it.
   * @param options How the state begins.
   * @param rest The potential that it begins with by default.
   */
  constructor(
    size: number | Size,
    { stateInit, random }: NeuronsOptions,
    rest: number,
  ) {
    const { name } = new.target;
    const count = lastAxis(name, "size", size);
    if (random && !stateInit) {
      const is = "left out without stateInit, which draws from it";
      refuse(`create ${name}`, "random", is, random, TypeError);
    }
    const start = stateInit
      ? { stateInit, ...random && { random } }
      : { stateInit: new Constant(rest) };
    super(count, count, start);
  }

  /** A part of `state`, which must have it. */
  protected part(state: CellState, name: string): tf.Tensor2D {
    const x = state[name];
    if (x) return x;
    throw new TypeError(
      `Cannot step ${this.constructor.name}: its state must have ${name}`,
    );
  }
}

/** The share of a difference that remains after `dt` with a time constant `tau`. */
export function decayOf(tau: number, dt: number): number {
  return Math.exp(-dt / tau);
}

/**
 * The part of the exact solution of `τ dv/dt = rest + x - v` that the input makes:
 * `(1 - decay) (rest + x)`.
 */
export function drive(x: tf.Tensor, rest: number, decay: number): tf.Tensor {
  return tf.mul(1 - decay, tf.add(floats(x), rest));
}
