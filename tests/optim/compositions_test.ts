/**
 * Random compositions of transformations, in one group or several, against plain
 * loops over numbers.
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import * as optim from "../../optim/mod.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";

/** Values by path. */
type Values = Record<string, number[]>;

/** A transformation as a loop: new updates from old ones and from parameters. */
type Loop = (updates: Values, params: Values) => Values;

/** A transformation, and the loop that it should be. */
interface Pair {
  readonly name: string;
  readonly tx: optim.GradientTransformation;
  /** A new loop, which has its own state. */
  readonly loop: () => Loop;
}

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  matrix: [2, 2],
  other: [1, 3],
  vector: [3],
  scalar: [],
};

function map(
  values: Values,
  fn: (x: number, path: string, i: number) => number,
): Values {
  return Object.fromEntries(
    Object.entries(values).map(([path, xs]) => [
      path,
      xs.map((x, i) => fn(x, path, i)),
    ]),
  );
}

const isMatrix = (path: string) => SHAPES[path]!.length > 1;

const clip = (limit: number): Pair => ({
  name: `clip ${limit}`,
  tx: optim.clipByGlobalNorm(limit),
  loop: () => (updates) => {
    const squares = Object.values(updates).flat().map((x) => x * x);
    const norm = Math.sqrt(squares.reduce((a, b) => a + b, 0));
    return map(updates, (x) => x * limit / Math.max(norm, limit));
  },
});

const trace = (decay: number): Pair => ({
  name: `trace ${decay}`,
  tx: optim.trace({ decay }),
  loop: () => {
    const velocity: Values = {};
    return (updates) =>
      map(updates, (x, path, i) => {
        const own = velocity[path] ??= [];
        return own[i] = (own[i] ?? 0) * decay + x;
      });
  },
});

const decay = (factor: number): Pair => ({
  name: `decay ${factor}`,
  tx: optim.addDecayedWeights(factor),
  loop: () => (updates, params) =>
    map(updates, (x, path, i) => x + factor * params[path]![i]!),
});

const zero: Pair = {
  name: "zero",
  tx: optim.setToZero(),
  loop: () => (updates) => map(updates, () => 0),
};

const rate: Pair = {
  name: "rate",
  tx: optim.scaleByLearningRate(),
  loop: () => (updates) => map(updates, (x) => -0.1 * x),
};

/** Changes nothing, but is no elementwise rule. */
const opaque: Pair = {
  name: "opaque",
  tx: optim.perTensor({
    init: () => ({}),
    update: ({ update }) => ({ update: tf.clone(update), slots: {} }),
  }),
  loop: () => (updates) => updates,
};

function chain(...parts: readonly Pair[]): Pair {
  return {
    name: `chain(${parts.map(({ name }) => name).join(", ")})`,
    tx: optim.chain(...parts.map(({ tx }) => tx)),
    loop: () => {
      const loops = parts.map((part) => part.loop());
      return (updates, params) =>
        loops.reduce((values, loop) => loop(values, params), updates);
    },
  };
}

function partition(matrices: Pair, others: Pair): Pair {
  return {
    name: `partition(${matrices.name} | ${others.name})`,
    tx: optim.partition(
      (path) => isMatrix(path) ? "matrices" : "others",
      { matrices: matrices.tx, others: others.tx },
    ),
    loop: () => {
      const loops = [matrices.loop(), others.loop()];
      return (updates, params) => {
        const entries = Object.entries(updates);
        const parts = [true, false].map((is, i) =>
          loops[i]!(
            Object.fromEntries(entries.filter(([p]) => isMatrix(p) === is)),
            params,
          )
        );
        return { ...parts[0], ...parts[1] };
      };
    },
  };
}

function masked(part: Pair): Pair {
  const identity: Pair = {
    name: "identity",
    tx: optim.identity(),
    loop: () => (updates) => updates,
  };
  const { loop } = partition(part, identity);
  return {
    name: `masked(${part.name})`,
    tx: optim.masked(part.tx, optim.isMatrix),
    loop,
  };
}

