import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { decodeCheckpoint, encodeCheckpoint } from "../../checkpoint.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { RandomState } from "../../random.ts";
import { State } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { rosenbrock } from "./_functions.ts";

type Box = readonly (readonly [number, number])[];
type Options = Record<string, unknown>;

/** The searches, with options that keep their populations small. */
const SEARCHES: Record<
  string,
  (bounds: Box, options?: Options) => optim.Search<Box>
> = {
  CMAES: (bounds, options) => new optim.CMAES(bounds, options),
  DifferentialEvolution: (bounds, options) =>
    new optim.DifferentialEvolution(bounds, options),
  NelderMead: (bounds, options) => new optim.NelderMead(bounds, options),
  OnePlusOneES: (bounds, options) => new optim.OnePlusOneES(bounds, options),
  ParticleSwarm: (bounds, options) => new optim.ParticleSwarm(bounds, options),
  RandomSearch: (bounds, options) => new optim.RandomSearch(bounds, options),
};

const BOX: Box = [[-2, 2], [-1, 3], [0, 2]];

/** The options of a search, with a stream if it takes one. */
function seeded(name: string, seed = 1, options: Options = {}): Options {
  return name === "NelderMead"
    ? options
    : { random: new RandomState(seed), ...options };
}

const each = Object.entries(SEARCHES);

/** The points of some generations. */
function path(search: optim.Search<Box>, generations: number): number[][] {
  const points: number[][] = [];
  for (let i = 0; i < generations; i++) {
    const asked = search.ask();
    points.push(...asked);
    search.tell(asked.map(rosenbrock));
  }
  return points;
}

Deno.test("candidates have the structure of the bounds, and stay inside of them", () => {
  for (const [name, create] of each) {
    const search = create(BOX, seeded(name));
    for (const point of path(search, 30)) {
      assertEquals(point.length, 3);
      point.forEach((x, i) => assert(x >= BOX[i]![0] && x <= BOX[i]![1], name));
    }
  }
  const nested = new optim.RandomSearch(
    { cell: { tau: [1, 2], gains: [[0, 1], [5, 6]] } },
    { populationSize: 1 },
  );
  const [{ cell }] = nested.ask() as [
    { cell: { tau: number; gains: [number, number] } },
  ];
  assert(cell.tau >= 1 && cell.tau <= 2 && cell.gains[1] >= 5);
  const one = new optim.RandomSearch([3, 4], { populationSize: 2 });
  const numbers: number[] = one.ask();
  assert(numbers.every((x) => x >= 3 && x <= 4));
});

onEachBackend(
  "tensors are searched by tensors of bounds, one by one and in a batch",
  async () => {
    const bounds = {
      gain: [0, 1],
      w: [tf.tensor2d([[0, 1, 2]]), tf.tensor2d([[1, 3, 5]])],
    } as const;
    const start = { gain: 0.5, w: tf.tensor2d([[0.5, 1.5, 4]]) };
    await assertNoLeak(async () => {
      const search = new optim.CMAES(bounds, {
        random: new RandomState(1),
        populationSize: 5,
        start,
      });
      const candidates = search.ask(), batch = search.askBatch();
      assertEquals(batch.gain.shape, [5]);
      assertEquals(batch.w.shape, [5, 1, 3]);
      const gains = await batch.gain.data(), w = await batch.w.data();
      for (let i = 0; i < 5; i++) {
        assertEquals(Math.fround(candidates[i]!.gain), gains[i]);
        assertEquals(
          [...await candidates[i]!.w.data()],
          [...w.slice(3 * i, 3 * i + 3)],
        );
      }
      search.tell([3, 2, NaN, 1, 4]);
      const { x, value } = search.best()!;
      assertEquals(value, 1);
      assertEquals([...await x.w.data()], [...w.slice(9, 12)]);
      tf.dispose([candidates, batch, x] as tf.TensorContainer);
    });
    tf.dispose([bounds.w as unknown as tf.Tensor[], start.w]);
  },
);

