import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { jvp } from "../../autodiff/mod.ts";
import { type BackendName, useBackend } from "../../backend/mod.ts";
import { compile } from "../../compile.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { type Case, draw, randomOf } from "./_case.ts";
import { CASES } from "./_cases.ts";
import { distance, type Drawn, drawn, outcome, weightsOf } from "./_check.ts";

/** Of all cases, every how many-th runs by default. */
const EVERY: Record<BackendName, number> = { cpu: 1, wasm: 4, webgpu: 40 };

/** On the cpu from central differences, elsewhere from the cpu. */
const TOLERANCES: Record<BackendName, number> = {
  cpu: 1e-3,
  wasm: 2e-6,
  webgpu: 1e-3,
};

interface Product {
  readonly value: Float32Array;
  readonly tangent: Float32Array;
}

/** A direction in all inputs: no two values come nearer to each other than by 1. */
function directions(row: Case): Float32Array[] {
  const random = randomOf(`${row.name} tangents`);
  return row.inputs.map(({ shape }) =>
    draw({ shape, draw: "nonzero" }, random).map((x) => x / 4)
  );
}

function tensorsOf(row: Case, values: readonly Float32Array[]): tf.Tensor[] {
  return values.map((x, i) => tf.tensor(x, [...row.inputs[i]!.shape]));
}

/** The value and its derivative along the directions, on the current backend. */
async function product(
  { case: row, inputs }: Drawn,
  run: (...xs: tf.Tensor[]) => tf.Tensor = row.run,
): Promise<Product> {
  const argnums = inputs.map((_, i) => i);
  const xs = tensorsOf(row, inputs), vs = tensorsOf(row, directions(row));
  const { value, tangent } = jvp(run, { argnums })(
    vs as unknown as never,
    ...xs,
  );
  try {
    return {
      value: Float32Array.from(await value.data()),
      tangent: Float32Array.from(await tangent.data()),
    };
  } finally {
    tf.dispose([xs, vs, value, tangent]);
  }
}

async function valueAt(row: Case, inputs: readonly Float32Array[]) {
  const xs = tensorsOf(row, inputs);
  const y = tf.tidy(() => row.run(...xs));
  const values = Float32Array.from(await y.data());
  tf.dispose([xs, y]);
  return values;
}

/** The derivative along the directions by central differences. */
async function numeric({ case: row, inputs }: Drawn): Promise<Float32Array> {
  const vs = directions(row);
  const along = async (step: number) => {
    const at = (sign: number) =>
      valueAt(
        row,
        inputs.map((x, k) => x.map((e, i) => e + sign * step * vs[k]![i]!)),
      );
    const above = await at(1), below = await at(-1);
    return above.map((y, i) => (y - below[i]!) / (2 * step));
  };
  // Two steps and Richardson's extrapolation: errors of the fourth order. No two values
  // come nearer to each other than by 1/64, where a kink may be.
  const coarse = await along(2 ** -6), fine = await along(2 ** -7);
  return fine.map((d, i) => (4 * d - coarse[i]!) / 3);
}

const references = new Map<string, Product>();

async function reference(row: Drawn): Promise<Product> {
  const found = references.get(row.case.name);
  if (found) return found;
  const made = await product(row);
  references.set(row.case.name, made);
  return made;
}

onEachBackend(
  "Jacobian-vector products of every kernel are right",
  async (backend) => {
    const rows = CASES.filter((_, i) => FULL || i % EVERY[backend] === 0)
      .map(drawn);
    await useBackend("cpu");
    const expected: Product[] = [];
    for (const row of rows) expected.push(await reference(row));
    await useBackend(backend);

    const failures: string[] = [];
    let refused = 0;
    for (const [i, row] of rows.entries()) {
      const { name, inputs } = row.case;
      const before = tf.memory().numTensors;
      try {
        const { value, tangent } = await product(row);
        const want = expected[i]!;
        const errors = [
          distance(want.value, value),
          distance(
            backend === "cpu" ? await numeric(row) : want.tangent,
            tangent,
          ),
        ];
        if (backend === "cpu") errors.push(await transposeError(row, tangent));
        const leaked = tf.memory().numTensors - before;
        if (!(Math.max(...errors) < TOLERANCES[backend]) || leaked !== 0) {
          failures.push(`${name}: ${errors}, leaked ${leaked}`);
        }
      } catch (error) {
        const mayRefuse = backend === "webgpu" &&
          inputs.some(({ shape }) => shape.length >= 5 || shape.includes(0));
        if (mayRefuse) refused++;
        else failures.push(`${name}: ${(error as Error).message}`);
      }
    }
    console.log(
      `${backend}: ${rows.length} products, ${refused} refused, ${failures.length} failed`,
    );
    assertEquals(failures, []);
  },
);

/** How far `<u, J v>` is from `<Jᵀ u, v>`. */
async function transposeError(
  row: Drawn,
  tangent: Float32Array,
): Promise<number> {
  const { grads } = await outcome(row);
  const us = weightsOf(row.case, tangent.length);
  const vs = directions(row.case);
  const left = Array.from(tangent, (x, i) => x * us[i]!);
  const right = grads.flatMap((g, k) =>
    Array.from(g, (x, i) => x * vs[k]![i]!)
  );
  const sum = (terms: readonly number[]) => terms.reduce((a, b) => a + b, 0);
  const scale = 0.01 + Math.hypot(...left) + Math.hypot(...right);
  return Math.abs(sum(left) - sum(right)) / scale;
}

onEachBackend(
  "a compiled product has the bits of the plain one",
  async () => {
    const picked = CASES.filter((_, i) => i % (FULL ? 20 : 200) === 0);
    for (const row of picked.map(drawn)) {
      const argnums = row.inputs.map((_, i) => i);
      const xs = tensorsOf(row.case, row.inputs);
      const vs = tensorsOf(row.case, directions(row.case));
      const along = jvp(row.case.run, { argnums });
      const fn = (...all: tf.Tensor[]) => {
        const { value, tangent } = along(
          all.slice(xs.length) as unknown as never,
          ...all.slice(0, xs.length),
        );
        return [value, tangent];
      };
      const compiled = compile(fn);
      const want = await Promise.all(fn(...xs, ...vs).map((x) => x.data()));
      for (let i = 0; i < 4; i++) {
        const made = compiled(...xs, ...vs);
        const got = await Promise.all(made.map((x) => x.data()));
        assertEquals(got, want, row.case.name);
        tf.dispose(made);
      }
      compiled.dispose();
      tf.dispose([xs, vs]);
    }
  },
  { only: ["wasm", "webgpu"] },
);
