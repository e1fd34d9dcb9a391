/**
 * Line searches: the length of a step in a direction.
 *
 * @module
 */

/** The function along a line, at some step size. */
export interface LinePoint {
  /** The step size. */
  readonly alpha: number;
  /** The value of the function. */
  readonly value: number;
  /** Its derivative by the step size. */
  readonly slope: number;
}

/** A function along a line, to be searched. */
export interface LineProblem {
  /** Where it starts: step size 0. The slope is negative. */
  readonly start: LinePoint;
  /** The function at another step size, the slope not a number if unknown. */
  at(alpha: number): Promise<LinePoint>;
}

/**
 * Finds a step size, or 0 if there is none.
 *
 * @param problem The function along the line.
 * @returns The step size.
 */
export type LineSearch = (problem: LineProblem) => number | Promise<number>;

/** The fraction of the expected decrease that is enough. */
const DECREASE = 1e-4;
/** The fraction of the slope that may be left. */
const CURVATURE = 0.9;
/** The decrease that counts as rounding, relative to the value. */
const ROUNDING = 1e-6;
/** The greatest number of points tried. */
const MOST = 30;

/** Whether the function has fallen enough at `point`. */
function falls({ start }: LineProblem, { alpha, value, slope }: LinePoint) {
  if (value <= start.value + DECREASE * alpha * start.slope) return true;
  // Close to a minimum, rounding hides the decrease but not the slopes.
  return value <= start.value + ROUNDING * Math.abs(start.value) &&
    slope <= (2 * DECREASE - 1) * start.slope;
}

/**
 * Halve the step, from 1 on, until the function falls enough.
 *
 * ```text
 * f(α) ≤ f(0) + 10⁻⁴ α f′(0)
 * ```
 *
 * {@link https://projecteuclid.org/euclid.pjm/1102995080 | Armijo, 1966}.
 */
export async function backtracking(problem: LineProblem): Promise<number> {
  for (let alpha = 1, i = 0; i < MOST; alpha /= 2, i++) {
    if (falls(problem, await problem.at(alpha))) return alpha;
  }
  return 0;
}

/**
 * Find a step at which the function falls enough and its slope has flattened.
 *
 * ```text
 * f(α) ≤ f(0) + 10⁻⁴ α f′(0)      |f′(α)| ≤ 0.9 |f′(0)|
 * ```
 *
 * Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6, with
 * the approximate decrease of
 * {@link https://doi.org/10.1137/030601880 | Hager and Zhang, 2005}.
 */
export async function zoom(problem: LineProblem): Promise<number> {
  const { start } = problem;
  const isFlat = ({ slope }: LinePoint) =>
    Math.abs(slope) <= CURVATURE * Math.abs(start.slope);
  let low = start, high: LinePoint | undefined, alpha = 1;
  for (let i = 0; i < MOST; i++) {
    const point = await problem.at(alpha);
    const isHigh = !falls(problem, point) ||
      (low !== start && point.value >= low.value);
    if (isHigh) high = point;
    else if (isFlat(point)) return alpha;
    else {
      // The minimum is between two points whose slopes face each other.
      const side = high ? high.alpha - low.alpha : 1;
      if (point.slope * side >= 0) high = low;
      low = point;
    }
    alpha = high ? between(low, high) : 2 * alpha;
    if (high && Math.abs(high.alpha - low.alpha) < 1e-9 * low.alpha) break;
  }
  // Not flat, perhaps, but lower than the start.
  return low.alpha;
}

/** Where the cubic through two points is least, kept off both ends. */
function between(a: LinePoint, b: LinePoint): number {
  const width = b.alpha - a.alpha;
  const mean = a.slope + b.slope - 3 * (a.value - b.value) / -width;
  const root = Math.sqrt(mean * mean - a.slope * b.slope) * Math.sign(width);
  const fraction = 1 -
    (b.slope + root - mean) / (b.slope - a.slope + 2 * root);
  const kept = Number.isFinite(fraction) ? fraction : 0.5;
  return a.alpha + width * Math.min(0.9, Math.max(0.1, kept));
}
