import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { type BackendName, useBackend } from "../../backend/mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { CASES } from "./_cases.ts";
import {
  differenceError,
  distance,
  type Drawn,
  drawn,
  type Outcome,
  outcome,
} from "./_check.ts";

registerGradients();

/** Of all cases, every how many-th runs by default: shaders are slow to compile. */
const EVERY: Record<BackendName, number> = { cpu: 1, wasm: 1, webgpu: 12 };

/**
 * How far a case may be off: on the cpu from central differences, elsewhere from
 * the cpu.
 */
const TOLERANCES: Record<BackendName, number> = {
  cpu: 2e-4,
  wasm: 2e-6,
  webgpu: 1e-3,
};

const references = new Map<string, Outcome>();

/** The forward and gradient on the cpu, which central differences vouch for. */
async function reference(drawn: Drawn): Promise<Outcome> {
  const found = references.get(drawn.case.name);
  if (found) return found;
  const made = await outcome(drawn);
  references.set(drawn.case.name, made);
  return made;
}

/** WebGPU may refuse tensors of rank 5 and more, and empty ones. */
function mayRefuse(
  backend: BackendName,
  { case: row, inputs }: Drawn,
): boolean {
  return backend === "webgpu" &&
    row.inputs.some(({ shape }, i) =>
      shape.length >= 5 || inputs[i]!.length === 0
    );
}

Deno.test("the conformance table has 1,200 cases of different names", () => {
  assert(CASES.length >= 1200);
  assertEquals(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

Deno.test("no gradient of zeros is within the tolerances", async () => {
  await useBackend("cpu");
  const missed: string[] = [];
  for (const row of CASES.map(drawn)) {
    const { grads } = await reference(row);
    for (const [k, grad] of grads.entries()) {
      if (grad.every((g) => g === 0)) continue;
      const none = grad.map(() => 0);
      const error = await differenceError(row, grads.with(k, none));
      const isCaught = error > TOLERANCES.cpu &&
        distance(grad, none) > TOLERANCES.webgpu;
      if (!isCaught) missed.push(`${row.case.name}, input ${k}`);
    }
  }
  assertEquals(missed, []);
});

async function conforms(backend: BackendName, threads: number): Promise<void> {
  const rows = CASES.filter((_, i) => FULL || i % EVERY[backend] === 0)
    .map(drawn);
  await useBackend("cpu");
  const expected: Outcome[] = [];
  for (const row of rows) expected.push(await reference(row));
  await useBackend(backend, { threads });

  const failures: string[] = [];
  let passed = 0;
  let refused = 0;
  for (const [i, row] of rows.entries()) {
    const before = tf.memory().numTensors;
    try {
      const { y, grads } = await outcome(row);
      const want = expected[i]!;
      const errors = [
        distance(want.y, y),
        ...grads.map((grad, k) => distance(want.grads[k]!, grad)),
      ];
      if (backend === "cpu") errors.push(await differenceError(row, grads));
      const worst = Math.max(...errors);
      const leaked = tf.memory().numTensors - before;
      if (worst < TOLERANCES[backend] && leaked === 0) passed++;
      else failures.push(`${row.case.name}: ${errors}, leaked ${leaked}`);
    } catch (error) {
      if (mayRefuse(backend, row)) refused++;
      else failures.push(`${row.case.name}: ${(error as Error).message}`);
    }
  }
  console.log(
    `${backend}, ${threads} threads: ${rows.length} cases, ${passed} passed, ${refused} refused, ${failures.length} failed`,
  );
  assertEquals(failures, []);
}

onEachBackend(
  "every kernel's value and gradient are right",
  (backend) => conforms(backend, 1),
);

onEachBackend(
  "every kernel's value and gradient are right with two threads",
  (backend) => conforms(backend, 2),
  { only: FULL ? ["wasm"] : [], threads: 2 },
);
