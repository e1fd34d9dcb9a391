/**
 * The simplex of Nelder and Mead.
 *
 * @module
 */
import { order, row, type Strategy } from "./strategy.ts";

/** What a simplex waits for: the values of its vertices, or of one new point. */
const BEGIN = 0, REFLECT = 1, EXPAND = 2, OUTSIDE = 3, INSIDE = 4, SHRINK = 5;

/** Where a simplex starts, and how it moves. */
export interface SimplexOptions {
  /** The `n + 1` vertices, in a row. */
  readonly vertices: Float64Array;
  /** The least value of each element. */
  readonly low: Float64Array;
  /** The greatest value of each element. */
  readonly high: Float64Array;
  /** Whether to move less far in more dimensions. */
  readonly adaptive: boolean;
}

/** A simplex in any units; in those of the vertices. */
export interface Simplex extends Strategy {
  /** Whether all points of the present move are known. */
  readonly isWhole: boolean;
  /** The vertices from the best on, in a row, once their values are known. */
  readonly vertices: Float64Array;
  /** The values of the vertices from the best on. */
  readonly values: Float64Array;
}

/**
 * A simplex that reflects, expands, contracts and shrinks as scipy's `nelder-mead`
 * does, with the same arithmetic.
 */
export function simplexOf(
  { vertices, low, high, adaptive }: SimplexOptions,
): Simplex {
  const n = low.length;
  // Factors of reflection, expansion, contraction and shrinking.
  const rho = 1;
  // For one element the adaptive factors would shrink the simplex to a point.
  const adapts = adaptive && n > 1;
  const chi = adapts ? 1 + 2 / n : 2;
  const psi = adapts ? 0.75 - 1 / (2 * n) : 0.5;
  const sigma = adapts ? 1 - 1 / n : 0.5;
  const memory = {
    stage: BEGIN,
    vertices: vertices.slice(),
    values: new Float64Array(n + 1).fill(Infinity),
    reflected: new Float64Array(n),
    reflectedValue: Infinity,
  };
  const clip = (x: Float64Array) =>
    x.map((x, k) => Math.min(high[k]!, Math.max(low[k]!, x)));
  const vertex = (i: number) => row(memory.vertices, i, n);
  const value = (i: number) => memory.values[i]!;

  /** `a center + b worst`, where the center is that of all vertices but the worst. */
  function mix(a: number, b: number): Float64Array {
    const center = new Float64Array(n);
    for (let i = 0; i < n; i++) vertex(i).forEach((x, k) => center[k]! += x);
    const worst = vertex(n);
    return clip(center.map((x, k) => a * (x / n) + b * worst[k]!));
  }

  function sort() {
    const ranks = order(memory.values);
    const before = memory.vertices.slice(), values = memory.values.slice();
    ranks.forEach((j, i) => {
      vertex(i).set(row(before, j, n));
      memory.values[i] = values[j]!;
    });
    memory.stage = REFLECT;
  }

  /** Put a point in place of the worst vertex. */
  function accept(point: Float64Array, value: number) {
    vertex(n).set(point);
    memory.values[n] = value;
    sort();
  }

  /** What the value of the reflected point leads to. */
  function reflect(point: Float64Array, value_: number) {
    memory.reflected.set(point);
    memory.reflectedValue = value_;
    if (value_ < value(0)) memory.stage = EXPAND;
    else if (value_ < value(n - 1)) accept(point, value_);
    else memory.stage = value_ < value(n) ? OUTSIDE : INSIDE;
  }

  return {
    memory,
    get vertices() {
      return memory.vertices;
    },
    get values() {
      return memory.values;
    },
    get isWhole() {
      return memory.stage === REFLECT;
    },
    get spread() {
      const best = vertex(0);
      return memory.vertices.reduce(
        (most, x, j) => Math.max(most, Math.abs(x - best[j % n]!)),
        0,
      );
    },
    propose() {
      switch (memory.stage) {
        case BEGIN:
          return Array.from({ length: n + 1 }, (_, i) => clip(vertex(i)));
        case REFLECT:
          return [mix(1 + rho, -rho)];
        case EXPAND:
          return [mix(1 + rho * chi, -rho * chi)];
        case OUTSIDE:
          return [mix(1 + psi * rho, -psi * rho)];
        case INSIDE:
          return [mix(1 - psi, psi)];
        default: {
          const best = vertex(0);
          return Array.from({ length: n }, (_, i) =>
            clip(
              vertex(i + 1).map((x, k) => best[k]! + sigma * (x - best[k]!)),
            ));
        }
      }
    },
    learn(points, values) {
      const { stage, reflected, reflectedValue } = memory;
      const [point, first] = [points[0]!, values[0]!];
      if (stage === BEGIN || stage === SHRINK) {
        points.forEach((point, i) => {
          const at = stage === BEGIN ? i : i + 1;
          vertex(at).set(point);
          memory.values[at] = values[i]!;
        });
        sort();
      } else if (stage === REFLECT) reflect(point, first);
      else if (stage === EXPAND) {
        if (first < reflectedValue) accept(point, first);
        else accept(reflected.slice(), reflectedValue);
      } else {
        const isBetter = stage === OUTSIDE
          ? first <= reflectedValue
          : first < value(n);
        if (isBetter) accept(point, first);
        else memory.stage = SHRINK;
      }
    },
  };
}

/**
 * The vertices around `start` that lie `step` further along each element; back from
 * the bounds where they would be beyond them.
 */
export function verticesAround(
  start: Float64Array,
  step: (x: number, k: number) => number,
  low: Float64Array,
  high: Float64Array,
): Float64Array {
  const n = start.length;
  const vertices = new Float64Array((n + 1) * n);
  for (let i = 0; i <= n; i++) {
    const vertex = start.slice();
    if (i > 0) vertex[i - 1] = step(vertex[i - 1]!, i - 1);
    row(vertices, i, n).set(vertex.map((x, k) => {
      const end = Math.min(high[k]!, Math.max(low[k]!, x));
      return Math.min(high[k]!, Math.max(low[k]!, 2 * end - x));
    }));
  }
  return vertices;
}
