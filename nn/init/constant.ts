/**
 * Deterministic initializers.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, checkNoMore } from "../../internal/check.ts";
import { type Initializer, matrix } from "./initializer.ts";

/** The same number in every element. */
export class Constant implements Initializer {
  readonly #value: number;

  /**
   * Keep the settings.
   *
   * @param value The number.
   */
  constructor(value: number) {
    check(`create ${new.target.name}`, "value", value, "a number");
    this.#value = value;
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[]): tf.Tensor {
    return tf.fill([...shape], this.#value);
  }
}

/** Zeros: the default of biases. */
export class Zero extends Constant {
  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create Zero", none);
    super(0);
  }
}

/** Ones: the default of scales. */
export class One extends Constant {
  /**
   * Takes no arguments.
   *
   * @param none None.
   */
  constructor(...none: readonly never[]) {
    checkNoMore("create One", none);
    super(1);
  }
}

/** `scale` on the diagonal of the last two axes, 0 elsewhere (torch's `eye_`). */
export class Eye implements Initializer {
  readonly #scale: number;

  /**
   * Keep the settings.
   *
   * @param scale The value on the diagonal. Default: 1.
   */
  constructor(scale = 1) {
    check("create Eye", "scale", scale, "a number");
    this.#scale = scale;
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[]): tf.Tensor {
    const [rows, columns] = matrix("Eye", shape);
    return tf.tidy(() =>
      tf.tile(
        tf.reshape(tf.mul(tf.eye(rows, columns), this.#scale), [
          ...shape.slice(0, -2).map(() => 1),
          rows,
          columns,
        ]),
        [...shape.slice(0, -2), 1, 1],
      )
    );
  }
}