onEachBackend(
  "minimize frees what candidates and functions are made of",
  async () => {
    const bounds = { w: [tf.fill([2], -1), tf.fill([2], 2)] } as const;
    const loss = (w: tf.Tensor, axis?: number) =>
      tf.sum(tf.square(tf.sub(w, 1)), axis);
    const options = { budget: 60 };
    for (
      const search of [
        () => new optim.CMAES(bounds, { random: new RandomState(1) }),
        () => new optim.NelderMead(bounds),
        () => new optim.OnePlusOneES(bounds, { random: new RandomState(1) }),
        () =>
          new optim.ParticleSwarm(bounds, {
            random: new RandomState(1),
            populationSize: 6,
          }),
        () =>
          new optim.DifferentialEvolution(bounds, {
            random: new RandomState(1),
            populationSize: 6,
          }),
        () =>
          new optim.RandomSearch(bounds, {
            random: new RandomState(1),
            populationSize: 6,
          }),
      ]
    ) {
      await assertNoLeak(async () => {
        const one = await search().minimize(({ w }) => loss(w), options);
        const all = await search().minimizeBatch(
          ({ w }) => loss(w, 1),
          options,
        );
        assertEquals(one.nEvaluations, all.nEvaluations);
        assert(one.value < 0.7, `${one.value}`);
        assertAlmostEquals(one.value, all.value, 1e-5);
        const late = await search().minimize(async ({ w }) => {
          const value = tf.tidy(() => loss(w));
          const [x] = await value.data();
          value.dispose();
          return x!;
        }, { budget: 12 }).catch((error) => error);
        assert(!(late instanceof Error) || /budget/.test(late.message));
        tf.dispose([one.x.w, all.x.w, late.x?.w]);
      });
    }
    tf.dispose(bounds.w as unknown as tf.Tensor[]);
  },
  { eager: "tensors of candidates are made outside of it" },
);

onEachBackend(
  "a function that throws leaves no tensors, and the candidates untold",
  async () => {
    const bounds = [tf.fill([2], 0), tf.fill([2], 1)] as const;
    await assertNoLeak(async () => {
      const search = new optim.CMAES(bounds, { random: new RandomState(1) });
      let calls = 0;
      const run = (of: (w: tf.Tensor) => tf.Tensor) =>
        search.minimize((w) => {
          const value = of(w);
          if (++calls === 3) throw new Error("no");
          return value;
        });
      await assertRejects(() => run((w) => tf.sum(w)), Error, "no");
      assertEquals(search.nEvaluations, 0);
      assertEquals(search.best(), undefined);
      await assertRejects(
        () => search.minimizeBatch((w) => tf.square(w)),
        RangeError,
        "what fn returns must be 6 values",
      );
      await assertRejects(
        () => search.minimize((w) => tf.square(w)),
        RangeError,
        "what fn returns must be a tensor with one element",
      );
    });
    tf.dispose(bounds as unknown as tf.Tensor[]);
  },
);

Deno.test("what fn writes to states is kept", async () => {
  const count = new State(0);
  const search = new optim.NelderMead([0, 1]);
  const { nEvaluations } = await search.minimize((x) => {
    count.value++;
    return (x - 0.3) ** 2;
  });
  assertEquals(count.value, nEvaluations);
});

Deno.test("the same candidates are asked for until they are told", () => {
  for (const [name, create] of each) {
    const search = create(BOX, seeded(name));
    const first = search.ask();
    assertEquals(search.ask(), first);
    search.tell(first.map(rosenbrock));
    assert(`${search.ask()}` !== `${first}`, name);
  }
});

Deno.test("a seed gives the same candidates again, and draws nothing of the default stream", () => {
  const before = random.default.value;
  for (const [name, create] of each) {
    const run = (seed: number) => path(create(BOX, seeded(name, seed)), 8);
    assertEquals(run(1), run(1), name);
    if (name !== "NelderMead") assert(`${run(1)}` !== `${run(2)}`, name);
  }
  assertEquals(random.default.value, before);
  new optim.CMAES(BOX);
  assertEquals(random.default.value.offset, before.offset + 1);
  new optim.NelderMead(BOX);
  assertEquals(random.default.value.offset, before.offset + 1);
});

