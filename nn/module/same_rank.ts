/**
 * Modules that keep the rank of their input.
 *
 * @module
 */
import type * as tf from "../../tf.ts";
import { Module } from "./module.ts";
import type { Size } from "./size.ts";

/**
 * A module whose output has the rank of its input, such as an activation or dropout.
 *
 * `call` returns the type of tensor that it is given, so that such a module fits
 * between layers of any rank.
 *
 * @typeParam T The tensors that it takes.
 */
export abstract class SameRank<T extends tf.Tensor = tf.Tensor> extends Module {
  /** The size of the output: that of the input, unless overridden. */
  outSize(inSize: Size): Size {
    return inSize;
  }

  /** Returns a tensor of the rank of `x`. */
  abstract override update(x: T): T;

  /** Runs the module; see {@linkcode Module.call}. */
  override call<X extends T>(
    ...args: [x: X] & Parameters<this["update"]>
  ): X & ReturnType<this["update"]> {
    const given: unknown = args;
    return super.call(...given as Parameters<this["update"]>) as
      & X
      & ReturnType<this["update"]>;
  }
}
