import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as optim from "../../optim/mod.ts";
import { cmaConstants } from "../../optim/search/cmaes_constants.ts";
import { trialOf } from "../../optim/search/differential_evolution.ts";
import { Draws } from "../../optim/search/draws.ts";
import { eigen } from "../../optim/search/eigen.ts";
import { foldIn, unfold } from "../../optim/search/fold.ts";
import { RandomState } from "../../random.ts";
import golden from "../golden/minimize.json" with { type: "json" };
import { rosenbrock } from "./_functions.ts";

function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  name: string,
) {
  assertEquals(actual.length, expected.length, name);
  for (let i = 0; i < actual.length; i++) {
    const least = tolerance * Math.max(1, Math.abs(expected[i]!));
    assertAlmostEquals(actual[i]!, expected[i]!, least, `${name}[${i}]`);
  }
}

Deno.test("the constants of CMA-ES are pycma's, and those of Hansen's tutorial", () => {
  for (const run of golden.cmaes) {
    const k = cmaConstants(run.n, run.populationSize, run.active);
    assertClose(k.weights, run.weights, 1e-12, "weights");
    for (const name of ["mueff", "c1", "cmu", "cc", "cs", "ds"] as const) {
      assertAlmostEquals(k[name], run[name], 1e-12, name);
    }
  }
});

Deno.test("CMA-ES updates mean, paths, covariance and step size as pycma with the same samples", () => {
  for (const run of golden.cmaes) {
    const { n, populationSize, active, generations } = run;
    const search = new optim.CMAES(
      Array.from({ length: n }, () => [0, 1] as const),
      { populationSize, active, sigma: 0.3 },
    );
    const first = search.stateDict();
    search.loadStateDict({
      ...first,
      memory: {
        ...first.memory,
        covariance: Float64Array.from(run.covariance),
        vectors: Float64Array.from(run.vectors),
        deviations: Float64Array.from(run.deviations),
      },
    });
    for (const generation of generations) {
      search.ask();
      const state = search.stateDict();
      const steps = Float64Array.from(generation.steps);
      search.loadStateDict({ ...state, memory: { ...state.memory, steps } });
      search.tell(generation.values);
      const { memory } = search.stateDict();
      assertAlmostEquals(memory["sigma"] as number, generation.sigma, 1e-9);
      for (
        const name of ["mean", "pathC", "pathSigma", "covariance"] as const
      ) {
        const actual = memory[name] as Float64Array;
        // pycma adds 1e-9 to squared lengths before it divides by them.
        assertClose(actual, generation[name], 1e-8, name);
      }
    }
  }
});

Deno.test("CMA-ES folds at bounds as pycma's BoundTransform", () => {
  assertClose(golden.fold.y.map(foldIn), golden.fold.x, 1e-12, "x");
  for (const x of [0, 1e-3, 0.049, 0.05, 0.5, 0.95, 0.999, 1]) {
    assertAlmostEquals(foldIn(unfold(x)), x, 1e-15);
  }
});

Deno.test("Nelder and Mead's simplex goes where scipy's goes, bit for bit", () => {
  for (const { n, adaptive, start, points, values } of golden.nelderMead) {
    const search = new optim.NelderMead(
      Array.from({ length: n }, () => [0, 1] as const),
      { start, adaptive, size: 0.1 },
    );
    const seen: number[][] = [], told: number[] = [];
    while (seen.length < points.length) {
      const candidates = search.ask();
      const found = candidates.map((u) => rosenbrock(u.map((x) => 4 * x - 2)));
      seen.push(...candidates);
      told.push(...found);
      search.tell(found);
    }
    points.forEach((point, i) => assertEquals(seen[i], point, `point ${i}`));
    values.forEach((value, i) =>
      assertAlmostEquals(told[i]!, value, 1e-13 * Math.max(1, value))
    );
  }
});

Deno.test("trials of differential evolution are scipy's", () => {
  const { population, rows } = golden.trials;
  const member = (i: number) => Float64Array.from(population[i]!);
  for (const { target, parents, scale, takes, trial } of rows) {
    const [base, a, b] = parents.map(member) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const found = trialOf(
      member(target),
      [base, a, b],
      scale,
      (k) => takes[k]!,
    );
    assertEquals([...found], trial);
  }
});

const cube = (n: number) => Array.from({ length: n }, () => [0, 1] as const);

Deno.test("a generation of differential evolution follows its formula", () => {
  const n = 3, count = 6;
  for (const strategy of ["best/1/bin", "rand/1/bin"] as const) {
    const options = { strategy, populationSize: count, recombination: 0.6 };
    const search = new optim.DifferentialEvolution(cube(n), {
      ...options,
      random: new RandomState(4),
    });
    const draws = new Draws(new RandomState(4));
    const x = draws.hypercube(count, n);
    assertEquals(search.ask(), x.map((u) => [...u]));
    const f = x.map((u) => rosenbrock([...u]));
    search.tell(f);
    const factor = 0.5 + 0.5 * draws.uniform(1)[0]!;
    const best = f.indexOf(Math.min(...f));
    search.ask().forEach((trial, i) => {
      const drawn = draws.choose(count, 4).filter((j) => j !== i);
      const [a, b, c] = strategy === "best/1/bin" ? [best, ...drawn] : drawn;
      const chances = draws.uniform(n), sure = draws.choose(n, 1)[0]!;
      const anew = draws.uniform(n);
      for (let k = 0; k < n; k++) {
        const takes = k === sure || chances[k]! < 0.6;
        const mutant = x[a!]![k]! + factor * (x[b!]![k]! - x[c!]![k]!);
        const value = takes ? mutant : x[i]![k]!;
        const isInside = value >= 0 && value <= 1;
        assertEquals(trial[k], isInside ? value : anew[k]);
      }
    });
  }
});

