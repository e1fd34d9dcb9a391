/**
 * Eigenvalues and eigenvectors of symmetric matrices, on the host in float64.
 *
 * @module
 */

/** Iterations for one eigenvalue, of which two are usual. */
const MOST = 50;

/** `A = Σ values[i] vᵢ vᵢᵀ` */
export interface Eigen {
  /** The eigenvalues, from the greatest to the least. */
  readonly values: Float64Array<ArrayBuffer>;
  /** The vectors vᵢ of norm 1, one after another: the rows of a square matrix. */
  readonly vectors: Float64Array<ArrayBuffer>;
}

/**
 * The eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to a
 * tridiagonal matrix, then the QL algorithm with implicit shifts (Bowdler, Martin, Reinsch
 * and Wilkinson, 1968: tred2 and tql2 of EISPACK).
 *
 * @param a `n × n` finite numbers; they are overwritten.
 * @param n The number of rows.
 */
export function symmetricEigen(a: Float64Array, n: number): Eigen {
  const diagonal = new Float64Array(n), beside = new Float64Array(n);
  tridiagonalize(a, diagonal, beside, n);
  // Rows of a are vectors from here on, so that rotations go along memory.
  rotateToDiagonal(a, diagonal, beside, n);
  const order = Array.from(diagonal.keys())
    .sort((i, j) => diagonal[j]! - diagonal[i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) =>
    vectors.set(a.subarray(from * n, (from + 1) * n), to * n)
  );
  return { values: Float64Array.from(order, (i) => diagonal[i]!), vectors };
}

/**
 * `A = V T Vᵀ` with T tridiagonal.
 *
 * @param a A, and then Vᵀ.
 * @param d The diagonal of T, to be filled.
 * @param e What is beside it, from index 1 on, to be filled.
 */
function tridiagonalize(
  a: Float64Array,
  d: Float64Array,
  e: Float64Array,
  n: number,
): void {
  const scales = new Float64Array(n), p = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    // The reflection that makes zeros in row k from k + 2 on; the row keeps it.
    const v = a.subarray(k * n, (k + 1) * n);
    let square = 0;
    for (let i = k + 1; i < n; i++) square += v[i]! * v[i]!;
    const norm = Math.sqrt(square);
    d[k] = v[k]!;
    if (norm === 0) continue;
    const first = v[k + 1]!, signed = first < 0 ? -norm : norm;
    e[k + 1] = -signed;
    v[k + 1] = first + signed; // nothing cancels
    const scale = scales[k] = 1 / (square + norm * Math.abs(first)); // 2 / ‖v‖²
    // B ← H B H with H = 1 - scale v vᵀ, as B - v wᵀ - w vᵀ.
    let overlap = 0;
    for (let i = k + 1; i < n; i++) {
      const row = a.subarray(i * n, (i + 1) * n);
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += row[j]! * v[j]!;
      p[i] = scale * sum;
      overlap += p[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) p[i]! -= scale / 2 * overlap * v[i]!;
    for (let i = k + 1; i < n; i++) {
      const row = a.subarray(i * n, (i + 1) * n), vi = v[i]!, pi = p[i]!;
      for (let j = k + 1; j < n; j++) row[j]! -= vi * p[j]! + pi * v[j]!;
    }
  }
  for (let k = Math.max(0, n - 2); k < n; k++) d[k] = a[k * n + k]!;
  if (n > 1) e[n - 1] = a[(n - 1) * n + n - 2]!;
  // V is the product of the reflections, from the last to the first.
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  for (let k = n - 3; k >= 0; k--) {
    if (scales[k] === 0) continue;
    const v = a.subarray(k * n, (k + 1) * n);
    for (let i = k + 1; i < n; i++) {
      const row = vectors.subarray(i * n, (i + 1) * n);
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += row[j]! * v[j]!;
      sum *= scales[k]!;
      for (let j = k + 1; j < n; j++) row[j]! -= sum * v[j]!;
    }
  }
  a.set(vectors);
}

/** Rotate the rows of `a` until the tridiagonal matrix of `d` and `e` is diagonal. */
function rotateToDiagonal(
  a: Float64Array,
  d: Float64Array,
  e: Float64Array,
  n: number,
): void {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  // What is small beside the greatest is rounding.
  let greatest = 0;
  for (let i = 0; i < n; i++) {
    greatest = Math.max(greatest, Math.abs(d[i]!) + Math.abs(e[i]!));
  }
  const small = Number.EPSILON * greatest;
  for (let l = 0; l < n; l++) {
    for (let count = 0; count < MOST; count++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > small) m++;
      if (m === l) break;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      let r = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -r : r));
      let s = 1, c = 1, p = 0, i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!, b = c * e[i]!;
        e[i + 1] = r = Math.hypot(f, g);
        if (r === 0) {
          d[i + 1]! -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        r = (d[i]! - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(a, i, s, c, n);
      }
      if (r === 0 && i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

/** Rotate the rows i and i + 1. */
function rotate(
  a: Float64Array,
  i: number,
  s: number,
  c: number,
  n: number,
): void {
  const first = a.subarray(i * n, (i + 1) * n);
  const second = a.subarray((i + 1) * n, (i + 2) * n);
  for (let k = 0; k < n; k++) {
    const x = first[k]!, y = second[k]!;
    second[k] = s * x + c * y;
    first[k] = c * x - s * y;
  }
}
