/**
 * Recurrent networks: cells run over time.
 *
 * @module
 */
import {
  anything,
  boolean,
  callable,
  check,
  checkObject,
  checkOptions,
  instanceOf,
  type OptionRules,
  refuse,
  tensor,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { scope } from "../../memory.ts";
import { Module } from "../module/module.ts";
import { type CellState, mapState, RNNCell } from "./rnn_cell.ts";
import { checkInput, type Size } from "../module/size.ts";

/**
 * Runs `step` over the first axis, and stacks its results.
 *
 * ```text
 * carry, ys[t] = step(carry, xs[t])        t = 0, 1, ...
 * ```
 *
 * States may be read and written inside, and gradients flow through (JAX's
 * `lax.scan`).
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const [total, sums] = nn.scan(
 *   (sum: tf.Tensor, x) => [tf.add(sum, x), tf.add(sum, x)],
 *   tf.scalar(0),
 *   tf.tensor1d([1, 2, 3]),
 * );
 * assertEquals([...await total.data()], [6]);
 * assertEquals([...await sums.data()], [1, 3, 6]);
 * ```
 *
 * @typeParam C A tensor, or an array or plain object of tensors.
 * @param step Takes the carry and one slice, and returns the next carry and a result.
 * @param init The first carry, still owned by the caller.
 * @param xs `[time, ...]`, with at least one slice.
 * @returns The last carry, and the results, `[time, ...]`.
 */
export function scan<C extends tf.TensorContainer>(
  step: (carry: C, x: tf.Tensor) => readonly [C, tf.Tensor],
  init: C,
  xs: tf.Tensor,
): [C, tf.Tensor] {
  check("scan", "step", step, callable);
  check("scan", "the input", xs, tensor);
  if (xs.rank === 0 || xs.shape[0] === 0) {
    throw new RangeError(
      `Cannot scan: the input must have shape [time, ...] with at least one slice: current shape is [${
        xs.shape.join(", ")
      }]`,
    );
  }
  return scope(() => {
    let carry = init;
    const ys: tf.Tensor[] = [];
    for (const x of tf.unstack(xs)) {
      // Outside a gradient, a step's intermediate values are freed with it.
      const [next, y] = scope(() => [...step(carry, x)]) as [C, tf.Tensor];
      carry = next;
      ys.push(y);
    }
    return [carry, tf.stack(ys)];
  });
}

/** Options of {@linkcode RNN}. */
export interface RNNOptions {
  /** Whether to run from the last step to the first; the outputs keep their places. Default: false. */
  readonly reverse?: boolean;
  /** Whether to return only the output of the last step. Default: false. */
  readonly lastOnly?: boolean;
}

const RULES: OptionRules<RNNOptions> = { reverse: boolean, lastOnly: boolean };

/** Where {@linkcode RNN.run} begins. */
export interface RNNStart {
  /** The state before the first step. Default: the cell's. */
  readonly state?: CellState;
  /** bool `[batch, time]`: false at padding. Default: true everywhere. */
  readonly mask?: tf.Tensor2D;
}

const START: OptionRules<RNNStart> = { state: anything, mask: anything };

/** What {@linkcode RNN.run} returns. */
export interface RNNResult {
  /** `[batch, time, hidden]`, or `[batch, hidden]` of the last step only. */
  readonly y: tf.Tensor;
  /** The state after the last step. */
  readonly state: CellState;
}

/**
 * A cell run over time: `[batch, time, in]` to `[batch, time, hidden]`.
 *
 * Every sequence begins with the state that the cell begins with, unless one is given.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const lstm = new nn.RNN(new nn.LSTMCell(4, 8));
 * assertEquals(lstm.call(tf.ones([2, 5, 4])).shape, [2, 5, 8]);
 * ```
 */
export class RNN extends Module {
  /** The cell. */
  readonly cell: RNNCell;
  /** Whether the last step is run first. */
  readonly reverse: boolean;
  /** Whether only the last output is returned. */
  readonly lastOnly: boolean;

  /**
   * Keep the cell and the settings.
   *
   * @param cell The cell.
   * @param options See {@linkcode RNNOptions}.
   */
  constructor(
    cell: RNNCell,
    options: RNNOptions = {},
  ) {
    super();
    check("create RNN", "cell", cell, instanceOf(RNNCell, "a recurrent cell"));
    checkOptions("create RNN", options, RULES);
    const { reverse = false, lastOnly = false } = options;
    this.cell = cell;
    this.reverse = reverse;
    this.lastOnly = lastOnly;
  }

  /** `[time, in]`. */
  get inSize(): Size {
    return [null, ...this.cell.inSize];
  }

  /** `[time, hidden]`, or `[hidden]` of the last step only. */
  outSize(inSize: Size): Size {
    const out = this.cell.outSize(inSize);
    return this.lastOnly ? out.slice(-1) : out;
  }

  /**
   * Run the cell over all steps.
   *
   * @param x `[batch, time, in]`
   * @param state The state before the first step. Default: the cell's.
   * @param mask bool `[batch, time]`: where it is false, as at padding, the state stays as
   *   it was, and the output is 0. Default: true everywhere.
   * @returns `[batch, time, hidden]`, or `[batch, hidden]` of the last step only.
   */
  override update(
    x: tf.Tensor3D,
    state?: CellState,
    mask?: tf.Tensor2D,
  ): tf.Tensor {
    return scope(() =>
      this.run(x, {
        ...state !== undefined && { state },
        ...mask !== undefined && { mask },
      }).y
    );
  }

  /**
   * Run the cell over all steps, and keep the state after them.
   *
   * @param x `[batch, time, in]`
   * @param from Where to begin, and what is there.
   * @returns What `call` returns, and the state after the last step (with `reverse`, after
   *   the first place).
   */
  run(x: tf.Tensor3D, from: RNNStart = {}): RNNResult {
    checkInput("RNN", x, this.inSize, 3);
    checkOptions("run RNN", from, START);
    const { state, mask } = from;
    if (mask !== undefined) checkMask("call RNN", mask, x);
    return scope(() => {
      const initial = this.cell.initialState(x.shape[0]);
      if (state !== undefined) checkState(state, initial);
      const first = state ?? initial;
      const { project, advance } = this.cell.bind();
      // Before the product: there are usually fewer features.
      const steps = project(tf.transpose(x, [1, 0, 2]));
      const isThere = mask && tf.tile<tf.Tensor3D>(
        tf.expandDims<tf.Tensor3D>(mask, 2),
        [1, 1, this.cell.hiddenSize],
      );
      const there = isThere && tf.unstack(isThere, 1);
      if (this.reverse) there?.reverse();
      let step = 0;
      const [carry, outputs] = scan(
        (carry, projected) => {
          const before = carry as unknown as CellState;
          const next = advance(projected as tf.Tensor2D, before);
          const kept = there ? held(there[step++]!, next, before) : next;
          return [{ ...kept }, next.h];
        },
        { ...first } as tf.TensorContainerObject,
        this.reverse ? tf.reverse(steps, 0) : steps,
      );
      const last = carry as unknown as CellState;
      if (this.lastOnly) return { y: tf.clone(last.h), state: last };
      const inOrder = this.reverse ? tf.reverse(outputs, 0) : outputs;
      const all = tf.transpose(inOrder, [1, 0, 2]);
      const y = isThere ? tf.where(isThere, all, tf.zerosLike(all)) : all;
      return { y, state: last };
    });
  }
}

/** `next` where `isThere`, and elsewhere the state before. */
function held(
  isThere: tf.Tensor,
  next: CellState,
  before: CellState,
): CellState {
  return mapState(
    next,
    (x, name) => tf.where(isThere, x, before[name]!) as tf.Tensor2D,
  );
}

/** Throws unless `mask` says for each step of `x` whether it is there. */
export function checkMask(
  action: string,
  mask: tf.Tensor,
  x: tf.Tensor3D,
): void {
  check(action, "mask", mask, tensor);
  const [batch, time] = x.shape;
  if (mask.dtype !== "bool") refuse(action, "mask", "bool", mask, TypeError);
  if (!tf.util.arraysEqual(mask.shape, [batch, time])) {
    refuse(action, "mask", `of shape [${batch}, ${time}]`, mask);
  }
}

/** Throws unless `state` has the tensors of `expected`, of the same shapes. */
function checkState(state: CellState, expected: CellState) {
  checkObject("call RNN", state, "the state");
  const given = new Map<string, unknown>(Object.entries(state));
  for (const [name, { shape }] of Object.entries(expected)) {
    const x = given.get(name);
    check("call RNN", `state.${name}`, x, tensor);
    if (!tf.util.arraysEqual((x as tf.Tensor).shape, shape)) {
      refuse("call RNN", `state.${name}`, `of shape [${shape.join(", ")}]`, x);
    }
    given.delete(name);
  }
  for (const name of given.keys()) {
    const is = `${Object.keys(expected).join(" and ")} only`;
    refuse("call RNN", "the state", is, name, TypeError);
  }
}