Deno.test("a search that was saved goes on bit for bit, also with candidates untold", async () => {
  for (const [name, create] of each) {
    const search = create(BOX, seeded(name));
    path(search, 7);
    const asked = search.ask();
    const bytes = await encodeCheckpoint({ search });
    const values = asked.map(rosenbrock);
    search.tell(values);
    const rest = path(search, 9);

    const other = create(BOX, seeded(name, 99));
    await decodeCheckpoint(bytes, { search: other });
    assertEquals(other.ask(), asked, name);
    other.tell(values);
    assertEquals(path(other, 9), rest, name);
    assertEquals(other.nEvaluations, search.nEvaluations);
    assertEquals(other.best(), search.best());
  }
});

Deno.test("the best of all that was told is known, and NaN is none", () => {
  for (const [name, create] of each) {
    const search = create(BOX, seeded(name));
    assertEquals(search.best(), undefined);
    let least = Infinity, at: number[] = [];
    for (let i = 0; i < 20; i++) {
      const asked = search.ask();
      const values = asked.map((x, k) =>
        (i + k) % 3 === 1 ? NaN : rosenbrock(x)
      );
      values.forEach((value, k) => {
        if (value < least) [least, at] = [value, asked[k]!];
      });
      search.tell(values);
    }
    assertEquals(search.best(), { x: at, value: least }, name);
  }
});

Deno.test("a search copes with a third of the cube failing", async () => {
  for (const [name, create] of each) {
    if (name === "RandomSearch") continue;
    const search = create([[0, 3], [0, 3]], seeded(name));
    const { value } = await search.minimize(
      ([x, y]) => x! > 2 ? NaN : (x! - 1.5) ** 2 + (y! - 1) ** 2,
    );
    assert(value < 1e-6, `${name}: ${value}`);
  }
});

Deno.test("one number is searched as well", async () => {
  for (const [name, create] of each) {
    if (name === "RandomSearch") continue;
    const options: Options[] = name === "NelderMead"
      ? [{}, { adaptive: true }]
      : [{}];
    for (const more of options) {
      const search = create([[0, 7]], seeded(name, 1, more));
      const { x } = await search.minimize(([x]) => (x! - 5) ** 2, {
        budget: 4000,
      });
      assertAlmostEquals(x[0]!, 5, 1e-5, name);
    }
  }
});

Deno.test("a minimum on a bound is found", async () => {
  for (const [name, create] of each) {
    if (name === "RandomSearch") continue;
    const search = create([[0, 3], [1, 2]], seeded(name));
    const { x } = await search.minimize(([x, y]) => x! + (y! - 1.25) ** 2);
    assertAlmostEquals(x[0]!, 0, 1e-5, name);
    assertAlmostEquals(x[1]!, 1.25, 1e-3, name);
  }
});

/** Per search and option, values that must give other candidates. */
const OPTIONS: Record<string, Record<string, [unknown, unknown]>> = {
  CMAES: {
    populationSize: [6, 8],
    sigma: [0.3, 0.2],
    active: [true, false],
    start: [undefined, [0.5, 0, 1]],
    random: [new RandomState(1), new RandomState(2)],
  },
  DifferentialEvolution: {
    populationSize: [8, 9],
    strategy: ["best/1/bin", "rand/1/bin"],
    mutation: [[0.5, 1], 0.7],
    recombination: [0.7, 0.3],
    start: [undefined, [0.5, 0, 1]],
    random: [new RandomState(1), new RandomState(2)],
  },
  NelderMead: {
    size: [0.1, 0.2],
    adaptive: [false, true],
    start: [undefined, [0.5, 0, 1]],
  },
  OnePlusOneES: {
    sigma: [0.3, 0.1],
    successRate: [0.2, 0.3],
    start: [undefined, [0.5, 0, 1]],
    random: [new RandomState(1), new RandomState(2)],
  },
  ParticleSwarm: {
    populationSize: [8, 9],
    inertia: [0.7, 0.5],
    cognitive: [1, 1.5],
    social: [1, 1.5],
    start: [undefined, [0.5, 0, 1]],
    random: [new RandomState(1), new RandomState(2)],
  },
  RandomSearch: {
    populationSize: [8, 9],
    start: [undefined, [0.5, 0, 1]],
    random: [new RandomState(1), new RandomState(2)],
  },
};

