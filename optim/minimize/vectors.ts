/**
 * Vectors and small matrices of float64.
 *
 * @module
 */

/** A vector. */
export type Vector = Float64Array<ArrayBuffer>;

/** `aᵀ b` */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The length of `a`. */
export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** The greatest of the absolute elements of `a`. */
export function largest(a: Float64Array): number {
  return a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

/** `a + factor b` */
export function plus(a: Vector, b: Float64Array, factor = 1): Vector {
  return a.map((x, i) => x + factor * b[i]!);
}

/** `matrix x`, for a matrix by rows. */
export function times(matrix: Float64Array, x: Float64Array): Vector {
  const n = x.length;
  return new Float64Array(n).map((_, i) =>
    dot(matrix.subarray(i * n, (i + 1) * n), x)
  );
}

/**
 * The inverse of a matrix, by Gauss' and Jordan's elimination with pivots; not finite
 * if there is none.
 */
export function inverse(matrix: Float64Array, n: number): Vector {
  const a = Float64Array.from(matrix);
  const b = new Float64Array(n * n);
  for (let i = 0; i < n; i++) b[i * n + i] = 1;
  const swap = (x: Float64Array, i: number, j: number) => {
    for (let k = 0; k < n; k++) {
      [x[i * n + k], x[j * n + k]] = [x[j * n + k]!, x[i * n + k]!];
    }
  };
  const add = (to: number, from: number, factor: number) => {
    for (let k = 0; k < n; k++) {
      a[to * n + k]! += factor * a[from * n + k]!;
      b[to * n + k]! += factor * b[from * n + k]!;
    }
  };
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) {
      const isLarger = Math.abs(a[i * n + column]!) >
        Math.abs(a[pivot * n + column]!);
      if (isLarger) pivot = i;
    }
    swap(a, column, pivot);
    swap(b, column, pivot);
    const scale = 1 / a[column * n + column]!;
    for (let i = 0; i < n; i++) {
      if (i !== column) add(i, column, -a[i * n + column]! * scale);
    }
    add(column, column, scale - 1);
  }
  return b;
}
