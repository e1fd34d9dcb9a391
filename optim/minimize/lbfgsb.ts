/**
 * L-BFGS-B.
 *
 * @module
 */
import { CURVATURE, type Limits, type Method, type Point } from "./method.ts";
import { dot, inverse, norm, plus, times, type Vector } from "./vectors.ts";

/** Where the model of the function is least on the path of projected gradients. */
interface CauchyPoint {
  readonly x: Vector;
  /** `Wᵀ (x - x₀)` */
  readonly c: Vector;
}

/**
 * L-BFGS-B: a quadratic model from the last steps, minimized within the bounds.
 *
 * ```text
 * B = θ I - W M Wᵀ      W = [Y, θ S], M = [[-D, Lᵀ], [L, θ Sᵀ S]]⁻¹
 * ```
 *
 * It finds the generalized Cauchy point, the first minimum of the model on the path
 * `P(x - t g)`, and then minimizes the model over the variables that are not on their
 * bounds there (the direct primal method), as far as the bounds let it.
 *
 * Without bounds it is L-BFGS.
 *
 * {@link https://doi.org/10.1137/0916069 | Byrd, Lu, Nocedal and Zhu, 1995}.
 */
export class Lbfgsb implements Method {
  readonly #memorySize: number;
  readonly #limits: Limits;
  /** The changes of variables and gradients in the last steps. */
  #s: Vector[] = [];
  #y: Vector[] = [];
  #theta = 1;
  #m: Vector = new Float64Array(0);

  /** Remember that many steps. */
  constructor(memorySize: number, limits: Limits) {
    this.#memorySize = memorySize;
    this.#limits = limits;
  }

  /** Whether it remembers no step. */
  get isNew(): boolean {
    return this.#s.length === 0;
  }

