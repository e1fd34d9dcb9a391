/**
 * Transformations around and before others, against 24 steps in float64 by optax and
 * Keras (`scripts/golden/transformations.py`): fused, composed, compiled, in groups,
 * saved and continued.
 */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import { compile, type CompileReport } from "../../compile.ts";
import * as optim from "../../optim/mod.ts";
import type { ParamState } from "../../state.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import golden from "../golden/transformations.json" with { type: "json" };
import { disposeAll, gradients, start } from "./_problem.ts";
import { opaque, spoil, TRANSFORMATIONS } from "./_transformations.ts";

interface Trajectory {
  readonly by: string;
  readonly spoiled: string;
  readonly steps: Readonly<Record<string, Readonly<Record<string, number[]>>>>;
}

const GOLDEN = golden.trajectories as unknown as Readonly<
  Record<string, Trajectory>
>;
const NAMES = ["scalar", "vector", "matrix", "zero", "tiny"];
const STEPS = 24, RELATIVE = 1e-5, ABSOLUTE = 1e-6;
const same = (tx: optim.GradientTransformation) => tx;

type Params = Record<string, ParamState>;

function register(
  tx: optim.GradientTransformation,
  params: Params,
  inGroups: boolean,
): optim.Optimizer {
  const optimizer = new optim.Optimizer({ tx });
  if (!inGroups) return optimizer.registerTrainableWeights(params);
  const { matrix, vector, ...others } = params;
  return optimizer.registerTrainableWeights({
    matrix: matrix!,
    vector: vector!,
  })
    .addParamGroup(others);
}

async function assertFollows(
  params: Params,
  expected: Readonly<Record<string, number[]>>,
  step: number,
): Promise<void> {
  for (const [name, xs] of Object.entries(expected)) {
    const actual = [...await params[name]!.value.data()];
    xs.forEach((x, i) => {
      const error = Math.abs(actual[i]! - x);
      assert(
        error <= ABSOLUTE + RELATIVE * Math.abs(x),
        `step ${step}, ${name}[${i}]: ${actual[i]} is not ${x}`,
      );
    });
  }
}

async function follow(
  name: string,
  tx: optim.GradientTransformation,
  inGroups = false,
): Promise<void> {
  const { spoiled, steps } = GOLDEN[name]!, params = start(NAMES);
  const optimizer = register(tx, params, inGroups);
  for (let k = 1; k <= STEPS; k++) {
    optimizer.step(spoil(gradients(NAMES, k), k, spoiled));
    const expected = steps[k];
    if (expected) await assertFollows(params, expected, k);
  }
  optimizer.dispose();
  disposeAll(params);
}

async function bitsOf(params: Params): Promise<number[][]> {
  const values = await Promise.all(
    NAMES.map((name) => params[name]!.value.data()),
  );
  return values.map((x) => [...x]);
}

/** Why `accumulate` is not replayed around what is not elementwise. */
const SOME_CALLS = "its optimizer takes a step in some calls only";

const replaying = { only: ["wasm", "webgpu"] } as const;

/** Take 14 steps of `call`, which may be compiled; returns bits of parameters and slots. */
async function take(
  tx: optim.GradientTransformation,
  spoiled: string,
  wrap: (step: (grads: Grads) => tf.Scalar) => (grads: Grads) => tf.Scalar,
): Promise<number[][]> {
  const params = start(NAMES);
  const optimizer = register(tx, params, false);
  const step = wrap((grads) => {
    optimizer.step(grads, { keep: true });
    return tf.scalar(0);
  });
  for (let k = 1; k <= 14; k++) {
    const grads = spoil(gradients(NAMES, k), k, spoiled);
    step(grads).dispose();
    tf.dispose(grads);
  }
  const bits = await bitsOf(params);
  for (const slots of Object.values(optimizer.optState.slots)) {
    for (const x of Object.values(slots)) bits.push([...await x.data()]);
  }
  optimizer.dispose();
  disposeAll(params);
  return bits;
}

type Grads = Record<string, tf.Tensor>;

const stepEach = (tx: optim.GradientTransformation, spoiled: string) =>
  take(tx, spoiled, (step) => step);

/** The same compiled, and the reason if it is not replayed. */
async function replay(tx: optim.GradientTransformation, spoiled: string) {
  let report: (() => CompileReport) | undefined;
  let dispose = () => {};
  const bits = await take(tx, spoiled, (step) => {
    const compiled = compile(step, { onFallback: "ignore" });
    ({ report, dispose } = compiled);
    return compiled;
  });
  const { reason, replayed } = report!();
  dispose();
  assertEquals(replayed > 0, reason === undefined);
  return { bits, reason };
}

for (const [name, entry] of Object.entries(TRANSFORMATIONS)) {
  const { make, wraps, isRule, refusal } = entry;
  const { by, spoiled } = GOLDEN[name]!;
  onEachBackend(
    `${name} follows ${by}, in one group and two`,
    async (backend) => {
      assertEquals(make(same).rule !== undefined, isRule);
      for (const inGroups of [false, true]) {
        await assertNoLeak(() => follow(name, make(same), inGroups));
        if (backend === "cpu") continue; // which composes always
        await withoutFusion(() => follow(name, make(same), inGroups));
      }
    },
  );

  // Around whole tensors, AdamW counts steps that are skipped at first.
  if (wraps && name !== "skipNonFinite AdamW") {
    onEachBackend(`${name} follows ${by} around whole tensors`, async () => {
      for (const inGroups of [false, true]) {
        await assertNoLeak(() => follow(name, make(opaque), inGroups));
      }
    });
  }

  onEachBackend(
    `${name} continues from what is saved, bit for bit`,
    async () => {
      for (const inner of wraps ? [same, opaque] : [same]) {
        await assertNoLeak(async () => {
          const params = start(NAMES), later = start(NAMES);
          const first = register(make(inner), params, false);
          const second = register(make(inner), later, false);
          const step = (optimizer: optim.Optimizer, k: number) =>
            optimizer.step(spoil(gradients(NAMES, k), k, spoiled));
          for (let k = 1; k <= 5; k++) step(first, k);
          const state = first.stateDict();
          second.loadStateDict(state);
          for (const slots of Object.values(state.slots)) {
            tf.dispose({ ...slots });
          }
          for (const path of NAMES) later[path]!.value = params[path]!.value;
          for (let k = 6; k <= 14; k++) {
            step(first, k);
            step(second, k);
          }
          assertEquals(await bitsOf(later), await bitsOf(params));
          first.dispose();
          second.dispose();
          disposeAll(params);
          disposeAll(later);
        });
      }
    },
  );

  onEachBackend(
    `${name} has the same bits compiled${refusal ? ", which falls back" : ""}`,
    async () => {
      const tx = make(same);
      const { bits, reason } = await replay(tx, spoiled);
      assertEquals(reason, refusal);
      assertEquals(bits, await stepEach(tx, spoiled));
    },
    replaying,
  );

  if (!wraps) continue;
  const around = name.includes("accumulate") ? SOME_CALLS : undefined;
  onEachBackend(
    `${name} has the same bits compiled around what is not elementwise${
      around ? ", which falls back" : ""
    }`,
    async () => {
      const tx = make(optim.lazyRows);
      const { bits, reason } = await replay(tx, spoiled);
      assertEquals(reason, around);
      assertEquals(bits, await stepEach(tx, spoiled));
    },
    replaying,
  );
}

Deno.test("every trajectory is that of a transformation in the table", () => {
  assertEquals(Object.keys(GOLDEN).sort(), Object.keys(TRANSFORMATIONS).sort());
});
