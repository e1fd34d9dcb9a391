/**
 * The standard normal distribution: its cumulative distribution function, the inverse of
 * that, and numbers of it from random words, in double precision.
 *
 * @module
 */

/** Above this, the continued fraction of `erfc` converges faster than the series. */
const SERIES_LIMIT = 2;

/** The complementary error function, within 1e-15 of itself relatively. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x === Infinity) return 0;
  if (x < SERIES_LIMIT) { // erf(x) = 2/√π e^(-x²) Σ 2^n x^(2n+1) / (2n+1)!!
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
  let fraction = 0; // erfc(x) = e^(-x²) / √π / (x + ½/(x + 1/(x + 1½/(x + ...
  for (let n = 120; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (x + fraction) / Math.sqrt(Math.PI);
}

/** The probability that a standard normal variable is at most `x`. */
export function normalCdf(x: number): number {
  return erfc(-x / Math.SQRT2) / 2;
}

/** The polynomial of degree 7 with these coefficients, highest power first. */
// deno-fmt-ignore
function polynomial(
  x: number,
  a: number, b: number, c: number, d: number,
  e: number, f: number, g: number, h: number,
): number {
  return ((((((a * x + b) * x + c) * x + d) * x + e) * x + f) * x + g) * x + h;
}

/**
 * The inverse of {@linkcode normalCdf}, within 1e-15 relatively.
 *
 * Source: Wichura, "Algorithm AS 241: The Percentage Points of the Normal
 * Distribution", Applied Statistics 37(3), 1988.
 *
 * @param p A probability; 0 and 1 give the infinities.
 */
export function probit(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return q *
      polynomial(
        r,
        2509.0809287301226727,
        33430.575583588128105,
        67265.770927008700853,
        45921.953931549871457,
        13731.693765509461125,
        1971.5909503065514427,
        133.14166789178437745,
        3.387132872796366608,
      ) /
      polynomial(
        r,
        5226.495278852545925,
        28729.085735721942674,
        39307.89580009271061,
        21213.794301586595867,
        5394.1960214247511077,
        687.1870074920579083,
        42.313330701600911252,
        1,
      );
  }
  const tail = q < 0 ? p : 1 - p;
  if (tail <= 0) return q < 0 ? -Infinity : Infinity;
  const r = Math.sqrt(-Math.log(tail));
  const x = r <= 5
    ? polynomial(
      r - 1.6,
      7.7454501427834140764e-4,
      0.0227238449892691845833,
      0.24178072517745061177,
      1.27045825245236838258,
      3.64784832476320460504,
      5.7694972214606914055,
      4.6303378461565452959,
      1.42343711074968357734,
    ) /
      polynomial(
        r - 1.6,
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        0.0151986665636164571966,
        0.14810397642748007459,
        0.68976733498510000455,
        1.6763848301838038494,
        2.05319162663775882187,
        1,
      )
    : polynomial(
      r - 5,
      2.01033439929228813265e-7,
      2.71155556874348757815e-5,
      0.0012426609473880784386,
      0.026532189526576123093,
      0.29656057182850489123,
      1.7848265399172913358,
      5.4637849111641143699,
      6.6579046435011037772,
    ) /
      polynomial(
        r - 5,
        2.04426310338993978564e-15,
        1.4215117583164458887e-7,
        1.8463183175100546818e-5,
        7.868691311456132591e-4,
        0.0148753612908506148525,
        0.13692988092273580531,
        0.59983220655588793769,
        1,
      );
  return q < 0 ? -x : x;
}

/** In (0, 1), without the ends, where an inverse would be infinite. */
export function midpoint(word: number): number {
  return (word + 0.5) / 2 ** 32;
}

/** The function from a random word to a normal number. */
export function normalOf(mean: number, std: number): (word: number) => number {
  return (word) => mean + std * probit(midpoint(word));
}
