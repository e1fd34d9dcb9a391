/**
 * The recurrent cells, in order of complexity.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { type CellOptions, Gates } from "./rnn_weights.ts";
import { Orthogonal, XavierNormal } from "../init/mod.ts";
import { type BoundCell, type CellState, RNNCell } from "./rnn_cell.ts";
import type { Size } from "../module/size.ts";

/** Options of {@linkcode VanillaRNNCell}. */
export interface VanillaRNNCellOptions extends CellOptions {
  /** Default: `tf.tanh`, as in torch (brainstate's is ReLU, which grows without bound). */
  readonly activation?: (x: tf.Tensor2D) => tf.Tensor2D;
}

/**
 * The plain recurrent cell: `h ← tanh([x, h] W + b)` (Elman 1990).
 *
 * The weight is `[in + hidden, hidden]`, by default {@linkcode XavierNormal}.
 */
export class VanillaRNNCell extends RNNCell {
  /** Weight and bias. */
  readonly gates: Gates;
  readonly #activation: (x: tf.Tensor2D) => tf.Tensor2D;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    {
      weightInit = new XavierNormal(),
      activation = (x) => tf.tanh(x),
      ...options
    }: VanillaRNNCellOptions = {},
  ) {
    super(inSize, hiddenSize);
    this.#activation = activation;
    const sizes = [this.inSize[0], hiddenSize, hiddenSize] as const;
    this.gates = new Gates("VanillaRNNCell", sizes, { weightInit, ...options });
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { ofInput, ofState } = this.gates.parts();
    return {
      project: ofInput,
      advance: (x, { h }) => ({ h: this.#activation(tf.add(x, ofState(h))) }),
    };
  }
}

/**
 * The gated recurrent unit (Cho et al. 2014).
 *
 * ```text
 * r, z = σ([x, h] Wrz + brz)
 * h̃    = tanh([x, r h] Wh + bh)
 * h    ← (1 - z) h + z h̃
 * ```
 *
 * As brainstate; torch's multiplies by `r` after the product, and exchanges `z` and
 * `1 - z`. Weights are by default {@linkcode Orthogonal}.
 */
export class GRUCell extends RNNCell {
  /** Reset and update gates: `[in + hidden, 2 hidden]`. */
  readonly gates: Gates;
  /** The candidate: `[in + hidden, hidden]`. */
  readonly candidate: Gates;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    { weightInit = new Orthogonal(), ...options }: CellOptions = {},
  ) {
    super(inSize, hiddenSize);
    const [inputs, hidden] = [this.inSize[0], hiddenSize];
    const given = { weightInit, ...options };
    this.gates = new Gates(
      "GRUCell.gates",
      [inputs, hidden, 2 * hidden],
      given,
    );
    this.candidate = new Gates(
      "GRUCell.candidate",
      [inputs, hidden, hidden],
      given,
    );
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const gates = this.gates.parts();
    const candidate = this.candidate.parts();
    const size = this.hiddenSize;
    return {
      project: (x) => tf.concat([gates.ofInput(x), candidate.ofInput(x)], -1),
      advance: (projected, { h }) => {
        const [forGates, forCandidate] = tf.split<tf.Tensor2D>(
          projected,
          [2 * size, size],
          1,
        );
        const opened = tf.sigmoid(tf.add(forGates!, gates.ofState(h)));
        const [r, z] = tf.split<tf.Tensor2D>(opened, 2, 1);
        const reset = candidate.ofState(tf.mul(r!, h));
        const next = tf.tanh(tf.add(forCandidate!, reset));
        return { h: tf.add(h, tf.mul(z!, tf.sub(next, h))) };
      },
    };
  }
}

/**
 * The minimal gated unit, with one gate (Zhou et al. 2016).
 *
 * ```text
 * f = σ([x, h] Wf + bf)
 * h̃ = tanh([x, f h] Wh + bh)
 * h ← (1 - f) h + f h̃
 * ```
 */
export class MGUCell extends RNNCell {
  /** The forget gate: `[in + hidden, hidden]`. */
  readonly gates: Gates;
  /** The candidate: `[in + hidden, hidden]`. */
  readonly candidate: Gates;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    { weightInit = new Orthogonal(), ...options }: CellOptions = {},
  ) {
    super(inSize, hiddenSize);
    const sizes = [this.inSize[0], hiddenSize, hiddenSize] as const;
    const given = { weightInit, ...options };
    this.gates = new Gates("MGUCell.gates", sizes, given);
    this.candidate = new Gates("MGUCell.candidate", sizes, given);
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const gates = this.gates.parts();
    const candidate = this.candidate.parts();
    return {
      project: (x) => tf.concat([gates.ofInput(x), candidate.ofInput(x)], -1),
      advance: (projected, { h }) => {
        const [forGates, forCandidate] = tf.split<tf.Tensor2D>(projected, 2, 1);
        const f = tf.sigmoid(tf.add(forGates!, gates.ofState(h)));
        const kept = candidate.ofState(tf.mul(f, h));
        const next = tf.tanh(tf.add(forCandidate!, kept));
        return { h: tf.add(h, tf.mul(f, tf.sub(next, h))) };
      },
    };
  }
}

/**
 * The long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
 *
 * ```text
 * i, g, f, o = [x, h] W + b
 * c ← σ(f + 1) c + σ(i) tanh(g)
 * h ← σ(o) tanh(c)
 * ```
 *
 * The 1 keeps the memory at the beginning of training (Jozefowicz et al. 2015). The
 * weight is `[in + hidden, 4 hidden]`, by default {@linkcode XavierNormal}.
 */
export class LSTMCell extends RNNCell {
  /** Input, candidate, forget and output gates, in this order. */
  readonly gates: Gates;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    { weightInit = new XavierNormal(), ...options }: CellOptions = {},
  ) {
    super(inSize, hiddenSize);
    const sizes = [this.inSize[0], hiddenSize, 4 * hiddenSize] as const;
    this.gates = new Gates("LSTMCell", sizes, { weightInit, ...options });
  }

  /** A state of zeros, which the caller owns. */
  override zeroState(batch: number): CellState {
    return { ...super.zeroState(batch), c: tf.zeros([batch, this.hiddenSize]) };
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { ofInput, ofState } = this.gates.parts();
    return {
      project: ofInput,
      advance: (x, { h, c }) => {
        if (!c) {
          throw new TypeError("Cannot step LSTMCell: its state must have c");
        }
        const gates = tf.split<tf.Tensor2D>(tf.add(x, ofState(h)), 4, 1);
        const [i, g, f, o] = gates;
        const kept = tf.mul(tf.sigmoid(tf.add(f!, 1)), c);
        const next = tf.add<tf.Tensor2D>(
          kept,
          tf.mul(tf.sigmoid(i!), tf.tanh(g!)),
        );
        return { h: tf.mul(tf.sigmoid(o!), tf.tanh(next)), c: next };
      },
    };
  }
}