Deno.test("every option of a search changes its candidates", () => {
  assertEquals(Object.keys(OPTIONS), Object.keys(SEARCHES));
  for (const [name, create] of each) {
    for (const [option, pair] of Object.entries(OPTIONS[name]!)) {
      const [a, b] = pair.map((value) =>
        `${path(create(BOX, { ...seeded(name), [option]: value }), 12)}`
      );
      assert(a !== b, `${name}: ${option}`);
    }
  }
});

Deno.test("a search starts from the start that it is given", () => {
  const start = [0.5, 0, 1];
  for (const [name, create] of each) {
    if (name === "CMAES") continue;
    const [first] = create(BOX, seeded(name, 1, { start })).ask();
    assertEquals(first, start, name);
  }
  // Candidates of CMA-ES lie around it.
  const search = SEARCHES["CMAES"]!(BOX, { start, sigma: 1e-9 });
  search.ask()[0]!.forEach((x, i) => assertAlmostEquals(x, start[i]!, 1e-6));
});

const WRONG: [name: string, options: Options, message: string][] = [
  ["CMAES", { populationSize: 3 }, "populationSize must be at least 4"],
  ["CMAES", { sigma: 0 }, "sigma must be a positive finite number"],
  ["CMAES", { active: 1 }, "active must be true or false"],
  [
    "DifferentialEvolution",
    { populationSize: 4 },
    "populationSize must be at least 5",
  ],
  [
    "DifferentialEvolution",
    { strategy: "best" },
    'strategy must be one of "best/1/bin", "rand/1/bin"',
  ],
  [
    "DifferentialEvolution",
    { mutation: -1 },
    "mutation must be a nonnegative finite number",
  ],
  [
    "DifferentialEvolution",
    { mutation: [0, -1] },
    "mutation[1] must be a nonnegative finite number",
  ],
  [
    "DifferentialEvolution",
    { mutation: [1, 0.5] },
    "mutation must be [low, high]: current value is [1, 0.5]",
  ],
  [
    "DifferentialEvolution",
    { recombination: 2 },
    "recombination must be in [0, 1]",
  ],
  ["NelderMead", { size: 0 }, "size must be in (0, 1]"],
  ["NelderMead", { adaptive: 1 }, "adaptive must be true or false"],
  ["NelderMead", { random: 1 }, 'there is no option "random"'],
  ["OnePlusOneES", { sigma: -1 }, "sigma must be a positive finite number"],
  ["OnePlusOneES", { successRate: 1 }, "successRate must be in (0, 1)"],
  [
    "OnePlusOneES",
    { populationSize: 2 },
    'there is no option "populationSize"',
  ],
  ["ParticleSwarm", { inertia: -1 }, "inertia must be a nonnegative"],
  ["ParticleSwarm", { cognitive: NaN }, "cognitive must be a nonnegative"],
  ["ParticleSwarm", { social: Infinity }, "social must be a nonnegative"],
  ["RandomSearch", { populationSize: 0 }, "populationSize must be a positive"],
];

Deno.test("wrong options of searches are refused", () => {
  for (const [name, options, message] of WRONG) {
    assertThrows(() => SEARCHES[name]!(BOX, options), message);
  }
  for (const [name, create] of each) {
    const of = (options: Options) => () => create(BOX, options);
    assertThrows(of({ sigmas: 1 }), TypeError, `Cannot create ${name}: there`);
    assertThrows(of({ start: 1 }), TypeError, "start must be of the structure");
    assertThrows(
      of({ start: [0, 0, 2.5] }),
      RangeError,
      "start[2] must be in [0, 2]: current value is 2.5",
    );
    assertThrows(of({ start: [0, 0, "0"] }), TypeError, "start[2] must be");
    if (name === "NelderMead") continue;
    assertThrows(of({ random: 1 }), TypeError, "random must be a RandomState");
  }
});

