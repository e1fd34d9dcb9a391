/**
 * Elementwise math between operations on whole tensors.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  Expr,
  type Kernel,
  kernelOf,
  runLaunches,
} from "../../backend/fusion/mod.ts";
import type { Named, Tensors } from "../../tensors.ts";

/** The kernel of one new tensor. `isSlot` where it is kept from step to step. */
export function kernelOfOne(value: Expr, isSlot = false): Kernel {
  return kernelOf({ out: { value, extent: "each", isSlot } });
}

/** What a kernel of {@linkcode kernelOfOne} makes of tensors of one shape. */
export function runKernel<T extends tf.Tensor>(
  kernel: Kernel,
  inputs: Tensors,
  scalars: Named<number>,
): T {
  const { shape } = Object.values(inputs)[0]!;
  const rows = [{ inputs, scalars, shape }];
  const [[outputs]] = runLaunches([{ kernel, rows }]) as [[Tensors]];
  return outputs["out"] as T;
}

const MEAN = kernelOfOne(
  Expr.input("old").mul(Expr.scalar("kept"))
    .add(Expr.input("x").mul(Expr.scalar("added"))),
  true,
);

/** `β old + (1 - β) x`, to be kept in a slot. */
export function nextMean<T extends tf.Tensor>(
  old: T,
  x: tf.Tensor,
  beta: number,
): T {
  return runKernel(MEAN, { x, old }, { kept: beta, added: 1 - beta });
}
