/**
 * The loop of the methods that use gradients: a direction, a line search, a step.
 *
 * @module
 */
import { type LinePoint, zoom } from "../line_search/line_search.ts";
import { clip, type Limits, type Method, type Point } from "./method.ts";
import { dot, largest, norm, plus, type Vector } from "./vectors.ts";

/** Where a method stands. */
export interface Standing {
  /** The variables. */
  readonly x: Vector;
  /** The value. */
  readonly value: number;
  /** The number of steps. */
  readonly nIterations: number;
}

/** When to end. */
export interface Stopping {
  /** What counts as no gradient, or as one point. */
  readonly tolerance: number;
  /** The greatest number of steps. */
  readonly maxIterations: number;
  /** Whether to go on after a step. */
  readonly goesOn: (standing: Standing) => Promise<boolean>;
}

/** How a method has ended. */
export interface Ended {
  /** The number of steps. */
  readonly nIterations: number;
  /** Whether it has found a minimum. */
  readonly success: boolean;
  /** Why it ended. */
  readonly message: string;
  /** Where it ended, if that is better than the least value that it met. */
  readonly point?: Point;
}

/** The share of a value that float32 rounds away, with the sums of a function. */
export const ROUNDING = 1e-6;

/** The decrease, as a share of the value, that counts as none. */
const FLAT = 1e-7;

/** Follow a method from a point to a minimum within the limits. */
export async function descend(
  method: Method,
  evaluate: (x: Vector) => Promise<Point>,
  x0: Vector,
  limits: Limits,
  { tolerance, maxIterations, goesOn }: Stopping,
): Promise<Ended> {
  let point = await evaluate(x0);
  let nIterations = 0, nFlat = 0;
  const end = (success: boolean, message: string): Ended => ({
    nIterations,
    success,
    message,
    point,
  });
  if (!Number.isFinite(point.value) || !point.gradient.every(Number.isFinite)) {
    const message = "the value or the gradient at the start is not finite";
    return { nIterations, success: false, message };
  }
  while (true) {
    if (slopeLeft(point, limits) <= tolerance) {
      return end(true, "the gradient is within the tolerance");
    }
    if (nFlat === 2) return end(true, "the value no longer falls");
    if (nIterations === maxIterations) {
      return end(false, "the greatest number of iterations is reached");
    }
    const next = await step(method, evaluate, point, limits);
    if ("rests" in next) {
      return next.rests
        ? end(true, "float32 has no lower value nearby")
        : end(false, "the line search has found no lower value");
    }
    nIterations++;
    const fall = point.value - next.value;
    const scale = Math.max(Math.abs(point.value), Math.abs(next.value));
    nFlat = fall <= FLAT * scale ? nFlat + 1 : 0;
    method.learn(point, next);
    point = next;
    if (!await goesOn({ x: point.x, value: point.value, nIterations })) {
      return end(false, "the callback has ended it");
    }
  }
}

/** The greatest element of the step of steepest descent, cut at the limits. */
function slopeLeft({ x, gradient }: Point, limits: Limits): number {
  return largest(plus(clip(plus(x, gradient, -1), limits), x, -1));
}

/**
 * The point at the end of a step; or, without one, whether that is as it should be at
 * a minimum.
 */
async function step(
  method: Method,
  evaluate: (x: Vector) => Promise<Point>,
  point: Point,
  limits: Limits,
): Promise<Point | { rests: boolean }> {
  let rests = false;
  for (let attempt = 0;; attempt++) {
    let way = await method.direction(point);
    let slope = dot(way, point.gradient);
    if (!(slope < 0) || attempt > 0) {
      method.reset();
      way = plus(clip(plus(point.x, point.gradient, -1), limits), point.x, -1);
      slope = dot(way, point.gradient);
    }
    // Nothing is known of lengths yet.
    const length = norm(way);
    if ((method.isNew || attempt > 0) && length > 1) {
      way = way.map((x) => x / length);
      slope /= length;
    }
    const next = await search(evaluate, point, way, slope, limits);
    if (next) return next;
    const isShort = way.every((d, i) =>
      Math.abs(d) <= ROUNDING * Math.max(1, Math.abs(point.x[i]!))
    );
    rests ||= isShort || -slope <= ROUNDING * Math.abs(point.value);
    if (attempt > 0 || method.isNew) return { rests };
  }
}

/** A lower point on the way, with the limits kept to; none if the search fails. */
async function search(
  evaluate: (x: Vector) => Promise<Point>,
  { x, value, gradient }: Point,
  way: Vector,
  slope: number,
  limits: Limits,
): Promise<Point | undefined> {
  const longest = way.reduce((longest, d, i) => {
    const end = d > 0 ? limits.high[i]! : limits.low[i]!;
    return d === 0 ? longest : Math.min(longest, (end - x[i]!) / d);
  }, Infinity);
  const points = new Map<number, Point>();
  async function at(alpha: number): Promise<LinePoint> {
    // A step of 1 ends within the limits, but for rounding.
    if (alpha > Math.max(1, longest)) {
      return { alpha, value: Infinity, slope: Infinity };
    }
    const point = await evaluate(clip(plus(x, way, alpha), limits));
    points.set(alpha, point);
    return { alpha, value: point.value, slope: dot(point.gradient, way) };
  }
  const start = { alpha: 0, value, slope };
  const found = points.get(slope < 0 ? await zoom({ start, at }) : 0);
  const isSame = !found || found.x.every((a, i) => a === x[i]);
  if (isSame || !found.gradient.every(Number.isFinite)) return undefined;
  // The search may settle for a point that is as high, but for rounding.
  const isLevel = found.value <= value + ROUNDING * Math.abs(value) &&
    norm(found.gradient) < norm(gradient);
  return found.value < value || isLevel ? found : undefined;
}