onEachBackend("wrong bounds are refused", () => {
  const pairs = tf.tidy(() => [tf.zeros([2]), tf.ones([2]), tf.ones([3])]);
  const [zeros, ones, three] = pairs as [tf.Tensor, tf.Tensor, tf.Tensor];
  const int = tf.tensor1d([1, 2], "int32");
  const wrong: [unknown, string][] = [
    [1, "bounds must be a pair [low, high], or lists and records of pairs"],
    [{ a: "x" }, "bounds.a must be a pair"],
    [{ a: [1, 1] }, "bounds.a must be finite, and the first below the second"],
    [[[0, 1], [2, Infinity]], "bounds[1] must be finite"],
    [[NaN, 1], "bounds must be finite"],
    [[0, "1"], "bounds[1] must be a number"],
    [{ a: [zeros, three] }, "bounds.a[1] must be of shape [2]"],
    [{ a: [zeros, 1] }, "bounds.a[1] must be a tensor"],
    [{ a: [zeros, int] }, "bounds.a[1] must be a tensor of float32"],
    [{ a: [ones, zeros] }, "bounds.a must be finite, and the first below"],
    [{}, "bounds must have at least one element"],
    [[], "bounds must have at least one element"],
  ];
  for (const [bounds, message] of wrong) {
    assertThrows(
      () => new optim.CMAES(bounds as optim.Bounds),
      Error,
      `Cannot create CMAES: ${message}`,
    );
  }
  const search = { w: [zeros, ones] } as const;
  for (
    const [w, message] of [
      [three, "start.w must be of shape [2]"],
      [1, "start.w must be a tensor"],
    ] as const
  ) {
    const start = { w } as { w: tf.Tensor };
    assertThrows(() => new optim.NelderMead(search, { start }), message);
  }
  tf.dispose([...pairs, int]);
});

Deno.test("wrong values are refused, and then nothing is told", () => {
  const search = new optim.CMAES(BOX, { random: new RandomState(1) });
  assertThrows(
    () => search.tell([1]),
    Error,
    "Cannot tell CMAES: it must be asked first",
  );
  const asked = search.ask();
  for (
    const [values, message] of [
      [[1], "values must be 7 numbers"],
      [1, "values must be a list of numbers"],
      [["1", 2, 3, 4, 5, 6, 7], "values[0] must be a number"],
    ] as const
  ) {
    assertThrows(
      () => search.tell(values as unknown as number[]),
      Error,
      message,
    );
  }
  assertEquals(search.ask(), asked);
  assertEquals(search.nEvaluations, 0);
});

Deno.test("a state of another search is refused, and changes nothing", () => {
  const create = (options: Options = {}, box = BOX) =>
    SEARCHES["CMAES"]!(box, { random: new RandomState(1), ...options });
  const search = create();
  path(search, 3);
  const good = search.stateDict();
  const wrong: [unknown, string][] = [
    [1, "the state must be an object"],
    [{ ...good, low: [0] }, "low must be that of the bounds"],
    [create({}, [[0, 1], [0, 1], [0, 1]]).stateDict(), "low must be that of"],
    [{ ...good, nEvaluations: -1 }, "nEvaluations must be a nonnegative"],
    [{ ...good, bestValue: "1" }, "bestValue must be a number"],
    [{ ...good, best: [1] }, "best must be a Float64Array of length 3"],
    [{ ...good, best: new Float64Array(6) }, "best must be a Float64Array"],
    [
      { ...good, pending: new Float64Array(4) },
      "pending must be a Float64Array of points with 3 elements",
    ],
    [{ ...good, random: null }, "random must be the position of a stream"],
    [{ ...good, random: { key: [1], offset: 0 } }, "key must be a pair"],
    [{ ...good, memory: null }, "memory must be an object"],
    [
      { ...good, memory: { ...good.memory, sigma: "1" } },
      "memory.sigma must be a number",
    ],
    [
      create({ populationSize: 9 }).stateDict(),
      "memory.steps must be a Float64Array of length 21",
    ],
    [
      SEARCHES["ParticleSwarm"]!(BOX).stateDict(),
      "memory.sigma must be a number",
    ],
  ];
  for (const [state, message] of wrong) {
    assertThrows(
      () => search.loadStateDict(state as optim.SearchState),
      Error,
      `Cannot ${
        message.startsWith("key") ? "write RandomState" : "load CMAES"
      }: ${message}`,
    );
    assertEquals(search.stateDict(), good);
  }
  assertThrows(
    () => SEARCHES["NelderMead"]!(BOX).loadStateDict(good),
    TypeError,
    "random must be null",
  );
  assertThrows(
    () =>
      SEARCHES["RandomSearch"]!(BOX).loadStateDict(
        SEARCHES["ParticleSwarm"]!(BOX).stateDict(),
      ),
    RangeError,
    'memory must be of begun only: current value is "with positions"',
  );
});

