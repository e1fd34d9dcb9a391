/**
 * The constants of CMA-ES.
 *
 * @module
 */

/** What CMA-ES computes from the numbers of elements and candidates. */
export interface CmaConstants {
  /** The weight of each candidate, from the best on. */
  readonly weights: Float64Array<ArrayBuffer>;
  /** The number of candidates that the mean is made of. */
  readonly parents: number;
  /** μ_eff, the variance that their weights leave. */
  readonly mueff: number;
  /** c_σ, the rate of the path of the step size. */
  readonly cs: number;
  /** d_σ, the damping of the step size. */
  readonly ds: number;
  /** c_c, the rate of the path of the covariance. */
  readonly cc: number;
  /** c₁, the rate of the rank-one update. */
  readonly c1: number;
  /** c_μ, the rate of the rank-μ update. */
  readonly cmu: number;
  /** The expected length of a standard normal vector. */
  readonly chi: number;
}

/**
 * The default constants of {@link https://arxiv.org/abs/1604.00772 | Hansen's tutorial},
 * table 1.
 *
 * @param n The number of elements.
 * @param lambda The number of candidates.
 * @param active Whether the worse half has negative weights; else zeros.
 */
export function cmaConstants(
  n: number,
  lambda: number,
  active: boolean,
): CmaConstants {
  const raw = Float64Array.from(
    { length: lambda },
    (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1),
  );
  const parents = Math.floor(lambda / 2);
  const effective = (w: Float64Array) => sum(w) ** 2 / sum(w.map((x) => x * x));
  const mueff = effective(raw.subarray(0, parents));
  const c1 = 2 / ((n + 1.3) ** 2 + mueff);
  const cmu = Math.min(
    1 - c1,
    2 * (1 / 4 + mueff + 1 / mueff - 2) / ((n + 2) ** 2 + mueff),
  );
  const worse = effective(raw.subarray(parents));
  const negative = Math.min(
    1 + c1 / cmu,
    1 + 2 * worse / (mueff + 2),
    (1 - c1 - cmu) / (n * cmu),
  );
  const plus = sum(raw.filter((w) => w > 0));
  const minus = -sum(raw.filter((w) => w < 0));
  const cs = (mueff + 2) / (n + mueff + 5);
  return {
    weights: raw.map((w) =>
      w >= 0 ? w / plus : active ? w * negative / minus : 0
    ),
    parents,
    mueff,
    cs,
    ds: 1 + 2 * Math.max(0, Math.sqrt((mueff - 1) / (n + 1)) - 1) + cs,
    cc: (4 + mueff / n) / (n + 4 + 2 * mueff / n),
    c1,
    cmu,
    chi: expectedLength(n),
  };
}

function sum(x: Float64Array): number {
  return x.reduce((total, x) => total + x, 0);
}

/** `E‖N(0, I)‖ = √2 Γ((n + 1) / 2) / Γ(n / 2)`, from that of one or two elements on. */
function expectedLength(n: number): number {
  const isOdd = n % 2 === 1;
  let length = isOdd ? Math.sqrt(2 / Math.PI) : Math.sqrt(Math.PI / 2);
  for (let k = isOdd ? 1 : 2; k < n; k += 2) length *= (k + 1) / k;
  return length;
}
