/**
 * The recurrent cells, in order of complexity.
 *
 * @module
 */
import { callable, checkOptions } from "../../internal/check.ts";
import { lstmGates } from "../../backend/ops/lstm_gates.ts";
import * as tf from "../../tf.ts";
import { Orthogonal, XavierNormal } from "../init/mod.ts";
import { type BoundCell, type CellState, RNNCell } from "./rnn_cell.ts";
import type { Size } from "../module/size.ts";
import {
  CELL_RULES,
  type CellOptions,
  cellTerms,
  type CellWeights,
  cellWeights,
} from "./rnn_weights.ts";

/** Options of {@linkcode VanillaRNNCell}. */
export interface VanillaRNNCellOptions extends CellOptions {
  /** Default: `tf.tanh`, as in torch (brainstate's is ReLU, which grows without bound). */
  readonly activation?: (x: tf.Tensor2D) => tf.Tensor2D;
}

const VANILLA_RULES = { ...CELL_RULES, activation: callable };

/**
 * The plain recurrent cell: `h ← tanh([x, h] W + b)` (Elman 1990).
 *
 * The weight is `[in + hidden, hidden]`, by default {@linkcode XavierNormal}.
 */
export class VanillaRNNCell extends RNNCell {
  /** Weight and bias. */
  readonly gates: CellWeights;
  readonly #activation: (x: tf.Tensor2D) => tf.Tensor2D;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: VanillaRNNCellOptions = {},
  ) {
    super(inSize, hiddenSize);
    checkOptions("create VanillaRNNCell", options, VANILLA_RULES);
    const { weightInit = new XavierNormal(), activation } = options;
    this.#activation = activation ?? ((x) => tf.tanh(x));
    const sizes = [this.inSize[0], hiddenSize, hiddenSize] as const;
    const given = { ...options, weightInit };
    this.gates = cellWeights("VanillaRNNCell", sizes, given);
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { ofInput, ofState } = cellTerms(this.gates, this.inSize[0]);
    return {
      project: ofInput,
      advance: (x, { h }) => ({ h: this.#activation(tf.add(x, ofState(h))) }),
    };
  }
}

/** The base of cells with gates and a candidate for the next state. */
export abstract class CandidateCell extends RNNCell {
  /** The number of gates. */
  static readonly gateCount: number;
  /** The gates: `[in + hidden, gates · hidden]`. */
  readonly gates: CellWeights;
  /** The candidate: `[in + hidden, hidden]`. */
  readonly candidate: CellWeights;

  /**
   * Create the parameters.
   *
   * @param inSize The number of features of the input, or a size that ends in it.
   * @param hiddenSize The number of features of the output.
   * @param options See {@linkcode CellOptions}.
   */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: CellOptions = {},
  ) {
    super(inSize, hiddenSize);
    const { name, gateCount } = new.target as typeof CandidateCell;
    checkOptions(`create ${name}`, options, CELL_RULES);
    const { weightInit = new Orthogonal() } = options;
    const given = { ...options, weightInit };
    const [inputs, hidden] = [this.inSize[0], hiddenSize];
    const gates = [inputs, hidden, gateCount * hidden] as const;
    this.gates = cellWeights(`${name}.gates`, gates, given);
    const candidate = [inputs, hidden, hidden] as const;
    this.candidate = cellWeights(`${name}.candidate`, candidate, given);
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const gates = cellTerms(this.gates, this.inSize[0]);
    const candidate = cellTerms(this.candidate, this.inSize[0]);
    const size = this.hiddenSize;
    const { gateCount } = this.constructor as typeof CandidateCell;
    return {
      project: (x) => tf.concat([gates.ofInput(x), candidate.ofInput(x)], -1),
      advance: (projected, { h }) => {
        const [forGates, forCandidate] = tf.split<tf.Tensor2D>(
          projected,
          [gateCount * size, size],
          1,
        );
        const opened = tf.sigmoid(tf.add(forGates!, gates.ofState(h)));
        // The first gate resets the state, the last one updates it.
        const open = gateCount === 1
          ? [opened]
          : tf.split<tf.Tensor2D>(opened, gateCount, 1);
        const reset = candidate.ofState(tf.mul(open[0]!, h));
        const next = tf.tanh(tf.add(forCandidate!, reset));
        return { h: tf.add(h, tf.mul(open.at(-1)!, tf.sub(next, h))) };
      },
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
export class GRUCell extends CandidateCell {
  /** The number of gates: reset and update. */
  static override readonly gateCount = 2;
}

/**
 * The minimal gated unit, with one gate (Zhou et al. 2016).
 *
 * ```text
 * f = σ([x, h] Wf + bf)
 * h̃ = tanh([x, f h] Wh + bh)
 * h ← (1 - f) h + f h̃
 * ```
 *
 * Weights are by default {@linkcode Orthogonal}.
 */
export class MGUCell extends CandidateCell {
  /** The number of gates: forget. */
  static override readonly gateCount = 1;
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
  readonly gates: CellWeights;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: CellOptions = {},
  ) {
    super(inSize, hiddenSize);
    checkOptions("create LSTMCell", options, CELL_RULES);
    const { weightInit = new XavierNormal() } = options;
    const sizes = [this.inSize[0], hiddenSize, 4 * hiddenSize] as const;
    this.gates = cellWeights("LSTMCell", sizes, { ...options, weightInit });
  }

  /** A state of zeros, owned by the caller. */
  override zeroState(batch: number): CellState {
    return { ...super.zeroState(batch), c: tf.zeros([batch, this.hiddenSize]) };
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const { ofInput, ofState } = cellTerms(this.gates, this.inSize[0]);
    return {
      project: ofInput,
      advance: (x, { h, c }) => {
        if (!c) {
          throw new TypeError("Cannot step LSTMCell: its state must have c");
        }
        return lstmGates(x, ofState(h), c);
      },
    };
  }
}
