/** Kernels on rows, on every backend: against float64, and where numbers are not finite. */
import { assert, assertEquals } from "@std/assert";
import { gelu } from "../../backend/ops/gelu.ts";
import { standardize } from "../../backend/ops/standardize.ts";
import { tf, useBackend } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import * as float64 from "./_float64.ts";

interface Case {
  readonly run: (x: tf.Tensor) => tf.Tensor;
  readonly reference: float64.Reference;
  /** The largest error for values and gradients of about 1. */
  readonly error: number;
}

const CASES: Readonly<Record<string, Case>> = {
  softmax: {
    run: (x) => tf.softmax(x),
    reference: float64.softmax,
    error: 1e-6,
  },
  logSoftmax: {
    run: (x) => tf.logSoftmax(x),
    reference: float64.logSoftmax,
    error: 1e-5,
  },
  standardize: {
    run: (x) => standardize(x, -1, 1e-3),
    reference: float64.standardize(1e-3),
    error: 2e-5,
  },
  gelu: { run: (x) => gelu(x), reference: float64.gelu, error: 2e-6 },
  "gelu by tanh": {
    run: (x) => gelu(x, true),
    reference: float64.geluTanh,
    error: 2e-6,
  },
};

const SHAPES = [
  [5, 1],
  [4, 3],
  [3, 2, 17],
  [70, 4],
  [7, 65],
  [3, 1000],
  [2, 50257],
];

const tensor = (x: Float64Array, shape: number[]) =>
  tf.tensor(Float32Array.from(x), shape);

function assertNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  error: number,
  message: string,
): void {
  assertEquals(actual.length, expected.length, message);
  for (let i = 0; i < actual.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    assert(
      off <= error * Math.max(1, Math.abs(expected[i]!)),
      `${message} at ${i}: ${actual[i]} instead of ${expected[i]}`,
    );
  }
}

for (const [name, { run, reference, error }] of Object.entries(CASES)) {
  onEachBackend(`${name} and its gradient equal float64`, async () => {
    for (const shape of SHAPES) {
      const columns = shape.at(-1)!, size = tf.util.sizeFromShape(shape);
      const x = float64.noise(size, 1, 3), dy = float64.noise(size, 2);
      const message = `${name} of [${shape}]`;
      await assertNoLeak(async () => {
        const [input, d] = [tensor(x, shape), tensor(dy, shape)];
        const y = run(input), dx = tf.grad(run)(input, d);
        assertEquals(y.shape, shape);
        assertNear(await y.data(), reference.value(x, columns), error, message);
        const wanted = reference.gradient(x, dy, columns);
        assertNear(await dx.data(), wanted, error, `gradient of ${message}`);
        tf.dispose([input, d, y, dx]);
      });
    }
  });

  onEachBackend(`${name} can be differentiated twice`, async () => {
    for (const shape of [[2, 3], [3, 20]]) {
      const columns = shape.at(-1)!, size = tf.util.sizeFromShape(shape);
      const [x, dy, v] = [1, 2, 3].map((seed) => float64.noise(size, seed, 2));
      const [input, d, weights] = [x!, dy!, v!].map((z) => tensor(z, shape));
      const second = tf.grad((x: tf.Tensor) =>
        tf.sum(tf.mul(weights!, tf.grad(run)(x, d)))
      )(input!);
      // Column j of the Jacobian of the gradient, by central differences.
      const wanted = x!.map((_, j) => {
        const at = (h: number) => {
          const moved = x!.slice();
          moved[j]! += h;
          const g = reference.gradient(moved, dy!, columns);
          return g.reduce((sum, y, i) => sum + y * v![i]!, 0);
        };
        return (at(1e-5) - at(-1e-5)) / 2e-5;
      });
      assertNear(await second.data(), wanted, 20 * error, name);
    }
  });

  onEachBackend(`${name} of nothing is nothing`, () => {
    for (const shape of [[0, 5], [3, 0], [0]]) {
      const x = tf.zeros(shape);
      assertEquals(run(x).shape, shape);
      assertEquals(tf.grad(run)(x, tf.zeros(shape)).shape, shape);
    }
  });
}

/** Rows that are not finite, one after another. */
const ROWS = [
  [NaN, 1, 2],
  [1, Infinity, 2],
  [1, -Infinity, 2],
  [-Infinity, -Infinity, -Infinity],
  [3e38, -3e38, 1],
  [0, 0, 0],
  [-200, 1, 88],
];

for (const [name, { run }] of Object.entries(CASES)) {
  onEachBackend(
    `${name} gives NaN and infinities where cpu does`,
    async (backend) => {
      const results: Float32Array[] = [];
      for (const on of ["cpu", backend] as const) {
        await useBackend(on, { threads: 1 });
        const x = tf.tensor(ROWS.flat(), [ROWS.length, 3]);
        results.push(await run(x).data() as Float32Array);
      }
      const [expected, actual] = results as [Float32Array, Float32Array];
      expected.forEach((y, i) => {
        const isSame = Object.is(actual[i], y) || actual[i] === y ||
          Math.abs(actual[i]! - y) <= 1e-5 * Math.abs(y);
        assert(
          isSame,
          `${name} of row ${ROWS[Math.floor(i / 3)]} at ${i % 3}: ${
            actual[i]
          } instead of ${y}`,
        );
      });
    },
    { only: ["wasm", "webgpu"] },
  );
}
