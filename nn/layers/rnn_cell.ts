/**
 * Recurrent cells: one step in time.
 *
 * @module
 */
import { scope } from "../../memory.ts";
import { HiddenState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { Module } from "../module/module.ts";
import { checkInput, checkSize, lastAxis, type Size } from "../module/size.ts";

/** What a cell remembers, by name; `h` is what it gives out. */
export interface CellState {
  /** `[batch, hidden]` */
  readonly h: tf.Tensor2D;
  /** `[batch, hidden]`, of cells that have it. */
  readonly c?: tf.Tensor2D;
}

/** The hidden states of a cell, by name. */
export type HiddenStates = { [K in keyof CellState]: HiddenState<tf.Tensor2D> };

/** A cell's two parts, with the weights as they are now. */
export interface BoundCell {
  /**
   * What does not depend on the state, `[..., in]` to `[..., any]`: one product for
   * all steps of a sequence.
   */
  project(x: tf.Tensor): tf.Tensor;
  /**
   * The next state.
   *
   * @param projected `[batch, any]`, of one step.
   * @param state What came before.
   */
  advance(projected: tf.Tensor2D, state: CellState): CellState;
}

/**
 * A recurrent cell.
 *
 * A cell of your own writes `bind`, whose two parts {@linkcode RNN} runs over time.
 * `update` keeps the state in the cell: `initState(batch)` makes it of zeros, and
 * each call moves it on.
 */
export abstract class RNNCell extends Module {
  /** What the cell remembers between calls; nothing before `initState`. */
  hidden: HiddenStates | null = null;
  /** The number of features that go in. */
  readonly inSize: readonly [number];
  /** The number of features that come out. */
  readonly hiddenSize: number;

  /**
   * Say the sizes.
   *
   * @param inSize The number of features that go in, or a size that ends in it.
   * @param hiddenSize The number of features that come out.
   */
  constructor(inSize: number | Size, hiddenSize: number) {
    super();
    this.inSize = [lastAxis(new.target.name, "inSize", inSize)];
    this.hiddenSize = lastAxis(new.target.name, "hiddenSize", hiddenSize);
  }

  /** The cell's two parts: make it anew for each sequence. */
  abstract bind(): BoundCell;

  /**
   * The next state.
   *
   * @param x `[batch, in]`
   * @param state What came before.
   */
  step(x: tf.Tensor2D, state: CellState): CellState {
    return scope(() => {
      const { project, advance } = this.bind();
      return advance(project(x) as tf.Tensor2D, state);
    });
  }

  /** A state of zeros, which the caller owns. */
  zeroState(batch: number): CellState {
    return { h: tf.zeros([batch, this.hiddenSize]) };
  }

  /** Begin a sequence: the cell's state becomes zeros for `batch` examples. */
  initState(batch: number): void {
    if (!Number.isInteger(batch) || batch < 1) {
      throw new RangeError(
        `Cannot begin a sequence: batch must be a whole number above 0: current value is ${batch}`,
      );
    }
    scope(() => {
      const { h, c } = this.zeroState(batch);
      this.hidden?.h.replace(h);
      if (c) this.hidden?.c?.replace(c);
      this.hidden ??= {
        h: new HiddenState(h, { name: `${this.constructor.name}.h` }),
        ...c &&
          { c: new HiddenState(c, { name: `${this.constructor.name}.c` }) },
      };
    });
  }

  /** Begin another sequence, with as many examples as before unless `batch` says else. */
  resetState(batch?: number): void {
    const examples = batch ?? this.hidden?.h.shape[0];
    if (examples === undefined) this.#begin();
    else this.initState(examples);
  }

  /** The number of features that come out. */
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
      const { h, c } = this.step(x, {
        h: hidden.h.value,
        ...hidden.c && { c: hidden.c.value },
      });
      hidden.h.value = h;
      if (hidden.c && c) hidden.c.value = c;
      return h;
    });
  }

  #begin(): never {
    throw new Error(
      `Cannot call ${this.constructor.name}: it has no state yet: begin a sequence with initState(batch)`,
    );
  }
}