/** Numbers between 0 and 1, always the same. */
function generator(seed: number): () => number {
  let state = seed * 2654435761 >>> 0;
  return () => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 >>> 0;
    return (state ^ state >>> 13) / 2 ** 32;
  };
}

function random(next: () => number, depth: number): Pair {
  const pick = (n: number) => Math.floor(next() * n);
  const kind = pick(depth > 0 ? 10 : 6);
  if (kind === 0) return clip(0.5 + next());
  if (kind === 1) return trace(0.5);
  if (kind === 2) return decay(0.1);
  if (kind === 3) return opaque;
  if (kind === 4) return clip(2);
  if (kind === 5) return pick(3) === 0 ? masked(zero) : trace(0.9);
  if (kind === 6) return masked(random(next, depth - 1));
  if (kind === 7) {
    return partition(random(next, depth - 1), random(next, depth - 1));
  }
  const parts = Array.from(
    { length: 2 + pick(2) },
    () => random(next, depth - 1),
  );
  return chain(...parts);
}

async function follow(pair: Pair, groups: readonly string[][], save: boolean) {
  const params = scope(() =>
    Object.fromEntries(
      Object.entries(SHAPES).map(([path, shape]) => [
        path,
        new ParamState(tf.fill([...shape], 0.5)),
      ]),
    )
  );
  const optimizer = new optim.Optimizer({ tx: pair.tx, lr: 0.1 });
  groups.forEach((paths, i) => {
    const own = Object.fromEntries(paths.map((p) => [p, params[p]!]));
    if (i === 0) optimizer.registerTrainableWeights(own);
    else optimizer.addParamGroup(own);
  });
  const loop = pair.loop();
  const plain: Values = map(
    Object.fromEntries(
      Object.entries(SHAPES).map(([path, shape]) => [
        path,
        Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0),
      ]),
    ),
    () => 0.5,
  );
  for (let k = 1; k <= 4; k++) {
    const grads: Values = map(
      plain,
      (_, path, i) => Math.sin(k + 1.7 * i + path.length),
    );
    optimizer.step(scope(() =>
      Object.fromEntries(
        Object.entries(grads).map(([path, xs]) => [
          path,
          tf.tensor(xs, [...SHAPES[path]!]),
        ]),
      )
    ));
    for (const [path, xs] of Object.entries(loop(grads, plain))) {
      xs.forEach((x, i) => plain[path]![i]! += x);
    }
    if (!save || k !== 2) continue;
    const state = optimizer.stateDict();
    optimizer.loadStateDict(state);
    tf.dispose(Object.values(state.slots).map((slots) => ({ ...slots })));
  }
  for (const [path, xs] of Object.entries(plain)) {
    const actual = [...await params[path]!.value.data()];
    assertEquals(actual.length, xs.length);
    actual.forEach((x, i) => {
      const shown = `${path} of ${pair.name} in groups ${groups.join(" | ")}`;
      assertAlmostEquals(x, xs[i]!, 2e-5, shown);
    });
  }
  optimizer.dispose();
  for (const state of Object.values(params)) state.dispose();
}

const GROUPS = [
  [["matrix", "other", "vector", "scalar"]],
  [["matrix", "vector"], ["other", "scalar"]],
  [["vector", "scalar"], ["matrix"], ["other"]],
];

onEachBackend(
  "any composition of transformations is the loop that its parts say",
  async (backend) => {
    const count = backend === "webgpu" ? 20 : backend === "cpu" ? 40 : 150;
    for (let seed = 1; seed <= count; seed++) {
      const next = generator(seed);
      const body = random(next, 3);
      const pair = chain(body, rate);
      const groups = GROUPS[seed % GROUPS.length]!;
      await assertNoLeak(() => follow(pair, groups, seed % 2 === 0));
      if (backend !== "wasm" || seed > 40) continue;
      await withoutFusion(() => follow(pair, groups, false));
    }
  },
  { only: ["cpu", "wasm", "webgpu"] },
);
