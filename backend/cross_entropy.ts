/**
 * The cross-entropy of class labels, as kernels `CrossEntropy` and
 * `CrossEntropyGrad` compute it on each backend. `backend/ops/cross_entropy.ts` runs
 * them.
 *
 * ```text
 * loss = Σ_c t_c (lse - x_c)       lse = log Σ_c e^(x_c)
 * t    = w ((1 - s) label + s / classes)
 * dx_c = dy (e^(x_c - lse) Σ t - t_c)
 * ```
 *
 * A term with `t_c = 0` counts nothing, even if `x_c` is -Infinity. A row with the
 * label `ignoreIndex` has loss 0 and gradient 0, whatever it holds.
 *
 * @module
 */

/** The options of both kernels. */
export interface CrossEntropyAttrs {
  /** The share `s` of a label that is spread over all classes. */
  readonly smoothing: number;
  /** The label of rows that count nothing; null for none. */
  readonly ignoreIndex: number | null;
}

/** The target `t` of a row: so much of its label, and so much of each class. */
export interface Target {
  /** Weighs the class of the label: `w (1 - s)`. */
  readonly own: number;
  /** Weighs every class, by its `w`: `s / classes`. */
  readonly even: number;
  /** `Σ t` */
  readonly total: number;
}

/** The targets of labels: null for a row that is ignored. */
export function targetsOf(
  labels: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  classes: number,
  { smoothing, ignoreIndex }: CrossEntropyAttrs,
): (row: number) => Target | null {
  let sum = classes;
  if (weights) {
    sum = 0;
    for (let c = 0; c < classes; c++) sum += weights[c]!;
  }
  const even = smoothing / classes;
  return (row) => {
    const label = labels[row]!;
    if (label === ignoreIndex) return null;
    const isClass = label >= 0 && label < classes;
    const weight = isClass ? weights?.[label] ?? 1 : NaN;
    const own = (1 - smoothing) * weight;
    return { own, even, total: own + even * sum };
  };
}

/** `weight value`, and 0 for the weight 0. */
export function term(weight: number, value: number): number {
  return weight === 0 ? 0 : weight * value;
}