  /** The way to the minimum of the model. */
  direction({ x, gradient }: Point): Vector {
    const cauchy = this.#cauchyPoint(x, gradient);
    return plus(this.#subspaceMinimum(x, gradient, cauchy), x, -1);
  }

  /** Remember a step, unless the curvature along it is not positive. */
  learn(from: Point, to: Point): void {
    const s = plus(to.x, from.x, -1);
    const y = plus(to.gradient, from.gradient, -1);
    const sy = dot(s, y);
    if (!(sy > CURVATURE * norm(s) * norm(y))) return;
    if (this.#s.length === this.#memorySize) {
      this.#s.shift();
      this.#y.shift();
    }
    this.#s.push(s);
    this.#y.push(y);
    this.#theta = dot(y, y) / sy;
    this.#m = this.#middle();
    if (!this.#m.every(Number.isFinite)) this.reset();
  }

  /** Forget all steps. */
  reset(): void {
    this.#s = [];
    this.#y = [];
    this.#theta = 1;
    this.#m = new Float64Array(0);
  }

  /** M */
  #middle(): Vector {
    const s = this.#s, y = this.#y, k = s.length;
    const matrix = new Float64Array(4 * k * k);
    const put = (i: number, j: number, value: number) =>
      matrix[i * 2 * k + j] = value;
    for (let i = 0; i < k; i++) {
      put(i, i, -dot(s[i]!, y[i]!));
      for (let j = 0; j < k; j++) {
        put(k + i, k + j, this.#theta * dot(s[i]!, s[j]!));
        if (i <= j) continue;
        const l = dot(s[i]!, y[j]!);
        put(k + i, j, l);
        put(j, k + i, l);
      }
    }
    return inverse(matrix, 2 * k);
  }

  /** Row `i` of W. */
  #row(i: number): Vector {
    const k = this.#s.length;
    return new Float64Array(2 * k).map((_, j) =>
      j < k ? this.#y[j]![i]! : this.#theta * this.#s[j - k]![i]!
    );
  }

  /** Algorithm CP. */
  #cauchyPoint(x: Vector, g: Vector): CauchyPoint {
    const { low, high } = this.#limits;
    const theta = this.#theta, m = this.#m;
    // Where the path of each variable ends at its bound.
    const ends = g.map((g, i) =>
      g < 0 ? (x[i]! - high[i]!) / g : g > 0 ? (x[i]! - low[i]!) / g : Infinity
    );
    const d = g.map((g, i) => ends[i]! > 0 ? -g : 0);
    const at = x.slice();
    let p: Vector = new Float64Array(m.length === 0 ? 0 : 2 * this.#s.length);
    d.forEach((d, i) => {
      if (d !== 0) p = plus(p, this.#row(i), d);
    });
    let c: Vector = p.map(() => 0);
    let first = -dot(d, d);
    let second = -theta * first - dot(p, times(m, p));
    let t = 0, toGo = -first / second;
    const order = Array.from(ends.keys())
      .filter((i) => ends[i]! > 0 && ends[i]! < Infinity)
      .sort((i, j) => ends[i]! - ends[j]!);
    for (const b of order) {
      const step = ends[b]! - t;
      if (toGo < step) break;
      at[b] = d[b]! > 0 ? high[b]! : low[b]!;
      const z = at[b]! - x[b]!, gb = g[b]!, w = this.#row(b);
      c = plus(c, p, step);
      const mw = times(m, w);
      first += step * second + gb * gb + theta * gb * z - gb * dot(mw, c);
      second -= theta * gb * gb + 2 * gb * dot(mw, p) + gb * gb * dot(mw, w);
      p = plus(p, w, gb);
      d[b] = 0;
      // Rounding must not turn the model around.
      second = Math.max(second, 1e-16 * theta * dot(g, g));
      toGo = -first / second;
      t = ends[b]!;
    }
    const rest = Number.isFinite(toGo) ? Math.max(toGo, 0) : 0;
    d.forEach((d, i) => {
      if (d !== 0) at[i] = x[i]! + (t + rest) * d;
    });
    return { x: at, c: plus(c, p, rest) };
  }

  /** The minimum of the model over the variables that are free at the Cauchy point. */
  #subspaceMinimum(x: Vector, g: Vector, { x: from, c }: CauchyPoint): Vector {
    const { low, high } = this.#limits;
    const k = 2 * this.#s.length, theta = this.#theta, m = this.#m;
    if (k === 0) return from;
    const free = Array.from(x.keys())
      .filter((i) => from[i]! > low[i]! && from[i]! < high[i]!);
    const rows = free.map((i) => this.#row(i));
    const mc = times(m, c);
    const r = Float64Array.from(
      free,
      (i, j) => g[i]! + theta * (from[i]! - x[i]!) - dot(rows[j]!, mc),
    );
    // v = (I - M WᵀW / θ)⁻¹ M Wᵀ r
    let wr: Vector = new Float64Array(k);
    const ww = new Float64Array(k * k);
    rows.forEach((row, j) => {
      wr = plus(wr, row, r[j]!);
      for (let a = 0; a < k; a++) {
        for (let b = 0; b < k; b++) ww[a * k + b]! += row[a]! * row[b]!;
      }
    });
    const system = new Float64Array(k * k);
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) {
        let product = 0;
        for (let e = 0; e < k; e++) product += m[a * k + e]! * ww[e * k + b]!;
        system[a * k + b] = Number(a === b) - product / theta;
      }
    }
    const v = times(inverse(system, k), times(m, wr));
    const d = r.map((r, j) => -r / theta - dot(rows[j]!, v) / theta ** 2);
    if (!d.every(Number.isFinite)) return from;
    let share = 1;
    free.forEach((i, j) => {
      const room = (d[j]! > 0 ? high[i]! : low[i]!) - from[i]!;
      if (d[j] !== 0) share = Math.min(share, room / d[j]!);
    });
    const to = from.slice();
    free.forEach((i, j) => to[i]! += share * d[j]!);
    return to;
  }
}
