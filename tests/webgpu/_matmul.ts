/** Products of matrices against sums in float64. */
import { assertEquals } from "@std/assert";
import { random, tf } from "../../mod.ts";

/** A product. */
export interface Case {
  readonly a: number[];
  readonly b: number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** A product in float64, and the size of what was added up. */
function exact(
  { a, b, transposeA = false, transposeB = false }: Case,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
) {
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(
    a.slice(0, -2),
    b.slice(0, -2),
  );
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const n = transposeB ? b.at(-2)! : b.at(-1)!;
  const start = (own: number[], index: number[], size: number) => {
    let at = 0;
    own.slice(0, -2).forEach((length, i) => {
      const coordinate = index[index.length - own.length + 2 + i]!;
      at = at * length + (length === 1 ? 0 : coordinate);
    });
    return at * size;
  };
  const values: number[] = [], scales: number[] = [];
  const count = tf.util.sizeFromShape(batch);
  for (let p = 0; p < count; p++) {
    const index = tf.util.indexToLoc(
      p,
      batch.length,
      tf.util.computeStrides(batch),
    );
    const from = start(a, index, m * k), to = start(b, index, k * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0, squares = 0;
        for (let t = 0; t < k; t++) {
          const term = x[from + (transposeA ? t * m + i : i * k + t)]! *
            y[to + (transposeB ? j * k + t : t * n + j)]!;
          sum += term;
          squares += term * term;
        }
        values.push(sum);
        scales.push(Math.sqrt(squares));
      }
    }
  }
  return { values, scales, shape: [...batch, m, n] };
}

/** Normal numbers. */
export function filled(shape: number[]): tf.Tensor {
  return random.normal(shape as [number]);
}

/** Compare a product, in units of rounding: `k` roundings of a sum that grows like √k. The
 * factors of the reference are `rounded` first. */
export function check(
  one: Case,
  rounded: (values: ArrayLike<number>) => ArrayLike<number> = (x) => x,
): void {
  const k = one.a.at(one.transposeA ? -2 : -1)!;
  const most = (4 + 2 * Math.sqrt(k)) * 2 ** -24;
  tf.tidy(() => {
    const { a, b, transposeA = false, transposeB = false } = one;
    const x = filled(a), y = filled(b);
    const product = tf.matMul(x, y, transposeA, transposeB);
    const { values, scales, shape } = exact(
      one,
      rounded(x.dataSync()),
      rounded(y.dataSync()),
    );
    assertEquals(product.shape, shape);
    product.dataSync().forEach((v, i) => {
      const bound = most * (scales[i]! + Math.abs(values[i]!));
      if (Math.abs(v - values[i]!) <= bound) return;
      const what = JSON.stringify(one);
      throw new Error(`${what} at ${i}: ${v} instead of ${values[i]}`);
    });
  });
}

/** The four layouts. */
export const LAYOUTS = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB }))
);

/** Matrices of m by n by k in a layout. */
export function shapes(
  m: number,
  n: number,
  k: number,
  layout: typeof LAYOUTS[0],
) {
  return {
    a: layout.transposeA ? [k, m] : [m, k],
    b: layout.transposeB ? [n, k] : [k, n],
    ...layout,
  };
}