Deno.test("particles move by their formula, and stop at the bounds", () => {
  const n = 2, count = 5, w = 1 / (2 * Math.LN2), c = 0.5 + Math.LN2;
  const search = new optim.ParticleSwarm(cube(n), {
    populationSize: count,
    random: new RandomState(2),
  });
  const draws = new Draws(new RandomState(2));
  let x = [...draws.uniform(count * n)];
  const elsewhere = draws.uniform(count * n);
  let v = x.map((x, j) => (elsewhere[j]! - x) / 2);
  let p = [...x], values: number[] = new Array(count).fill(Infinity);
  let stopped = 0;
  for (let t = 0; t < 12; t++) {
    if (t > 0) {
      const g = values.indexOf(Math.min(...values));
      const own = draws.uniform(count * n), all = draws.uniform(count * n);
      v = v.map((v, j) =>
        w * v + c * own[j]! * (p[j]! - x[j]!) +
        c * all[j]! * (p[g * n + j % n]! - x[j]!)
      );
      const free = x.map((x, j) => x + v[j]!);
      x = free.map((x) => Math.min(1, Math.max(0, x)));
      v = v.map((v, j) => x[j] === free[j] ? v : 0);
      stopped += v.filter((v) => v === 0).length;
    }
    const asked = search.ask();
    assertClose(asked.flat(), x, 1e-14, `positions at ${t}`);
    const found = asked.map(([a, b]) => (a! - 0.02) ** 2 + 3 * (b! - 0.9) ** 2);
    search.tell(found);
    p = p.map((p, j) =>
      found[Math.floor(j / n)]! < values[Math.floor(j / n)]! ? x[j]! : p
    );
    values = values.map((value, i) => Math.min(value, found[i]!));
  }
  assertEquals(stopped > 0, true);
});

Deno.test("steps of the (1+1)-ES grow and shrink by its formula", () => {
  const n = 3, d = Math.sqrt(n + 1);
  const search = new optim.OnePlusOneES(cube(n), {
    random: new RandomState(3),
  });
  const draws = new Draws(new RandomState(3));
  let parent = [0.5, 0.5, 0.5], value = Infinity, sigma = 0.3;
  for (let t = 0; t < 60; t++) {
    const [asked] = search.ask();
    const z = t > 0 ? draws.normal(n) : new Float64Array(n);
    const child = parent.map((x, i) => x + sigma * z[i]!);
    assertClose(asked!, child.map(foldIn), 1e-12, `candidate ${t}`);
    const found = asked!.reduce((sum, x) => sum + (x - 0.1) ** 2, 0);
    const isBetter = found < value;
    if (t > 0) sigma *= Math.exp((Number(isBetter) - 0.2) / d);
    if (isBetter) [parent, value] = [child, found];
    search.tell([found]);
    assertAlmostEquals(search.spread, sigma, 1e-12);
  }
});

Deno.test("eigenvectors are orthonormal and make the matrix again", () => {
  const n = 12, draws = new Draws(new RandomState(1));
  const a = draws.normal(n * n);
  const symmetric = a.map((x, i) => x + a[(i % n) * n + Math.floor(i / n)]!);
  const { values, vectors } = eigen(symmetric, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let product = 0, dot = 0;
      for (let k = 0; k < n; k++) {
        product += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!;
        dot += vectors[k * n + i]! * vectors[k * n + j]!;
      }
      assertAlmostEquals(product, symmetric[i * n + j]!, 1e-13);
      assertAlmostEquals(dot, i === j ? 1 : 0, 1e-13);
    }
  }
});

Deno.test("a Latin hypercube has one point in each part of each coordinate", () => {
  const points = new Draws(new RandomState(1)).hypercube(20, 3);
  for (let k = 0; k < 3; k++) {
    const parts = points.map((point) => Math.floor(20 * point[k]!));
    assertEquals(parts.sort((a, b) => a - b), Array.from(parts.keys()));
  }
});

Deno.test("small eigenvalues of badly scaled variables are accurate to the last digits", () => {
  // Three variables of the scales 1, 1e-4 and 1e-8, which correlate by 1/2.
  const scales = [1e-4, 1, 1e-8];
  const matrix = Float64Array.from(
    { length: 9 },
    (_, k) => {
      const i = Math.floor(k / 3), j = k % 3;
      return scales[i]! * scales[j]! * (i === j ? 1 : 0.5);
    },
  );
  const values = [...eigen(matrix, 3).values].sort((a, b) => b - a);
  // Computed with 60 digits, by mpmath.
  const exact = [1.0000000025, 7.499999989583334e-09, 6.66666665925926e-17];
  values.forEach((x, i) => {
    const error = Math.abs(x / exact[i]! - 1);
    assert(error < 1e-15, `${x}: ${error}`);
  });
});
