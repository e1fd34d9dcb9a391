/**
 * Recurrent networks of several layers, in one direction or both.
 *
 * @module
 */
import {
  anything,
  boolean,
  checkOptions,
  listOf,
  type OptionRules,
  pick,
  refuse,
} from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import * as tf from "../../tf.ts";
import { Module } from "../module/module.ts";
import { checkInput, lastAxis, type Size } from "../module/size.ts";
import { Dropout } from "./dropout.ts";
import {
  CANDIDATE_RULES,
  type CandidateCellOptions,
  GRUCell,
} from "./gru_cells.ts";
import { checkMask, RNN } from "./rnn.ts";
import type { CellState } from "./rnn_cell.ts";
import { LSTMCell } from "./rnn_cells.ts";
import { CELL_RULES, type CellOptions } from "./rnn_weights.ts";

/** Options of {@linkcode LSTM}. */
export interface StackedRNNOptions extends CellOptions {
  /** How many layers there are, each fed by the one before. Default: 1. */
  readonly layers?: number;
  /**
   * Whether each layer also runs from the last step to the first; the outputs of the two
   * directions are joined. Default: false.
   */
  readonly bidirectional?: boolean;
  /** The probability of dropping an element between two layers; one layer drops none. Default: 0. */
  readonly rate?: number;
  /**
   * Whether to return only the output of each direction's last step: for the backward one
   * that of the first place. Default: false.
   */
  readonly lastOnly?: boolean;
}

/** Options of {@linkcode GRU}. */
export interface GRUOptions extends StackedRNNOptions, CandidateCellOptions {}

/** Where {@linkcode StackedRNN.run} begins. */
export interface StackedStart {
  /**
   * The states before the first steps: of the first layer, forward and, if there is one,
   * backward; then of the second, and so on. Default: the cells'.
   */
  readonly states?: readonly CellState[];
  /** bool `[batch, time]`: false at padding. Default: true everywhere. */
  readonly mask?: tf.Tensor2D;
}

const START: OptionRules<StackedStart> = {
  states: listOf(anything),
  mask: anything,
};

/** What {@linkcode StackedRNN.run} returns. */
export interface StackedResult {
  /** `[batch, time, features]`, or `[batch, features]` of the last steps only. */
  readonly y: tf.Tensor;
  /** The states after the last steps, in the order of {@linkcode StackedStart}. */
  readonly states: readonly CellState[];
}

const RULES: OptionRules<Omit<StackedRNNOptions, keyof CellOptions>> = {
  layers: "a positive integer",
  bidirectional: boolean,
  rate: "in [0, 1)",
  lastOnly: boolean,
};

/** The cells of each kind of network, and their options. */
const CELLS = {
  LSTM: { Cell: LSTMCell, rules: CELL_RULES },
  GRU: { Cell: GRUCell, rules: CANDIDATE_RULES },
};

/** The base of recurrent networks of several layers. */
export abstract class StackedRNN extends Module {
  /** The layers that run from the first step to the last. */
  readonly forward: readonly RNN[];
  /** Those that run from the last step to the first; none unless `bidirectional`. */
  readonly backward: readonly RNN[];
  /** Between two layers. */
  readonly dropout: Dropout<tf.Tensor3D>;
  readonly #lastOnly: boolean;

