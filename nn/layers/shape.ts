/**
 * Layers that change shapes only.
 *
 * @module
 */
import {
  checkNoMore,
  checkOptions,
  oneOf,
  type OptionRules,
} from "../../internal/check.ts";
import * as tf from "../../tf.ts";
import { floats } from "../module/floats.ts";
import { Module } from "../module/module.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput, type Size } from "../module/size.ts";
import { type PerAxis, perAxis } from "./window.ts";

/**
 * Returns its input.
 *
 * @typeParam T The rank of input and output.
 */
export class Identity<T extends tf.Tensor = tf.Tensor> extends SameRank<T> {
  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    super();
    checkNoMore("create Identity", none);
  }

  /** `x`, as a tensor of its own. */
  override update(x: T): T {
    checkInput("Identity", x, []);
    return tf.clone(x);
  }
}

/** Options of {@linkcode Flatten}. */
export interface FlattenOptions {
  /**
   * Which features are neighbours in the row: `"channelsLast"`, all channels of one
   * place; `"channelsFirst"`, all places of one channel. The second is the order of
   * PyTorch, which weights from there need in the next dense layer. Default:
   * `"channelsLast"`.
   */
  readonly order?: "channelsLast" | "channelsFirst";
}

const FLATTEN_RULES: OptionRules<FlattenOptions> = {
  order: oneOf("channelsLast", "channelsFirst"),
};

/**
 * Flattens each example to a row: `[batch, ...]` to `[batch, features]`.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.tensor3d([[[0, 10], [1, 11]]]); // two places of two channels
 * const row = (flatten: nn.Flatten) => flatten.call(x).array();
 * assertEquals(await row(new nn.Flatten()), [[0, 10, 1, 11]]);
 * const theirs = new nn.Flatten({ order: "channelsFirst" });
 * assertEquals(await row(theirs), [[0, 1, 10, 11]]);
 * ```
 */
export class Flatten extends Module {
  /** Which features are neighbours in the row. */
  readonly order: "channelsLast" | "channelsFirst";

  /**
   * Keep the order.
   *
   * @param options See {@linkcode FlattenOptions}.
   */
  constructor(options: FlattenOptions = {}) {
    super();
    checkOptions("create Flatten", options, FLATTEN_RULES);
    const { order = "channelsLast" } = options;
    this.order = order;
  }

  /** One axis, with the product of the sizes. */
  outSize(inSize: Size): Size {
    return [
      inSize.reduce(
        (product, size) =>
          product === null || size === null ? null : product * size,
        1,
      ),
    ];
  }

  /** `[batch, ...]` to `[batch, features]`. */
  override update(x: tf.Tensor): tf.Tensor2D {
    checkInput("Flatten", x, []);
    if (x.rank === 0) {
      throw new RangeError(
        "Cannot call Flatten: the input must have shape [batch, ...]: current shape is []",
      );
    }
    const [batch, ...rest] = x.shape;
    const shape: [number, number] = [batch!, tf.util.sizeFromShape(rest)];
    if (this.order === "channelsLast" || x.rank < 3) {
      return tf.reshape(x, shape);
    }
    const places = rest.slice(1).map((_, i) => i + 1);
    return tf.tidy(() =>
      tf.reshape(tf.transpose(x, [0, x.rank - 1, ...places]), shape)
    );
  }
}

/** Options of {@linkcode Upsample}. */
export interface UpsampleOptions {
  /** How new cells get their values. Default: `"nearest"`. */
  readonly mode?: "nearest" | "bilinear";
}

const UPSAMPLE_RULES: OptionRules<UpsampleOptions> = {
  mode: oneOf("nearest", "bilinear"),
};

/**
 * Enlarges images by integer factors: `[batch, height, width, channels]`.
 *
 * `"nearest"` repeats cells. `"bilinear"` interpolates between the centers of cells,
 * as torch does without `align_corners`.
 */
export class Upsample extends Module {
  /** The factor along each axis. */
  readonly factor: readonly number[];
  /** How new cells get their values. */
  readonly mode: "nearest" | "bilinear";

  /**
   * Keep the settings.
   *
   * @param factor A positive integer: one for both axes, or one for each.
   * @param options See {@linkcode UpsampleOptions}.
   */
  constructor(factor: PerAxis, options: UpsampleOptions = {}) {
    super();
    checkOptions("create Upsample", options, UPSAMPLE_RULES);
    const { mode = "nearest" } = options;
    this.factor = perAxis("Upsample", "factor", factor, 2);
    this.mode = mode;
  }

  /** Height and width times the factor. */
  outSize(inSize: Size): Size {
    return inSize.map((size, i) => {
      const factor = this.factor[i - inSize.length + 3];
      return size === null || factor === undefined || i === inSize.length - 1
        ? size
        : size * factor;
    });
  }

  /** `[batch, height, width, channels]` to the same, larger. */
  override update(x: tf.Tensor4D): tf.Tensor4D {
    checkInput("Upsample", x, [], 4);
    return tf.tidy(() => {
      const given = floats(x);
      const [down, right] = this.factor as [number, number];
      return this.mode === "nearest"
        ? repeat(repeat(given, 1, down), 2, right)
        : blend(blend(given, 1, down), 2, right);
    });
  }
}

/** Each cell along `axis`, `times` times. */
function repeat(x: tf.Tensor4D, axis: 1 | 2, times: number): tf.Tensor4D {
  if (times === 1) return x;
  const shape = x.shape.toSpliced(axis, 1, x.shape[axis] * times);
  const column = x.shape.toSpliced(axis + 1, 0, 1);
  const repeats = column.map((_, i) => i === axis + 1 ? times : 1);
  const repeated = tf.tile(tf.reshape(x, column), repeats);
  return tf.reshape(repeated, shape as typeof x.shape);
}

/** Linear interpolation along `axis`, as a product with a matrix of weights. */
function blend(x: tf.Tensor4D, axis: 1 | 2, times: number): tf.Tensor4D {
  if (times === 1) return x;
  const length = x.shape[axis];
  const shares = tf.buffer([length * times, length]);
  for (let i = 0; i < length * times; i++) {
    const place = Math.max((i + 0.5) / times - 0.5, 0);
    const low = Math.floor(place);
    const high = Math.min(low + 1, length - 1);
    shares.set(shares.get(i, low) + 1 - (place - low), i, low);
    shares.set(shares.get(i, high) + place - low, i, high);
  }
  const order = axis === 1 ? [1, 0, 2, 3] : [2, 0, 1, 3];
  const back = axis === 1 ? [1, 0, 2, 3] : [1, 2, 0, 3];
  const front = tf.transpose(x, order);
  const [, ...rest] = front.shape;
  const rows = tf.reshape(front, [length, tf.util.sizeFromShape(rest)]);
  const mixed = tf.matMul(shares.toTensor() as tf.Tensor2D, rows);
  return tf.transpose(
    tf.reshape(mixed, [length * times, ...rest]),
    back,
  ) as tf.Tensor4D;
}
