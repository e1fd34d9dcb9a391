/**
 * How the value of a state is composed of tensors in a file.
 *
 * @module
 */
import {
  check,
  checkOptions,
  listOf,
  nonemptyListOf,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import { inverse, permute } from "./axes.ts";
import { cut, lengthOf, type StoredBox, sum } from "./stored_box.ts";

/** Options that name an axis of the state. */
export interface AxisOptions {
  /** The axis of the value, from 0. Default: 0. */
  readonly axis?: number;
}

/** Options of {@linkcode joined}. */
export interface JoinedOptions extends AxisOptions {
  /** The size of each part along the axis. Default: all are equal. */
  readonly sizes?: readonly number[];
}

const AXIS_RULES: OptionRules<AxisOptions> = { axis: "a nonnegative integer" };
const JOINED_RULES: OptionRules<JoinedOptions> = {
  ...AXIS_RULES,
  sizes: listOf("a nonnegative integer"),
};

/**
 * A value as it is stored in a file: made by {@linkcode stored}, {@linkcode joined} and
 * {@linkcode summed}. Its methods return what they say of it, read from the file to the
 * state: `stored("qkv").part(0, 3).transposed()` is the first third, transposed.
 *
 * Each of them can be read backwards, so that one description loads and saves.
 */
export class Stored {
  readonly #boxes: (shape: readonly number[]) => StoredBox[];

  /** Use {@linkcode stored}. */
  constructor(boxes: (shape: readonly number[]) => StoredBox[]) {
    this.#boxes = boxes;
  }

  /** The boxes that a state of this shape has in common with the file. Internal. */
  boxes(shape: readonly number[]): StoredBox[] {
    return this.#boxes(shape);
  }

  /**
   * The value with its axes in another order, as `tf.transpose` does: `[2, 3, 1, 0]`
   * makes the weight of torch's `Conv2d` that of ours.
   *
   * @param axes The axis that becomes the first, the second, ... Default: all reversed.
   */
  transposed(axes?: readonly number[]): Stored {
    const action = "describe a stored value";
    if (axes) check(action, "axes", axes, listOf("a nonnegative integer"));
    return new Stored((shape) => {
      const order = axes ?? shape.map((_, i) => shape.length - 1 - i);
      if (
        order.length !== shape.length ||
        shape.some((_, axis) => !order.includes(axis))
      ) {
        const is = `each of the axes of shape [${shape.join(", ")}] once`;
        refuse("transpose a stored value", "axes", is, order);
      }
      const places = inverse(order);
      return this.boxes(permute(shape, places)).map((box) => ({
        ...box,
        at: permute(box.at, order),
        size: permute(box.size, order),
        axes: box.axes.map((axis) => places[axis]!),
      }));
    });
  }

  /**
   * One of several parts that lie next to each other along an axis.
   *
   * @param index Which part, from 0.
   * @param of The number of equal parts, or the sizes of all.
   * @param options The axis.
   */
  part(
    index: number,
    of: number | readonly number[],
    options: AxisOptions = {},
  ): Stored {
    const action = "describe a part of a stored value";
    check(action, "index", index, "a nonnegative integer");
    if (typeof of === "number") check(action, "of", of, "a positive integer");
    else check(action, "of", of, listOf("a nonnegative integer"));
    checkOptions(action, options, AXIS_RULES);
    const { axis = 0 } = options;
    const count = typeof of === "number" ? of : of.length;
    if (index >= count) refuse(action, "index", `below ${count}`, index);
    return new Stored((shape) => {
      const length = lengthOf(shape, axis);
      const sizes = typeof of === "number"
        ? Array<number>(of).fill(length)
        : of;
      if (sizes[index] !== length) {
        const is = `${length} at ${index}, as in the state`;
        refuse(action, "of", is, sizes);
      }
      const begin = sum(sizes.slice(0, index));
      return this.boxes(shape.toSpliced(axis, 1, sum(sizes)))
        .flatMap((box) => cut(box, axis, begin, length));
    });
  }

  /**
   * The value with equal parts along an axis in another order, such as the gates of
   * a recurrent cell.
   *
   * @param order Which part of the file is the first, the second, ...
   * @param options The axis.
   */
  reordered(order: readonly number[], options: AxisOptions = {}): Stored {
    const action = "reorder a stored value";
    check(action, "order", order, nonemptyListOf("a nonnegative integer"));
    const parts = order.map((i) => this.part(i, order.length, options));
    return joined(parts, options);
  }

  /**
   * The value plus a number.
   *
   * @param number The number.
   */
  plus(number: number): Stored {
    check("describe a stored value", "plus", number, "a finite number");
    return new Stored((shape) =>
      this.boxes(shape).map((box) => ({
        ...box,
        plus: box.plus + (box.term === "other" ? 0 : number),
      }))
    );
  }

  /** The value with its sign changed. */
  negated(): Stored {
    return new Stored((shape) =>
      this.boxes(shape).map((box) => ({
        ...box,
        sign: box.sign === 1 ? -1 : 1,
        plus: -box.plus,
      }))
    );
  }
}

/**
 * The tensor of this name in the file, as it is.
 *
 * @example The queries of GPT-2, whose file packs queries, keys and values
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, State, stored, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const packed = { qkv: new State(tf.tensor2d([[1, 2, 3], [4, 5, 6]])) };
 * const file = await encodeSafetensors(packed);
 *
 * const apart = {
 *   q: new State(tf.zeros([2, 1])),
 *   k: new State(tf.zeros([2, 1])),
 *   v: new State(tf.zeros([2, 1])),
 * };
 * const map = (path: string) =>
 *   stored("qkv").part("qkv".indexOf(path), 3, { axis: 1 });
 * await decodeSafetensors(file, apart, { map });
 * assertEquals([...await apart.k.value.data()], [2, 5]);
 * assertEquals(await encodeSafetensors(apart, { map }), file);
 * ```
 *
 * @param name The name.
 */
export function stored(name: string): Stored {
  if (typeof name !== "string") {
    const action = "describe a stored value";
    refuse(action, "the name", "a string", name, TypeError);
  }
  return new Stored((shape) => {
    const zeros = shape.map(() => 0), axes = shape.map((_, axis) => axis);
    return [{
      name,
      shape,
      from: zeros,
      at: zeros,
      size: shape,
      axes,
      sign: 1,
      plus: 0,
      term: "only",
    }];
  });
}

/**
 * Several values joined along an axis, as `tf.concat` does.
 *
 * @param parts Names in the file, or stored values.
 * @param options The axis, and the sizes of the parts if they differ.
 */
export function joined(
  parts: readonly (string | Stored)[],
  options: JoinedOptions = {},
): Stored {
  const action = "join stored values";
  const given = listed(action, parts);
  checkOptions(action, options, JOINED_RULES);
  const { axis = 0, sizes } = options;
  if (sizes && sizes.length !== given.length) {
    const is = `${given.length} numbers, one for each part`;
    refuse(action, "sizes", is, sizes);
  }
  return new Stored((shape) => {
    const length = lengthOf(shape, axis);
    const lengths = sizes ?? given.map(() => length / given.length);
    if (sum(lengths) !== length || !lengths.every(Number.isInteger)) {
      const is = `as long as the state, ${length} in all`;
      refuse(action, "the parts", is, lengths);
    }
    return given.flatMap((part, i) => {
      const begin = sum(lengths.slice(0, i));
      return part.boxes(shape.toSpliced(axis, 1, lengths[i]!)).map((
        box,
      ) => ({
        ...box,
        at: box.at.with(axis, box.at[axis]! + begin),
      }));
    });
  });
}

/**
 * The sum of several values, such as the two biases that torch's recurrent layers have.
 * Saving stores the sum in the first of them, and zeros in the others; where `plus`
 * adds to one of those, its negative.
 *
 * @param terms Names in the file, or stored values.
 */
export function summed(terms: readonly (string | Stored)[]): Stored {
  const given = listed("sum stored values", terms);
  return new Stored((shape) =>
    given.flatMap((term, i) =>
      term.boxes(shape).map((box) => ({
        ...box,
        term: i > 0 || box.term === "other" ? "other" : "first",
      }))
    )
  );
}

/** Names as stored values. */
function listed(
  action: string,
  values: readonly (string | Stored)[],
): Stored[] {
  if (!Array.isArray(values) || values.length === 0) {
    refuse(action, "they", "a list of one or more", values, TypeError);
  }
  return values.map((value) => value instanceof Stored ? value : stored(value));
}
