/**
 * Eigenvalues of small symmetric matrices.
 *
 * @module
 */

/** Eigenvalues, and the matrix whose columns are their vectors, of length 1. */
export interface Eigen {
  /** The eigenvalues, in no order. */
  readonly values: Float64Array<ArrayBuffer>;
  /** Column `j` belongs to value `j`. */
  readonly vectors: Float64Array<ArrayBuffer>;
}

/** Sweeps over all pairs; eight are enough for any matrix met so far. */
const MOST = 30;

/**
 * The eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations.
 *
 * Of a covariance whose variables have very different scales, small eigenvalues keep
 * their relative accuracy here. Methods that make the matrix tridiagonal first, such as
 * that of `linear_algebra/`, which is quicker for large ones, lose those below the
 * rounding error of the greatest.
 *
 * Golub and Van Loan, Matrix Computations, 2013, section 8.5.
 *
 * @param matrix Its `n × n` elements, by rows.
 * @param n The number of rows.
 */
export function eigen(matrix: Float64Array, n: number): Eigen {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < MOST; sweep++) {
    let off = 0, all = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const square = a[i * n + j]! ** 2;
        all += square;
        if (i !== j) off += square;
      }
    }
    if (!(off > 1e-32 * all)) break;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
    }
  }
  const values = new Float64Array(n).map((_, i) => a[i * n + i]!);
  return { values, vectors: v };
}

/** Make element `(p, q)` of `a` zero, and turn the vectors with it. */
function rotate(
  a: Float64Array,
  v: Float64Array,
  n: number,
  p: number,
  q: number,
): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const tau = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
  const c = 1 / Math.hypot(1, t), s = t * c;
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q, c, s);
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k, c, s);
  for (let k = 0; k < n; k++) turn(v, k * n + p, k * n + q, c, s);
  a[p * n + q] = a[q * n + p] = 0;
}

function turn(x: Float64Array, i: number, j: number, c: number, s: number) {
  const a = x[i]!, b = x[j]!;
  x[i] = c * a - s * b;
  x[j] = s * a + c * b;
}
