/**
 * Recurrent cells: one step in time.
 *
 * @module
 */
import { check } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { HiddenState } from "../../state.ts";
import type * as tf from "../../tf.ts";
import type { Initializer } from "../init/initializer.ts";
import { Zero } from "../init/mod.ts";
import { initialValue } from "../module/initial_value.ts";
import { Module } from "../module/module.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** The state of a cell, by name: `[batch, hidden]` each. */
export interface CellState {
  /** The output. */
  readonly h: tf.Tensor2D;
  /** What else the cell has, as the memory `c` of {@linkcode LSTMCell}. */
  readonly [name: string]: tf.Tensor2D;
}

/** The hidden states of a cell, by name. */
export interface HiddenStates {
  /** The output. */
  readonly h: HiddenState<tf.Tensor2D>;
  /** What else the cell has. */
  readonly [name: string]: HiddenState<tf.Tensor2D>;
}

/** How a cell's state begins. */
export interface StateStart {
  /** The initializer of the state. Default: {@linkcode Zero}. */
  readonly stateInit?: Initializer;
  /** The stream that it draws from. Default: the default stream. */
  readonly random?: RandomState;
}

/** A cell's two parts, with the weights as they were when it was bound. */
export interface BoundCell {
  /**
   * The terms that do not depend on the state, `[..., in]` to `[..., any]`: computed
   * once for all steps of a sequence.
   */
  project(x: tf.Tensor): tf.Tensor;
  /**
   * The next state.
   *
   * @param projected `[batch, any]`, of one step.
   * @param state The state before the step.
   */
  advance(projected: tf.Tensor2D, state: CellState): CellState;
}

/**
 * A recurrent cell.
 *
 * A cell of your own implements `bind`, whose two parts {@linkcode RNN} runs over
 * time. `update` keeps the state in the cell: `initState(batch)` sets it to what it
 * begins with, and each call advances it.
 */
export abstract class RNNCell extends Module {
  /** The state between calls of `update`; null before `initState`. */
  hidden: HiddenStates | null = null;
  /** The number of features of the input. */
  readonly inSize: readonly [number];
  /** The number of features of the output. */
  readonly hiddenSize: number;
  /** The initializer of the state. */
  readonly stateInit: Initializer;
  /** The stream that `stateInit` draws from; null without either. */
  readonly random: RandomState | null;

  /**
   * Keep the sizes.
   *
   * @param inSize The number of features of the input, or a size that ends in it.
   * @param hiddenSize The number of features of the output.
   * @param start How the state begins.
   */
  constructor(
    inSize: number | Size,
    hiddenSize: number,
    { stateInit, random }: StateStart = {},
  ) {
    super();
    this.inSize = [lastAxis(new.target.name, "inSize", inSize)];
    this.hiddenSize = lastAxis(new.target.name, "hiddenSize", hiddenSize);
    this.stateInit = stateInit ?? new Zero();
    this.random = stateInit && random ? random : null;
  }

  /** The cell's two parts, for one sequence. */
  abstract bind(): BoundCell;

  /**
   * The next state.
   *
   * @param x `[batch, in]`
   * @param state The state before the step.
   */
  step(x: tf.Tensor2D, state: CellState): CellState {
    return scope(() => {
      const { project, advance } = this.bind();
      return advance(project(x) as tf.Tensor2D, state);
    });
  }

  /** The state before the first step, owned by the caller. */
  initialState(batch: number): CellState {
    return { h: this.initialValue("h", batch) };
  }

  /** One tensor of the state before the first step. */
  protected initialValue(name: string, batch: number): tf.Tensor2D {
    return initialValue<tf.Tensor2D>(
      `${this.constructor.name}.${name}`,
      this.stateInit,
      [batch, this.hiddenSize],
      this.random ?? undefined,
    );
  }

  /** Begins a sequence: sets the state to what it begins with, for `batch` examples. */
  initState(batch: number): void {
    check("begin a sequence", "batch", batch, "a positive integer");
    scope(() => {
      const state = this.initialState(batch);
      for (const [name, hidden] of Object.entries(this.hidden ?? {})) {
        hidden.replace(state[name]!);
      }
      const of = this.constructor.name;
      this.hidden ??= mapState(
        state,
        (x, name) => new HiddenState(x, { name: `${of}.${name}` }),
      );
    });
  }

  /** Begins another sequence, by default with as many examples as before. */
  resetState(batch?: number): void {
    const examples = batch ?? this.hidden?.h.shape[0];
    if (examples === undefined) this.#begin();
    else this.initState(examples);
  }

  /** The number of features of the output. */
  outSize(inSize: Size): Size {
    checkSize(this.constructor.name, this.inSize, inSize);
    return [...inSize.slice(0, -1), this.hiddenSize];
  }

  /** One step in time: `[batch, in]` to `[batch, hidden]`. */
  override update(x: tf.Tensor2D): tf.Tensor2D {
    checkInput(this.constructor.name, x, this.inSize, 2);
    const hidden = this.hidden ?? this.#begin();
    if (x.shape[0] !== hidden.h.shape[0]) {
      throw new RangeError(
        `Cannot call ${this.constructor.name}: the batch must be that of initState, ${
          hidden.h.shape[0]
        }: current shape is [${x.shape.join(", ")}]`,
      );
    }
    return scope(() => {
      const next = this.step(x, mapState(hidden, (state) => state.value));
      for (const [name, state] of Object.entries(hidden)) {
        state.value = next[name]!;
      }
      return next.h;
    });
  }

  #begin(): never {
    throw new Error(
      `Cannot call ${this.constructor.name}: it has no state yet: begin a sequence with initState(batch)`,
    );
  }
}

/** `fn` of each part of a cell's state, under the same names. */
export function mapState<X, Y>(
  state: { readonly h: X; readonly [name: string]: X },
  fn: (x: X, name: string) => Y,
): { readonly h: Y; readonly [name: string]: Y } {
  const { h, ...others } = state;
  const mapped = Object.entries(others).map(([name, x]) =>
    [name, fn(x, name)] as const
  );
  return { h: fn(h, "h"), ...Object.fromEntries(mapped) };
}
