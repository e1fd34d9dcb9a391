/**
 * The recurrent cells that compute a candidate for the next state.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import {
  type CandidateActivation,
  resetAfter,
  resetBefore,
} from "../../backend/ops/gru_gates.ts";
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { activationOf } from "../activations/named.ts";
import { Orthogonal, Zero } from "../init/mod.ts";
import { param } from "../module/param.ts";
import type { Size } from "../module/size.ts";
import { type BoundCell, RNNCell } from "./rnn_cell.ts";
import {
  CELL_RULES,
  type CellOptions,
  cellTerms,
  type CellWeights,
  cellWeights,
  joinedTerms,
} from "./rnn_weights.ts";

/** Options of {@linkcode GRUCell} and {@linkcode MGUCell}. */
export interface CandidateCellOptions extends CellOptions {
  /**
   * Whether the first gate comes after the product in the candidate, as in torch's GRU and
   * cuDNN; the state then has a bias of its own there. Default: false.
   */
  readonly resetAfter?: boolean;
}

/** The rules of {@linkcode CandidateCellOptions}. */
export const CANDIDATE_RULES: OptionRules<CandidateCellOptions> = {
  ...CELL_RULES,
  resetAfter: boolean,
};

/** The base of cells with gates and a candidate for the next state. */
export abstract class CandidateCell extends RNNCell {
  /** The number of gates. */
  static readonly gateCount: number;
  /** The gates: `[in + hidden, gates · hidden]`. */
  readonly gates: CellWeights;
  /** The candidate: `[in + hidden, hidden]`. */
  readonly candidate: CellWeights;
  /** The bias of the state in the candidate, `[hidden]`; null without `resetAfter`. */
  readonly stateBias: ParamState<tf.Tensor1D> | null;
  readonly #activation: CandidateActivation;

  /**
   * Create the parameters.
   *
   * @param inSize The number of features of the input, or a size that ends in it.
   * @param hiddenSize The number of features of the output.
   * @param options See {@linkcode CandidateCellOptions}.
   */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    options: CandidateCellOptions = {},
  ) {
    const { name, gateCount } = new.target as typeof CandidateCell;
    checkOptions(`create ${name}`, options, CANDIDATE_RULES);
    super(inSize, hiddenSize, options);
    const { weightInit = new Orthogonal(), activation = "tanh" } = options;
    const apply = activationOf(activation);
    this.#activation = activation === "tanh" ? null : apply;
    const given = { ...options, weightInit };
    const [inputs, hidden] = [this.inSize[0], hiddenSize];
    const gates = [inputs, hidden, gateCount * hidden] as const;
    this.gates = cellWeights(`${name}.gates`, gates, given);
    const candidate = [inputs, hidden, hidden] as const;
    this.candidate = cellWeights(`${name}.candidate`, candidate, given);
    const { resetAfter = false, biasInit = new Zero(), random } = options;
    this.stateBias = resetAfter
      ? param(`${name}.stateBias`, biasInit, [hidden], random)
      : null;
  }

  /** The cell's two parts. */
  override bind(): BoundCell {
    const gates = cellTerms(this.gates, this.inSize[0]);
    const candidate = cellTerms(this.candidate, this.inSize[0]);
    const bias = this.stateBias?.value;
    const activation = this.#activation;
    return {
      project: (x) =>
        x.rank > 2
          ? joinedTerms([this.gates, this.candidate], x)
          : tf.concat([gates.ofInput(x), candidate.ofInput(x)], -1),
      advance: (x, { h }) => {
        const terms = { x, y: gates.ofState(h), h };
        const { ofState } = candidate;
        const next = bias
          ? resetAfter(terms, ofState(h, bias), activation)
          : resetBefore(terms, (reset) => ofState(reset), activation);
        return { h: next };
      },
    };
  }
}

/**
 * The gated recurrent unit (Cho et al. 2014).
 *
 * ```text
 * r, z = σ([x, h] Wrz + brz)
 * h̃    = activation([x, r h] Wh + bh)
 * h    ← (1 - z) h + z h̃
 * ```
 *
 * As brainstate and the paper. With `resetAfter` it is torch's, which exchanges `z` and
 * `1 - z`:
 *
 * ```text
 * h̃ = activation(x Wx + bh + r (h Wh + b))     Wx, Wh: the rows of the candidate's weight
 * ```
 *
 * Weights are by default {@linkcode Orthogonal}, the activation tanh.
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
 * h̃ = activation([x, f h] Wh + bh)
 * h ← (1 - f) h + f h̃
 * ```
 *
 * Weights are by default {@linkcode Orthogonal}, the activation tanh.
 */
export class MGUCell extends CandidateCell {
  /** The number of gates: forget. */
  static override readonly gateCount = 1;
}
