/**
 * BFGS.
 *
 * @module
 */
import { CURVATURE, type Method, type Point } from "./method.ts";
import { dot, norm, plus, times, type Vector } from "./vectors.ts";

/**
 * The direction `-H g`, where H follows the inverse of the Hessian:
 *
 * ```text
 * H ← (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ      ρ = 1 / yᵀ s
 * ```
 *
 * Nocedal and Wright, Numerical Optimization, 2006, equation 6.17; H starts as
 * `sᵀ y / yᵀ y` times the identity, equation 6.20.
 */
export class Bfgs implements Method {
  #inverse: Vector | undefined;

  /** Whether there is no estimate yet. */
  get isNew(): boolean {
    return this.#inverse === undefined;
  }

  /** The direction, that of the gradient at first. */
  direction({ gradient }: Point): Vector {
    const way = this.#inverse ? times(this.#inverse, gradient) : gradient;
    return way.map((x) => -x);
  }

  /** Learn the curvature along a step. */
  learn(from: Point, to: Point): void {
    const s = plus(to.x, from.x, -1);
    const y = plus(to.gradient, from.gradient, -1);
    const sy = dot(s, y), n = s.length;
    if (!(sy > CURVATURE * norm(s) * norm(y))) return;
    const h = this.#inverse ??= scaledIdentity(n, sy / dot(y, y));
    const hy = times(h, y);
    const factor = (1 + dot(y, hy) / sy) / sy;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        h[i * n + j]! += factor * s[i]! * s[j]! -
          (hy[i]! * s[j]! + s[i]! * hy[j]!) / sy;
      }
    }
  }

  /** Forget the estimate. */
  reset(): void {
    this.#inverse = undefined;
  }
}

function scaledIdentity(n: number, scale: number): Vector {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = scale;
  return matrix;
}