const bowl = (x: readonly number[]) =>
  x.reduce((sum, x) => sum + (x - 0.5) ** 2, 1);

Deno.test("a run ends by its target, tolerances, budget or callback", async () => {
  const run = (options: optim.SearchRunOptions) =>
    SEARCHES["CMAES"]!(BOX, { random: new RandomState(1) })
      .minimize(bowl, options);
  const fine = { valueTolerance: 0, tolerance: 0 };
  const target = await run({ ...fine, target: 1.01 });
  assert(target.success && target.value <= 1.01, target.message);
  assertEquals(target.message, "the target is reached");

  const close = await run({ ...fine, tolerance: 1e-3 });
  assertEquals(close.message, "candidates lie within the tolerance");
  const values = await run({ ...fine, valueTolerance: 1e-5 });
  assertEquals(values.message, "values differ by no more than the tolerance");
  assert(close.success && values.success);
  assert(values.nEvaluations < (await run({})).nEvaluations);

  const spent = await run({ ...fine, budget: 30 });
  assertEquals([spent.nEvaluations, spent.nIterations], [28, 4]);
  assertEquals([spent.success, spent.message], [false, "the budget is spent"]);

  const seen: optim.SearchProgress[] = [];
  const called = await run({
    callback: (progress) => Promise.resolve(seen.push(progress) < 3),
  });
  assertEquals(called.message, "the callback has ended it");
  assertEquals(seen.map((p) => p.nEvaluations), [7, 14, 21]);
  assertEquals(seen.map((p) => p.nIterations), [1, 2, 3]);
  assertEquals(seen[2]!.value, called.value);
  assert(seen.every(({ spread }) => spread > 0));
});

Deno.test("a run that is called again goes on", async () => {
  const create = () => SEARCHES["CMAES"]!(BOX, { random: new RandomState(1) });
  const [once, twice] = [create(), create()];
  await once.minimize(bowl, { budget: 70 });
  await twice.minimize(bowl, { budget: 35 });
  await twice.minimize(bowl, { budget: 35 });
  assertEquals(twice.stateDict(), once.stateDict());
});

Deno.test("wrong options of a run are refused", async () => {
  const search = SEARCHES["CMAES"]!(BOX);
  const wrong: [Options, string][] = [
    [{ budget: 0 }, "budget must be a positive integer"],
    [{ budget: 6 }, "budget must be at least the number of candidates"],
    [{ target: "0" }, "target must be a number"],
    [{ tolerance: -1 }, "tolerance must be a nonnegative finite number"],
    [{ valueTolerance: NaN }, "valueTolerance must be a nonnegative"],
    [{ callback: 1 }, "callback must be a function"],
    [{ tol: 1 }, 'there is no option "tol"'],
  ];
  for (const [options, message] of wrong) {
    await assertRejects(
      () => search.minimize(bowl, options),
      Error,
      `Cannot minimize by CMAES: ${message}`,
    );
  }
  await assertRejects(
    () => search.minimize(1 as never),
    TypeError,
    "fn must be a function",
  );
  await assertRejects(
    () => search.minimizeBatch((() => 1) as never),
    TypeError,
    "values must be a list of numbers",
  );
  await assertRejects(
    () => search.minimize((() => "1") as never),
    TypeError,
    "what fn returns must be a number",
  );
  await assertRejects(
    () => search.minimize(() => NaN, { budget: 14 }),
    Error,
    "Cannot minimize by CMAES: every evaluation failed: all 14 values are NaN",
  );
});
