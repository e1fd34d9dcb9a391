/**
 * Every case of the conformance table inside of `vmap`, against a loop over the examples:
 * values and gradients.
 */
import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../../autodiff/mod.ts";
import type { BackendName } from "../../backend/mod.ts";
import { scope } from "../../memory.ts";
import { vmap } from "../../vmap/mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { type Case, draw, randomOf } from "../gradients/_case.ts";
import { CASES } from "../gradients/_cases.ts";
import { distance, weightsOf } from "../gradients/_check.ts";

/** Of all cases, every how many-th runs by default. */
const EVERY: Record<BackendName, number> = { cpu: 4, wasm: 8, webgpu: 60 };
const TOLERANCES: Record<BackendName, number> = {
  cpu: 4e-6,
  wasm: 4e-6,
  webgpu: 1e-3,
};
const EXAMPLES = 3;

type Numbers = Float32Array;

/** Inputs of a case for each example. */
function examplesOf(row: Case): Numbers[][] {
  return Array.from({ length: EXAMPLES }, (_, b) => {
    const random = randomOf(`${row.name} example ${b}`);
    return row.inputs.map((input) => draw(input, random));
  });
}

/** The projection of a value whose gradient is taken. */
function project(row: Case, y: tf.Tensor): tf.Scalar {
  const weights = tf.tensor(weightsOf(row, y.size), y.shape);
  return tf.sum(tf.mul(weights, y));
}

/** Values, then gradients in each input: those that all share are summed. */
interface Outcome {
  readonly y: tf.Tensor;
  readonly grads: readonly tf.Tensor[];
}

/** Each example on its own. `isShared` says which inputs are those of the first. */
function looped(
  row: Case,
  examples: Numbers[][],
  isShared: boolean[],
): Outcome {
  const argnums = row.inputs.map((_, k) => k);
  const each = examples.map((example) => {
    const xs = example.map((x, k) =>
      tf.tensor(isShared[k] ? examples[0]![k]! : x, [...row.inputs[k]!.shape])
    );
    const y = row.run(...xs);
    const gradient = grad(
      (...xs: tf.Tensor[]) => project(row, row.run(...xs)),
      { argnums },
    );
    return { y, grads: gradient(...xs) as unknown as tf.Tensor[] };
  });
  return {
    y: tf.stack(each.map(({ y }) => y)),
    grads: argnums.map((k) => {
      const grads = tf.stack(each.map(({ grads }) => grads[k]!));
      return isShared[k] ? tf.sum(grads, 0) : grads;
    }),
  };
}

function stacked(row: Case, examples: Numbers[][], isShared: boolean[]) {
  return row.inputs.map(({ shape }, k) =>
    isShared[k]
      ? tf.tensor(examples[0]![k]!, [...shape])
      : tf.stack(examples.map((x) => tf.tensor(x[k]!, [...shape])))
  );
}

/** All examples by `vmap`, and the gradient around it. */
function around(
  row: Case,
  examples: Numbers[][],
  isShared: boolean[],
): Outcome {
  const xs = stacked(row, examples, isShared);
  const inAxes = isShared.map((shared) => shared ? null : 0);
  const all = vmap(row.run, { inAxes });
  const gradient = grad((...xs: tf.Tensor[]) => {
    const y = all(...xs);
    const weights = tf.tensor(
      weightsOf(row, y.size / EXAMPLES),
      y.shape.slice(1),
    );
    return tf.sum<tf.Scalar>(tf.mul(y, weights));
  }, { argnums: xs.map((_, k) => k) });
  return {
    y: all(...xs),
    grads: gradient(...xs) as unknown as tf.Tensor[],
  };
}

/** The gradient inside of `vmap`: one for each example. */
function inside(
  row: Case,
  examples: Numbers[][],
  isShared: boolean[],
): Outcome {
  const xs = stacked(row, examples, isShared);
  const inAxes = isShared.map((shared) => shared ? null : 0);
  const both = vmap((...xs: tf.Tensor[]) => {
    const gradient = grad(
      (...xs: tf.Tensor[]) => {
        const y = row.run(...xs);
        return [project(row, y), y] as const;
      },
      { argnums: xs.map((_, k) => k), hasAux: true },
    );
    const [grads, y] = gradient(...xs);
    return { y, grads: grads as unknown as tf.Tensor[] };
  }, { inAxes })(...xs) as unknown as Outcome;
  return {
    y: both.y,
    grads: both.grads.map((g, k) => isShared[k] ? tf.sum(g, 0) : g),
  };
}

/** All inputs by example, and each alone. */
function sharings(row: Case): boolean[][] {
  const none = row.inputs.map(() => false);
  if (none.length < 2) return [none];
  return [none, ...none.map((_, k) => none.map((_, i) => i !== k))];
}

async function numbersOf({ y, grads }: Outcome): Promise<Numbers[]> {
  const made: Numbers[] = [];
  for (const x of [y, ...grads]) {
    made.push(Float32Array.from(await x.data()));
  }
  return made;
}

onEachBackend(
  "every kernel inside of vmap gives what a loop over the examples gives",
  async (backend) => {
    // With one axis more; WebGPU refuses empty tensors, and in some kernels rank 6.
    const most = backend === "webgpu" ? 4 : 5;
    const rows = CASES.filter((_, i) => FULL || i % EVERY[backend] === 0)
      .filter(({ inputs }) =>
        inputs.every(({ shape }) =>
          shape.length <= most && !(backend === "webgpu" && shape.includes(0))
        )
      );
    const failures: string[] = [];
    let compared = 0;
    for (const row of rows) {
      const examples = examplesOf(row);
      for (const isShared of sharings(row)) {
        const before = tf.memory().numTensors;
        try {
          const want = await collect(looped, row, examples, isShared);
          for (const [how, run] of Object.entries({ around, inside })) {
            const got = await collect(run, row, examples, isShared);
            const errors = want.map((x, i) => distance(x, got[i]!));
            compared++;
            if (!(Math.max(...errors) < TOLERANCES[backend])) {
              failures.push(`${row.name}, ${how}, ${isShared}: ${errors}`);
            }
          }
        } catch (error) {
          failures.push(
            `${row.name}, ${isShared}: ${(error as Error).message}`,
          );
        }
        const leaked = tf.memory().numTensors - before;
        if (leaked !== 0) failures.push(`${row.name}: leaked ${leaked}`);
      }
    }
    console.log(`${backend}: ${compared} compared, ${failures.length} failed`);
    assertEquals(failures, []);
  },
);

async function collect(
  run: typeof looped,
  row: Case,
  examples: Numbers[][],
  isShared: boolean[],
): Promise<Numbers[]> {
  const outcome = scope(() => run(row, examples, isShared));
  const values = await numbersOf(outcome);
  tf.dispose([outcome.y, ...outcome.grads]);
  return values;
}
