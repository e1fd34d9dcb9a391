/** Float64 references of kernels on rows, and the tables of shapes that they are tried on. */

/** A function of a matrix of `columns`, and its gradient from that of the result. */
export interface Reference {
  readonly value: (x: Float64Array, columns: number) => Float64Array;
  readonly gradient: (
    x: Float64Array,
    dy: Float64Array,
    columns: number,
  ) => Float64Array;
}

/** Numbers that look random, from -`scale` to `scale`. */
export function noise(count: number, seed: number, scale = 1): Float64Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(scale * (state / 2 ** 31 - 1));
  });
}

/** Apply `fn` to each row of both. */
function byRow(
  x: Float64Array,
  columns: number,
  fn: (x: Float64Array, first: number) => ArrayLike<number>,
): Float64Array {
  const y = new Float64Array(x.length);
  for (let first = 0; first < x.length; first += columns) {
    y.set(fn(x.subarray(first, first + columns), first), first);
  }
  return y;
}

const sum = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b, 0);

function logSumExp(x: Float64Array): number {
  const most = x.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(sum(x.map((v) => Math.exp(v - most))));
}

const softmaxOf = (x: Float64Array) => {
  const lse = logSumExp(x);
  return x.map((v) => Math.exp(v - lse));
};

export const softmax: Reference = {
  value: (x, columns) => byRow(x, columns, softmaxOf),
  gradient: (x, dy, columns) =>
    byRow(x, columns, (row, first) => {
      const y = softmaxOf(row), d = dy.subarray(first, first + columns);
      const dot = sum(y.map((v, i) => v * d[i]!));
      return y.map((v, i) => v * (d[i]! - dot));
    }),
};

export const logSoftmax: Reference = {
  value: (x, columns) =>
    byRow(x, columns, (row) => {
      const lse = logSumExp(row);
      return row.map((v) => v - lse);
    }),
  gradient: (x, dy, columns) =>
    byRow(x, columns, (row, first) => {
      const y = softmaxOf(row), d = dy.subarray(first, first + columns);
      const total = sum(d);
      return y.map((v, i) => d[i]! - v * total);
    }),
};

/** The normalization of a row, with `eps` added to the variance. */
export function standardize(eps: number): Reference {
  const of = (row: Float64Array) => {
    const mean = sum(row) / row.length;
    const variance = sum(row.map((v) => (v - mean) ** 2)) / row.length;
    const scale = 1 / Math.sqrt(variance + eps);
    return { y: row.map((v) => (v - mean) * scale), scale };
  };
  return {
    value: (x, columns) => byRow(x, columns, (row) => of(row).y),
    gradient: (x, dy, columns) =>
      byRow(x, columns, (row, first) => {
        const { y, scale } = of(row), d = dy.subarray(first, first + columns);
        const mean = sum(d) / columns;
        const slope = sum(y.map((v, i) => v * d[i]!)) / columns;
        return y.map((v, i) => scale * (d[i]! - mean - v * slope));
      }),
  };
}

/** `2/√π ∫₀ˣ e^(-t²) dt`, as a series of terms of one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, total = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    term *= 2 * x * x / (2 * n + 1);
    total += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * total;
}

function elementwise(
  value: (x: number) => number,
  slope: (x: number) => number,
): Reference {
  return {
    value: (x) => x.map(value),
    gradient: (x, dy) => x.map((v, i) => dy[i]! * slope(v)),
  };
}

export const gelu: Reference = elementwise(
  (x) => x / 2 * (1 + erf(x * Math.SQRT1_2)),
  (x) =>
    (1 + erf(x * Math.SQRT1_2)) / 2 +
    x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
);

const inner = (x: number) =>
  Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

export const geluTanh: Reference = elementwise(
  (x) => x / 2 * (1 + inner(x)),
  (x) =>
    (1 + inner(x)) / 2 +
    x / 2 * (1 - inner(x) ** 2) * Math.sqrt(2 / Math.PI) *
      (1 + 3 * 0.044715 * x * x),
);