  /**
   * Create the cells of all layers.
   *
   * @param inSize The number of features of the input, or a size that ends in it.
   * @param hiddenSize The number of features of the output of each direction.
   * @param options See {@linkcode StackedRNNOptions}.
   * @param kind The kind of the cells.
   */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: StackedRNNOptions,
    kind: "LSTM" | "GRU",
  ) {
    super();
    const { Cell, rules } = CELLS[kind];
    const { name } = new.target;
    const inputs = lastAxis(name, "inSize", inSize);
    lastAxis(name, "hiddenSize", hiddenSize);
    checkOptions(`create ${name}`, options, { ...RULES, ...rules });
    const { layers = 1, bidirectional = false, rate = 0, lastOnly = false } =
      options;
    const features = bidirectional ? 2 * hiddenSize : hiddenSize;
    const ofCell = pick(options, rules);
    const layer = (i: number, reverse: boolean) => {
      const cell = new Cell(i === 0 ? inputs : features, hiddenSize, ofCell);
      return new RNN(cell, {
        reverse,
        lastOnly: lastOnly && i === layers - 1,
      });
    };
    const forward: RNN[] = [], backward: RNN[] = [];
    for (let i = 0; i < layers; i++) {
      forward.push(layer(i, false));
      if (bidirectional) backward.push(layer(i, true));
    }
    this.forward = forward;
    this.backward = backward;
    const { random } = options;
    this.dropout = new Dropout({ rate, ...random && { random } });
    this.#lastOnly = lastOnly;
  }

  /** `[time, in]`. */
  get inSize(): Size {
    return this.forward[0]!.inSize;
  }

  /** `[time, features]`, or `[features]` of the last steps only. */
  outSize(inSize: Size): Size {
    const out = this.forward[0]!.cell.outSize(inSize);
    const directions = this.backward.length > 0 ? 2 : 1;
    const features = directions * out.at(-1)!;
    return this.#lastOnly ? [features] : [...out.slice(0, -1), features];
  }

  /**
   * Run all layers.
   *
   * @param x `[batch, time, in]`
   * @param mask bool `[batch, time]`: where it is false, as at padding, states stay as they
   *   were, and the output is 0. Default: true everywhere.
   * @returns `[batch, time, features]`, or `[batch, features]` of the last steps only, the
   *   features of the forward direction first.
   */
  override update(x: tf.Tensor3D, mask?: tf.Tensor2D): tf.Tensor {
    return scope(() => this.run(x, { ...mask !== undefined && { mask } }).y);
  }

  /**
   * Run all layers, and keep the states after the last steps, as a decoder needs those of
   * an encoder.
   *
   * @param x `[batch, time, in]`
   * @param from Where to begin, and what is there.
   * @returns What `call` returns, and the states, in the order of {@linkcode StackedStart}.
   */
  run(x: tf.Tensor3D, from: StackedStart = {}): StackedResult {
    const { name } = this.constructor;
    checkInput(name, x, this.inSize, 3);
    checkOptions(`run ${name}`, from, START);
    const { states: begin, mask } = from;
    const rnns = this.forward.flatMap((ahead, i) =>
      this.backward[i] ? [ahead, this.backward[i]] : [ahead]
    );
    if (begin !== undefined && begin.length !== rnns.length) {
      refuse(`run ${name}`, "states", `a list of ${rnns.length}`, begin);
    }
    if (mask !== undefined) checkMask(`call ${name}`, mask, x);
    return scope(() => {
      const states: CellState[] = [];
      const run = (rnn: RNN, input: tf.Tensor3D) => {
        const state = begin?.[states.length];
        const done = rnn.run(input, {
          ...state !== undefined && { state },
          ...mask !== undefined && { mask },
        });
        states.push(done.state);
        return done.y;
      };
      let y: tf.Tensor = x;
      this.forward.forEach((forward, i) => {
        const input = i === 0 ? x : this.dropout.call(y as tf.Tensor3D);
        const backward = this.backward[i];
        const ahead = run(forward, input);
        y = backward ? tf.concat([ahead, run(backward, input)], -1) : ahead;
      });
      return { y, states };
    });
  }
}

/**
 * Long short-term memories in layers: {@linkcode LSTMCell} over time,
 * `[batch, time, in]` to `[batch, time, features]`.
 *
 * With `bidirectional` there are `2 hiddenSize` features. The gates are those of the cell,
 * whose forget gate is open by 1 more than torch's.
 *
 * @example Sequences of two lengths
 * ```ts
 * import { data, nn, type tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const embedding = new nn.Embedding(10, 4);
 * const lstm = new nn.LSTM(4, 8, { layers: 2, bidirectional: true });
 * const [tokens, mask] = data.padSequences([[1, 2, 3], [4]]);
 * const y = lstm.call(embedding.call(tokens) as tf.Tensor3D, mask);
 * assertEquals(y.shape, [2, 3, 16]);
 * ```
 */
export class LSTM extends StackedRNN {
  /** See {@linkcode StackedRNN}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: StackedRNNOptions = {},
  ) {
    super(inSize, hiddenSize, options, "LSTM");
  }
}

/**
 * Gated recurrent units in layers: {@linkcode GRUCell} over time, `[batch, time, in]` to
 * `[batch, time, features]`.
 *
 * With `bidirectional` there are `2 hiddenSize` features; with `resetAfter` the cells are
 * torch's.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const gru = new nn.GRU(4, 8, { layers: 3, rate: 0.1, lastOnly: true });
 * assertEquals(gru.call(tf.ones([2, 5, 4])).shape, [2, 8]);
 * ```
 */
export class GRU extends StackedRNN {
  /** See {@linkcode StackedRNN}. */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: GRUOptions = {},
  ) {
    super(inSize, hiddenSize, options, "GRU");
  }
}
