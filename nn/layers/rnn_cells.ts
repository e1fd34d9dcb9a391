/**
 * The plain recurrent cell, and that with a memory.
 *
 * @module
 */
import { checkOptions } from "../../internal/check.ts";
import { composedGates, lstmGates } from "../../backend/ops/lstm_gates.ts";
import * as tf from "../../tf.ts";
import { activationOf } from "../activations/named.ts";
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

/**
 * The plain recurrent cell: `h ← activation([x, h] W + b)` (Elman 1990).
 *
 * The weight is `[in + hidden, hidden]`, by default {@linkcode XavierNormal}. The
 * activation is by default tanh, as in torch (brainstate's is ReLU, which grows without
 * bound).
 *
 * @example A cell with ReLU, whose state begins at 1
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cell = new nn.VanillaRNNCell(2, 3, {
 *   activation: "relu",
 *   stateInit: new nn.init.One(),
 *   weightInit: new nn.init.Constant(0.5),
 * });
 * const rnn = new nn.RNN(cell, { lastOnly: true });
 * assertEquals([...await rnn.call(tf.ones([1, 1, 2])).data()], [2.5, 2.5, 2.5]);
 * ```
 */
export class VanillaRNNCell extends RNNCell {
  /** Weight and bias. */
  readonly gates: CellWeights;
  readonly #activation: (x: tf.Tensor2D) => tf.Tensor2D;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: CellOptions = {},
  ) {
    checkOptions("create VanillaRNNCell", options, CELL_RULES);
    super(inSize, hiddenSize, options);
    const { weightInit = new XavierNormal(), activation = "tanh" } = options;
    this.#activation = activationOf(activation);
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
 * c ← σ(f + 1) c + σ(i) activation(g)
 * h ← σ(o) activation(c)
 * ```
 *
 * The 1 keeps the memory at the beginning of training (Jozefowicz et al. 2015). The
 * weight is `[in + hidden, 4 hidden]`, by default {@linkcode XavierNormal}. The
 * activation is by default tanh; `stateInit` is the initializer of both `h` and `c`.
 */
export class LSTMCell extends RNNCell {
  /** Input, candidate, forget and output gates, in this order. */
  readonly gates: CellWeights;
  readonly #next: typeof lstmGates;

  /** See {@linkcode RNNCell}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: CellOptions = {},
  ) {
    checkOptions("create LSTMCell", options, CELL_RULES);
    super(inSize, hiddenSize, options);
    const { weightInit = new XavierNormal(), activation = "tanh" } = options;
    const apply = activationOf(activation);
    this.#next = activation === "tanh"
      ? lstmGates
      : (x, y, c) => composedGates(x, y, c, apply);
    const sizes = [this.inSize[0], hiddenSize, 4 * hiddenSize] as const;
    this.gates = cellWeights("LSTMCell", sizes, { ...options, weightInit });
  }

  /** The state before the first step, owned by the caller. */
  override initialState(batch: number): CellState {
    return { ...super.initialState(batch), c: this.initialValue("c", batch) };
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
        return this.#next(x, ofState(h), c);
      },
    };
  }
}
