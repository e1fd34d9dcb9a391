/**
 * What the methods that use gradients have in common.
 *
 * @module
 */
import type { Vector } from "./vectors.ts";

/** A point, and the function there. */
export interface Point {
  /** The variables. */
  readonly x: Vector;
  /** The value. */
  readonly value: number;
  /** Its gradient. */
  readonly gradient: Vector;
}

/** The bounds of the variables; infinite where there are none. */
export interface Limits {
  /** The least values. */
  readonly low: Vector;
  /** The greatest values. */
  readonly high: Vector;
}

/** Says where to go next. */
export interface Method {
  /** The way to where it expects the minimum. */
  direction(point: Point): Vector | Promise<Vector>;
  /** Learn from a step. */
  learn(from: Point, to: Point): void;
  /** Forget what it has learned. */
  reset(): void;
  /** Whether it has learned nothing yet. */
  readonly isNew: boolean;
}

/** The least share of `‖s‖ ‖y‖` that the curvature `sᵀ y` of a step must be. */
export const CURVATURE = 1e-10;

/** `x` within the limits. */
export function clip(x: Vector, { low, high }: Limits): Vector {
  return x.map((x, i) => Math.min(high[i]!, Math.max(low[i]!, x)));
}
