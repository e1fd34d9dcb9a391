/**
 * The Q of a QR decomposition, on the host in float64.
 *
 * @module
 */

/**
 * Replace the rows of a square matrix by orthonormal ones, of which the first k span what
 * the first k rows spanned: the transposed Q of the QR decomposition of the transposed
 * matrix, by Householder reflections. Where rows are linearly dependent, others take
 * their place.
 *
 * @param a `n × n` numbers, row by row; they are overwritten.
 * @param n The number of rows.
 * @returns The rows.
 */
export function orthonormalRows(a: Float64Array, n: number): Float64Array {
  const scales = new Float64Array(n); // 2 / ‖v‖² of each reflection, 0 for none
  for (let j = 0; j < n; j++) {
    const row = a.subarray(j * n, (j + 1) * n);
    const norm = Math.sqrt(dot(row, row, j));
    if (norm === 0) continue;
    // v = x ± ‖x‖ e, with the sign that cancels nothing; row j now holds v.
    row[j]! += row[j]! < 0 ? -norm : norm;
    scales[j] = 2 / dot(row, row, j);
    for (let k = j + 1; k < n; k++) reflect(a, k, row, j, scales[j]!, n);
  }
  const q = new Float64Array(n * n);
  for (let j = n - 1; j >= 0; j--) {
    q[j * n + j] = 1;
    if (scales[j] === 0) continue;
    const v = a.subarray(j * n, (j + 1) * n);
    for (let k = j; k < n; k++) reflect(q, k, v, j, scales[j]!, n);
  }
  return q;
}

/** The sum of products from index `from` on. */
function dot(x: Float64Array, y: Float64Array, from: number): number {
  let sum = 0;
  for (let i = from; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

/** Row `k` of `a`, reflected at the plane that `v` is normal to. */
function reflect(
  a: Float64Array,
  k: number,
  v: Float64Array,
  from: number,
  scale: number,
  n: number,
): void {
  const row = a.subarray(k * n, (k + 1) * n);
  const factor = scale * dot(row, v, from);
  for (let i = from; i < n; i++) row[i]! -= factor * v[i]!;
}
