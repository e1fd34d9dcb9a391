/**
 * Functions to minimize, in float64, as scipy's documentation and tests have them.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";

/** The sum of `100 (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²`; least, 0, at ones. */
export function rosenbrock(x: readonly number[]): number {
  return x.slice(1).reduce(
    (sum, next, i) => sum + 100 * (next - x[i]! ** 2) ** 2 + (1 - x[i]!) ** 2,
    0,
  );
}

/** A bowl full of dents; least, 0, at zeros. */
export function rastrigin(x: readonly number[]): number {
  return x.reduce(
    (sum, x) => sum + x * x - 10 * Math.cos(2 * Math.PI * x),
    10 * x.length,
  );
}

/** A plain full of dents around a funnel; least, 0, at zeros. */
export function ackley(x: readonly number[]): number {
  const mean = (of: (x: number) => number) =>
    x.reduce((sum, x) => sum + of(x), 0) / x.length;
  return -20 * Math.exp(-0.2 * Math.sqrt(mean((x) => x * x))) -
    Math.exp(mean((x) => Math.cos(2 * Math.PI * x))) + 20 + Math.E;
}

/** 2ⁿ valleys; least, -39.166 n, at -2.9035. */
export function styblinskiTang(x: readonly number[]): number {
  return x.reduce((sum, x) => sum + x ** 4 - 16 * x * x + 5 * x, 0) / 2;
}

/** Four minima of very different values; least, 3, at (0, -1). */
export function goldsteinPrice([x, y]: readonly number[]): number {
  const [a, b] = [x!, y!];
  return (1 + (a + b + 1) ** 2 *
      (19 - 14 * a + 3 * a * a - 14 * b + 6 * a * b + 3 * b * b)) *
    (30 + (2 * a - 3 * b) ** 2 *
        (18 - 32 * a + 12 * a * a + 48 * b - 36 * a * b + 27 * b * b));
}

/** A function, its number of elements, its bounds and its least value. */
export interface TestFunction {
  readonly f: (x: readonly number[]) => number;
  readonly n: number;
  readonly bounds: readonly [number, number];
  readonly least: number;
}

/**
 * The functions, as scripts/golden/minimize.py has them. No minimum is in the middle,
 * where some searches start.
 */
export const FUNCTIONS: Readonly<Record<string, TestFunction>> = {
  "Rosenbrock": { f: rosenbrock, n: 10, bounds: [-5, 10], least: 0 },
  "Rastrigin": { f: rastrigin, n: 5, bounds: [-4.4, 5.8], least: 0 },
  "Ackley": { f: ackley, n: 5, bounds: [-28, 35], least: 0 },
  "Styblinski-Tang": {
    f: styblinskiTang,
    n: 5,
    bounds: [-5, 5],
    least: -39.16616570377142 * 5,
  },
  "Goldstein-Price": { f: goldsteinPrice, n: 2, bounds: [-2, 2], least: 3 },
};

const TWO_PI = 2 * Math.PI;

/** The same functions, of a tensor. */
export const TENSORS: Readonly<Record<string, (x: tf.Tensor1D) => tf.Tensor>> =
  {
    "Rosenbrock": (x) => {
      const n = x.size - 1, a = tf.slice(x, 0, n), b = tf.slice(x, 1, n);
      const valley = tf.square(tf.sub(b, tf.square(a)));
      return tf.sum(tf.add(tf.mul(100, valley), tf.square(tf.sub(1, a))));
    },
    "Rastrigin": (x) => {
      const dents = tf.sub(1, tf.cos(tf.mul(TWO_PI, x)));
      return tf.sum(tf.add(tf.square(x), tf.mul(10, dents)));
    },
    "Ackley": (x) => {
      const funnel = tf.exp(tf.mul(-0.2, tf.sqrt(tf.mean(tf.square(x)))));
      const dents = tf.exp(tf.mean(tf.cos(tf.mul(TWO_PI, x))));
      return tf.sub(20 + Math.E, tf.add(tf.mul(20, funnel), dents));
    },
    "Styblinski-Tang": (x) => {
      const square = tf.square(x);
      const terms = tf.add(tf.mul(square, tf.sub(square, 16)), tf.mul(5, x));
      return tf.div(tf.sum(terms), 2);
    },
    "Goldstein-Price": (point) => {
      const [x, y] = tf.unstack(point) as [tf.Scalar, tf.Scalar];
      const form = (c: readonly number[]) =>
        tf.addN([
          tf.scalar(c[0]!),
          tf.mul(c[1]!, x),
          tf.mul(c[2]!, tf.square(x)),
          tf.mul(c[3]!, y),
          tf.mul(c[4]!, tf.mul(x, y)),
          tf.mul(c[5]!, tf.square(y)),
        ]);
      const a = tf.mul(
        tf.square(tf.add(tf.add(x, y), 1)),
        form([19, -14, 3, -14, 6, 3]),
      );
      const b = tf.mul(
        tf.square(tf.sub(tf.mul(2, x), tf.mul(3, y))),
        form([18, -32, 12, 48, -36, 27]),
      );
      return tf.mul(tf.add(1, a), tf.add(30, b));
    },
  };
