/**
 * Eigenvalues and eigenvectors of symmetric matrices, on the host.
 *
 * @module
 */

/** `A = Σ values[i] vectors[i] vectors[i]ᵀ`. */
export interface Eigen {
  /** The eigenvalues, in no order. */
  readonly values: Float64Array;
  /** For each eigenvalue its vector, of norm 1. */
  readonly vectors: readonly Float64Array[];
}

/**
 * The eigenvalues and eigenvectors of a symmetric matrix: Householder reflections to a
 * matrix of three diagonals, and QL steps with implicit shifts.
 *
 * Bowdler, Martin, Reinsch and Wilkinson, "The QR and QL algorithms for symmetric
 * matrices", 1968.
 *
 * @param rows The rows of the matrix, which are overwritten.
 */
export function symmetricEigen(rows: readonly Float64Array[]): Eigen {
  const n = rows.length;
  const vectors = rows.map((_, i) => {
    const e = new Float64Array(n);
    e[i] = 1;
    return e;
  });
  for (let k = 0; k + 2 < n; k++) reflect(rows, vectors, k);
  const values = Float64Array.from(rows, (row, i) => row[i]!);
  const beside = Float64Array.from(rows, (row, i) => row[i + 1] ?? 0);
  for (let l = 0; l < n; l++) isolate(values, beside, vectors, l);
  return { values, vectors };
}

/** `A ← H A H` and `Vᵀ ← H Vᵀ`, so that column `k` is zero below the second diagonal. */
function reflect(
  a: readonly Float64Array[],
  vectors: readonly Float64Array[],
  k: number,
): void {
  const n = a.length;
  const norm = Math.hypot(...a.slice(k + 1).map((row) => row[k]!));
  if (norm === 0) return;
  const alpha = a[k + 1]![k]! > 0 ? -norm : norm;
  // H = I - 2 u uᵀ
  const u = new Float64Array(n);
  for (let i = k + 1; i < n; i++) u[i] = a[i]![k]!;
  u[k + 1]! -= alpha;
  const length = Math.hypot(...u);
  if (length === 0) return;
  for (let i = k + 1; i < n; i++) u[i]! /= length;

  // A - 2 u pᵀ - 2 p uᵀ + 4 (uᵀ p) u uᵀ with p = A u
  const p = Float64Array.from(a, (row) => dot(row, u, k + 1));
  const half = dot(u, p, k + 1);
  for (let i = 0; i < n; i++) p[i]! -= half * u[i]!;
  for (let i = k; i < n; i++) {
    const row = a[i]!, ui = u[i]!, pi = p[i]!;
    for (let j = k; j < n; j++) row[j]! -= 2 * (ui * p[j]! + pi * u[j]!);
  }
  const sum = new Float64Array(n);
  for (let i = k + 1; i < n; i++) addTimes(sum, vectors[i]!, u[i]!);
  for (let i = k + 1; i < n; i++) addTimes(vectors[i]!, sum, -2 * u[i]!);
}

/** QL steps until eigenvalue `l` stands alone: `e[l]`, beside `d[l]`, is zero. */
function isolate(
  d: Float64Array,
  e: Float64Array,
  vectors: readonly Float64Array[],
  l: number,
): void {
  const n = d.length;
  for (;;) {
    let m = l;
    while (m < n - 1 && !isSmall(e[m]!, d[m]!, d[m + 1]!)) m++;
    if (m === l) return;
    // The eigenvalue of the first two by two block that is nearer to d[l].
    let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
    const root = Math.hypot(g, 1);
    g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -root : root));
    let sine = 1, cosine = 1, p = 0, i = m - 1;
    for (; i >= l; i--) {
      const f = sine * e[i]!, b = cosine * e[i]!;
      const r = Math.hypot(f, g);
      e[i + 1] = r;
      if (r === 0) {
        d[i + 1]! -= p;
        break;
      }
      sine = f / r;
      cosine = g / r;
      g = d[i + 1]! - p;
      const t = (d[i]! - g) * sine + 2 * cosine * b;
      p = sine * t;
      d[i + 1] = g + p;
      g = cosine * t - b;
      rotate(vectors[i]!, vectors[i + 1]!, sine, cosine);
    }
    if (i < l) {
      d[l]! -= p;
      e[l] = g;
    }
    e[m] = 0;
  }
}

function isSmall(e: number, d: number, next: number): boolean {
  return Math.abs(e) <= Number.EPSILON * (Math.abs(d) + Math.abs(next));
}

function rotate(
  v: Float64Array,
  next: Float64Array,
  sine: number,
  cosine: number,
): void {
  for (let k = 0; k < v.length; k++) {
    const a = v[k]!, b = next[k]!;
    next[k] = sine * a + cosine * b;
    v[k] = cosine * a - sine * b;
  }
}

function dot(a: Float64Array, b: Float64Array, from: number): number {
  let sum = 0;
  for (let i = from; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTimes(to: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * x[i]!;
}
