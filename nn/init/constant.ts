/**
 * Initializers without chance.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Initializer, matrix } from "./initializer.ts";

/** The same number everywhere. */
export class Constant implements Initializer {
  readonly #value: number;

  /** Take `value`. */
  constructor(value: number) {
    this.#value = value;
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[]): tf.Tensor {
    return tf.fill([...shape], this.#value);
  }
}

/** Zeros: the default of biases. */
export class Zero extends Constant {
  /** Take 0. */
  constructor() {
    super(0);
  }
}

/** Ones: the default of scales. */
export class One extends Constant {
  /** Take 1. */
  constructor() {
    super(1);
  }
}

/** `scale` on the diagonal of the last two axes, zero elsewhere. */
export class Identity implements Initializer {
  readonly #scale: number;

  /** Take `scale`, 1 by default. */
  constructor(scale = 1) {
    this.#scale = scale;
  }

  /** A new tensor of `shape`. */
  init(shape: readonly number[]): tf.Tensor {
    const [rows, columns] = matrix("Identity", shape);
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
