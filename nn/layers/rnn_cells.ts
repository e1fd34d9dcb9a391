/**
 * The plain recurrent cell, and that with a memory.
 *
 * @module
 */
import { callable, checkOptions } from "../../internal/check.ts";
import { lstmGates } from "../../backend/ops/lstm_gates.ts";
import * as tf from "../../tf.ts";
import { XavierNormal } from "../init/mod.ts";
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
