/**
 * Newton's method, with conjugate gradients.
 *
 * @module
 */
import type { Method, Point } from "./method.ts";
import { dot, norm, plus, type Vector } from "./vectors.ts";

/** The product of the Hessian at a point with a vector. */
export type HessianProduct = (x: Vector, vector: Vector) => Promise<Vector>;

/**
 * The direction `p` with `H p ≈ -g`, by conjugate gradients, which end early far from
 * the minimum and where the curvature is negative.
 *
 * Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.1.
 */
export class NewtonCg implements Method {
  readonly #product: HessianProduct;

  /** It learns nothing: every direction is new. */
  readonly isNew: boolean = false;

  /** Use this product with the Hessian. */
  constructor(product: HessianProduct) {
    this.#product = product;
  }

  /** Solve for the step. */
  async direction({ x, gradient }: Point): Promise<Vector> {
    const length = norm(gradient);
    const enough = Math.min(0.5, Math.sqrt(length)) * length;
    let z = new Float64Array(x.length);
    let r = gradient;
    let d = gradient.map((g) => -g);
    const most = 2 * x.length;
    for (let i = 0; i < most && norm(r) > enough; i++) {
      const product = await this.#product(x, d);
      const curvature = dot(d, product);
      // Downhill without end: the best direction so far will do.
      if (!(curvature > 0)) {
        return i === 0 ? d : z;
      }
      const squared = dot(r, r), alpha = squared / curvature;
      z = plus(z, d, alpha);
      r = plus(r, product, alpha);
      const beta = dot(r, r) / squared;
      d = r.map((r, k) => beta * d[k]! - r);
    }
    return z;
  }

  /** Nothing to learn. */
  learn(): void {}

  /** Nothing to forget. */
  reset(): void {}
}
