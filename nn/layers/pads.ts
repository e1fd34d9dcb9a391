/**
 * Padding: cells around the spatial axes of an input.
 *
 * @module
 */
import {
  check,
  checkNoMore,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput, type Size } from "../module/size.ts";
import { axesOf, type CellCounts, cellsRule, paddingPairs } from "./window.ts";

/**
 * The base of layers that pad the axes between batch and channels: `[batch, ...spatial,
 * channels]` to the same with more cells.
 *
 * @typeParam T The rank of input and output.
 */
export abstract class Pad<T extends tf.Tensor> extends SameRank<T> {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
  /** The cells before and after the input, for each axis. */
  readonly padding: readonly (readonly [number, number])[];

  /**
   * Keep the padding.
   *
   * @param padding A number of cells for all sides, or for each axis a number or a pair
   *   `[before, after]`, in the order of the axes (torch's is from the last axis to the
   *   first).
   */
  constructor(padding: CellCounts) {
    super();
    const { name } = new.target;
    check(`create ${name}`, "padding", padding, cellsRule);
    const axes = axesOf(new.target);
    const pairs = paddingPairs(name, padding, axes);
    // Nothing around any axis has a name.
    this.padding = typeof pairs === "string"
      ? Array.from({ length: axes }, (): [number, number] => [0, 0])
      : pairs;
  }

  /** How many cells there may be beside an axis of a length. */
  protected abstract most(length: number): number;

  /** `x` with `before` and `after` cells beside an axis. */
  protected abstract around(
    x: tf.Tensor,
    axis: number,
    before: number,
    after: number,
  ): tf.Tensor;

  /** The size of the output for an input of size `inSize`. */
  override outSize(inSize: Size): Size {
    const first = inSize.length - 1 - this.padding.length;
    return inSize.map((length, i) => {
      const pair = this.padding[i - first];
      if (length === null || !pair) return length;
      const most = this.most(length);
      if (Math.max(...pair) > most) {
        const action = `apply ${this.constructor.name}`;
        const is = `at most ${most} beside an axis of length ${length}`;
        refuse(action, "padding", is, pair);
      }
      return pair[0] + length + pair[1];
    });
  }

  /** `[batch, ...spatial, channels]` to the same with more cells. */
  override update(x: T): T {
    checkInput(this.constructor.name, x, [], this.padding.length + 2);
    this.outSize(x.shape.slice(1));
    return tf.tidy(() =>
      tf.clone(
        this.padding.reduce<tf.Tensor>(
          (y, [before, after], i) =>
            before + after === 0 ? y : this.around(y, i + 1, before, after),
          floats(x),
        ),
      ) as T
    );
  }
}

/** Options of {@linkcode ConstantPad}. */
export interface ConstantPadOptions {
  /** The value of the new cells. Default: 0. */
  readonly value?: number;
}

const CONSTANT_RULES: OptionRules<ConstantPadOptions> = { value: "a number" };

/** The same number around the input. */
export abstract class ConstantPad<T extends tf.Tensor> extends Pad<T> {
  /** The value of the new cells. */
  readonly value: number;

  /**
   * Keep the settings.
   *
   * @param padding See {@linkcode Pad}.
   * @param options See {@linkcode ConstantPadOptions}.
   */
  constructor(padding: CellCounts, options: ConstantPadOptions = {}) {
    checkOptions(`create ${new.target.name}`, options, CONSTANT_RULES);
    super(padding);
    this.value = options.value ?? 0;
  }

  /** Any number of cells. */
  protected override most(): number {
    return Infinity;
  }

  /** `x` with cells beside an axis. */
  protected override around(
    x: tf.Tensor,
    axis: number,
    before: number,
    after: number,
  ): tf.Tensor {
    const none: [number, number][] = x.shape.map(() => [0, 0]);
    return tf.pad(x, none.with(axis, [before, after]), this.value);
  }
}

/** Padding with cells of the input. */
export abstract class CopiedPad<T extends tf.Tensor> extends Pad<T> {
  /**
   * Keep the padding.
   *
   * @param padding See {@linkcode Pad}.
   * @param none None.
   */
  constructor(padding: CellCounts, ...none: readonly never[]) {
    checkNoMore(`create ${new.target.name}`, none);
    super(padding);
  }

  /** The cells before an input, as many as `cells`. */
  protected abstract before(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor;
  /** The cells after it. */
  protected abstract after(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor;

  /** `x` with cells beside an axis. */
  protected override around(
    x: tf.Tensor,
    axis: number,
    before: number,
    after: number,
  ): tf.Tensor {
    const parts = [
      ...before > 0 ? [this.before(x, axis, before)] : [],
      x,
      ...after > 0 ? [this.after(x, axis, after)] : [],
    ];
    return tf.concat(parts, axis);
  }
}

/** `length` cells of `x` along an axis, from `begin` on. */
function cut(x: tf.Tensor, axis: number, begin: number, length: number) {
  return tf.slice(
    x,
    x.shape.map((_, i) => i === axis ? begin : 0),
    x.shape.with(axis, length),
  );
}

/** The input mirrored around its first and last cells, which are not repeated. */
export abstract class ReflectionPad<T extends tf.Tensor> extends CopiedPad<T> {
  /** All cells but the one that mirrors. */
  protected override most(length: number): number {
    return length - 1;
  }

  /** The cells after the first, in reverse. */
  protected override before(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    return tf.reverse(cut(x, axis, 1, cells), axis);
  }

  /** The cells before the last, in reverse. */
  protected override after(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    const last = x.shape[axis]! - 1;
    return tf.reverse(cut(x, axis, last - cells, cells), axis);
  }
}

/** The first and last cells, repeated. */
export abstract class ReplicationPad<T extends tf.Tensor> extends CopiedPad<T> {
  /** Any number of cells, if there is one to repeat. */
  protected override most(length: number): number {
    return length === 0 ? 0 : Infinity;
  }

  /** The first cell. */
  protected override before(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    const times = x.shape.map((_, i) => i === axis ? cells : 1);
    return tf.tile(cut(x, axis, 0, 1), times);
  }

  /** The last cell. */
  protected override after(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    const times = x.shape.map((_, i) => i === axis ? cells : 1);
    return tf.tile(cut(x, axis, x.shape[axis]! - 1, 1), times);
  }
}

/** The input again, as if its ends met. */
export abstract class CircularPad<T extends tf.Tensor> extends CopiedPad<T> {
  /** All cells. */
  protected override most(length: number): number {
    return length;
  }

  /** The cells at the end. */
  protected override before(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    return cut(x, axis, x.shape[axis]! - cells, cells);
  }

  /** The cells at the beginning. */
  protected override after(
    x: tf.Tensor,
    axis: number,
    cells: number,
  ): tf.Tensor {
    return cut(x, axis, 0, cells);
  }
}
