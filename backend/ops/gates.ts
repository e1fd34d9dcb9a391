/**
 * The gates of recurrent cells: formulas of one element, written once, which the backends
 * that compile kernels make one kernel of, and the others a sequence of ops.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import { runKernel } from "../kernel.ts";

/** What a formula computes with. */
export interface Elements<T> {
  /** The number, as an element. */
  of(x: number): T;
  /** `x + y` */
  add(x: T, y: T | number): T;
  /** `x - y` */
  sub(x: T, y: T): T;
  /** `x y` */
  mul(x: T, y: T): T;
  /** `1 / (1 + e^-x)` */
  sigmoid(x: T): T;
  /** The hyperbolic tangent, or the activation in its place. */
  tanh(x: T): T;
}

/** For each name the elements at one place, one of each block. */
export type Blocks<T, K extends string = string> = Readonly<
  Record<K, readonly T[]>
>;

/**
 * A kernel on matrices whose rows are blocks of as many elements as the cell has
 * features: all elements of a result are computed by one formula.
 */
export interface GateKernel<
  I extends string = string,
  O extends string = string,
> {
  /** The name of the kernel. */
  readonly name: string;
  /** How many blocks a row of each input has. */
  readonly inputs: Readonly<Record<I, number>>;
  /** How many blocks a row of each result has. */
  readonly outputs: Readonly<Record<O, number>>;
  /** Operations for one place, or so. */
  readonly cost: number;
  /**
   * The results at one place. An input `y` is a second term of `x`, of all or the first of
   * its blocks: the formula is given their sum, as `x`.
   */
  formula<T>(
    m: Elements<T>,
    inputs: Blocks<T, Exclude<I, "y">>,
  ): Blocks<T, O>;
}

/** A kernel, and that of its gradient. */
export interface GateOperation<
  I extends string,
  R extends string,
> {
  /** Its results may be more than those of the operation: what the gradient needs. */
  readonly forward: GateKernel<I>;
  /**
   * Takes tensors of the forward kernel by their names, and the gradients in results;
   * gives those in inputs. A gradient's name is that of {@linkcode gradientName}.
   */
  readonly backward: GateKernel;
  /** The results. */
  readonly results: readonly R[];
}

/** The name of the gradient in what is called `name`: `dNext` for `next`. */
export function gradientName(name: string): string {
  return `d${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** The results of an operation, by its kernels: the backend must have them. */
export function runGates<I extends string, R extends string>(
  { forward, backward, results }: GateOperation<I, R>,
  inputs: Readonly<Record<I, tf.Tensor2D>>,
): Record<R, tf.Tensor2D> {
  const slopes = results.map(gradientName);
  const kept = Object.keys(backward.inputs)
    .filter((name) => !slopes.includes(name));
  const values = engine().runKernelFunc({
    inputs,
    forwardFunc(_, save) {
      const outputs = run(forward, inputs);
      const all: Record<string, tf.Tensor> = { ...inputs, ...outputs };
      save(kept.map((name) => all[name]!));
      return results.map((name) => outputs[name]!);
    },
    backwardsFunc(dys, saved) {
      const gradients = run(backward, {
        ...record(kept, saved),
        // Of one result it is not in a list.
        ...record(slopes, [dys].flat()),
      });
      const of = (name: string) => gradients[gradientName(name)];
      return Object.fromEntries(
        Object.keys(inputs).map((name) => [
          name,
          // Two terms of a sum, of one size, have the same gradient.
          () => of(name) ?? tf.clone(of("x")!),
        ]),
      );
    },
  });
  return record(results, values as unknown as tf.Tensor2D[]);
}

function run(
  { name, outputs }: GateKernel,
  inputs: Record<string, tf.Tensor>,
): Record<string, tf.Tensor> {
  const tensors = runKernel(name, inputs) as unknown as tf.Tensor[];
  return record(Object.keys(outputs), tensors);
}

function record<K extends string, T>(
  names: readonly K[],
  values: readonly T[],
): Record<K, T> {
  const entries = names.map((name, i) => [name, values[i]!]);
  return Object.fromEntries(entries) as Record<K, T>;
}

/** Formulas of tensors: single ops, which have gradients of any order. */
export function ofTensors(
  tanh: (x: tf.Tensor2D) => tf.Tensor2D,
): Elements<tf.Tensor2D> {
  return {
    of: (x) => tf.scalar(x) as tf.Tensor as tf.Tensor2D,
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    sigmoid: tf.sigmoid,
    tanh,
  };
}
