/** The methods of minimize, in float64. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Bfgs } from "../../optim/minimize/bfgs.ts";
import { descend } from "../../optim/minimize/descent.ts";
import { Lbfgsb } from "../../optim/minimize/lbfgsb.ts";
import type { Limits, Point } from "../../optim/minimize/method.ts";
import { NewtonCg } from "../../optim/minimize/newton_cg.ts";
import {
  dot,
  inverse,
  norm,
  plus,
  times,
  type Vector,
} from "../../optim/minimize/vectors.ts";
import { Draws } from "../../optim/search/draws.ts";
import { RandomState } from "../../random.ts";

const draws = new Draws(new RandomState(5));

/** A random matrix `A Aᵀ + I / 2`. */
function definite(n: number): Vector {
  const a = draws.normal(n * n);
  return new Float64Array(n * n).map((_, k) => {
    const i = Math.floor(k / n), j = k % n;
    const product = dot(
      a.subarray(i * n, i * n + n),
      a.subarray(j * n, j * n + n),
    );
    return product + (i === j ? 0.5 : 0);
  });
}

/** `½ xᵀ H x + bᵀ x` */
function quadratic(h: Vector, b: Vector) {
  return (x: Vector): Point => {
    const hx = times(h, x);
    return {
      x,
      value: dot(x, hx) / 2 + dot(b, x),
      gradient: plus(hx, b),
    };
  };
}

function assertClose(a: Vector, b: ArrayLike<number>, tolerance: number) {
  a.forEach((x, i) => assertAlmostEquals(x, b[i]!, tolerance));
}

const free = (n: number): Limits => ({
  low: new Float64Array(n).fill(-Infinity),
  high: new Float64Array(n).fill(Infinity),
});

/** Points on the way of steps of random lengths. */
function walk(at: (x: Vector) => Point, n: number, steps: number): Point[] {
  return Array.from({ length: steps }, () => at(draws.normal(n)));
}

Deno.test("the estimate of BFGS maps the last change of gradients to that of variables", () => {
  const n = 5, method = new Bfgs();
  const points = walk(quadratic(definite(n), draws.normal(n)), n, 6);
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1]!, points[i]!];
    method.learn(from, to);
    const y = plus(to.gradient, from.gradient, -1);
    const s = plus(to.x, from.x, -1);
    const found = method.direction({ ...to, gradient: y });
    assertClose(found.map((x) => -x), s, 1e-9);
  }
  method.reset();
  assert(method.isNew);
});

Deno.test("without bounds L-BFGS-B goes where the two loops of L-BFGS lead", () => {
  const n = 8, memory = 4;
  const method = new Lbfgsb(memory, free(n));
  const points = walk(quadratic(definite(n), draws.normal(n)), n, 8);
  for (let i = 1; i < points.length; i++) {
    method.learn(points[i - 1]!, points[i]!);
    const pairs = points.slice(1, i + 1).map((to, k) => ({
      s: plus(to.x, points[k]!.x, -1),
      y: plus(to.gradient, points[k]!.gradient, -1),
    })).slice(-memory);
    const newest = pairs.at(-1)!;
    let q = points[i]!.gradient;
    const factors = pairs.toReversed().map(({ s, y }) => {
      const a = dot(s, q) / dot(s, y);
      q = plus(q, y, -a);
      return a;
    }).reverse();
    q = q.map((x) => x * dot(newest.s, newest.y) / dot(newest.y, newest.y));
    pairs.forEach(({ s, y }, k) =>
      q = plus(q, s, factors[k]! - dot(y, q) / dot(s, y))
    );
    const scale = norm(q);
    const found = method.direction(points[i]!);
    assertClose(found.map((x) => -x / scale), q.map((x) => x / scale), 1e-8);
  }
});

Deno.test("L-BFGS-B solves quadratic problems within bounds", async () => {
  for (let run = 0; run < 20; run++) {
    const n = 2 + run % 9;
    const at = quadratic(definite(n), draws.normal(n).map((x) => 3 * x));
    const limits: Limits = {
      low: draws.uniform(n).map((u, i) => i % 4 === 3 ? -Infinity : -u),
      high: draws.uniform(n).map((u, i) => i % 5 === 4 ? Infinity : u),
    };
    const method = new Lbfgsb(10, limits);
    const { success, point, nIterations } = await descend(
      method,
      (x) => Promise.resolve(at(x)),
      new Float64Array(n),
      limits,
      {
        tolerance: 1e-7,
        maxIterations: 200,
        goesOn: () => Promise.resolve(true),
      },
    );
    assert(success && nIterations < 60, `run ${run}: ${nIterations}`);
    const { x, gradient } = point!;
    gradient.forEach((g, i) => {
      const { low, high } = limits;
      assert(x[i]! >= low[i]! && x[i]! <= high[i]!);
      // It ends when values agree to seven digits. On a bound the gradient may point outwards only.
      if (x[i]! > low[i]! && x[i]! < high[i]!) assertAlmostEquals(g, 0, 5e-4);
      else assert(x[i] === low[i] ? g >= -1e-6 : g <= 1e-6, `run ${run}: ${g}`);
    });
  }
});

Deno.test("Newton's direction solves for the step, or descends where curvature is negative", async () => {
  const n = 6, h = definite(n), gradient = draws.normal(n).map((x) => 1e-6 * x);
  const product = (_: Vector, v: Vector) => Promise.resolve(times(h, v));
  const x = new Float64Array(n);
  const point = { x, value: 0, gradient };
  const step = await new NewtonCg(product).direction(point);
  const exact = times(inverse(h, n), gradient).map((x) => -x);
  assertClose(step.map((x) => 1e6 * x), exact.map((x) => 1e6 * x), 5e-2);
  const residual = norm(plus(times(h, step), gradient));
  assert(residual <= Math.sqrt(norm(gradient)) * norm(gradient));

  const bent = (_: Vector, v: Vector) =>
    Promise.resolve(v.map((x, i) => i === 0 ? -x : x));
  const away = await new NewtonCg(bent).direction(point);
  assert(dot(away, gradient) < 0);
});

Deno.test("a start at which the function is not finite ends a run, and so does a wrong gradient", async () => {
  const stopping = {
    tolerance: 1e-8,
    maxIterations: 50,
    goesOn: () => Promise.resolve(true),
  };
  const run = (at: (x: Vector) => Point) =>
    descend(
      new Bfgs(),
      (x) => Promise.resolve(at(x)),
      Float64Array.of(1, 2),
      free(2),
      stopping,
    );
  const nowhere = await run((x) => ({
    x,
    value: 0,
    gradient: x.map(() => NaN),
  }));
  assertEquals(
    [nowhere.success, nowhere.message],
    [false, "the value or the gradient at the start is not finite"],
  );
  const uphill = await run((x) => ({
    x,
    value: dot(x, x),
    gradient: x.map((x) => -2 * x),
  }));
  assertEquals(
    [uphill.success, uphill.message],
    [false, "the line search has found no lower value"],
  );
});
