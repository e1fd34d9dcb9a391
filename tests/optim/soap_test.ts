/** SOAP against its reference where its bases are not arbitrary, and the bases themselves. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import { symmetricEigen } from "../../optim/linear_algebra/symmetric_eigen.ts";
import { orthonormalRows } from "../../optim/linear_algebra/orthonormal_rows.ts";
import { Soap } from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { mapNamed } from "../../tensors.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import golden from "../golden/soap.json" with { type: "json" };

const SHAPES = { square: [6, 6], cube: [2, 3, 6], vector: [5] };

/** The formula of scripts/golden/soap.py. */
function numbers(shape: readonly number[], k: number): tf.Tensor {
  const n = shape.reduce((a, b) => a * b), columns = shape.at(-1)!;
  const values = Float32Array.from({ length: n }, (_, i) => {
    const x = Math.sin(0.37 * i * i + 1.3 * i + 2.1 * k + 0.11 * i * k);
    return x * (1 + 2 * (i % columns) + Math.floor(i / columns));
  });
  return tf.tensor(values, [...shape]);
}

async function follow({ options, steps }: typeof golden.cases[number]) {
  const params = mapNamed(SHAPES, (shape) => {
    const start = numbers(shape, 0);
    const state = new ParamState(start);
    start.dispose();
    return state;
  });
  const optimizer = new Soap({ lr: 0.01, ...options })
    .registerTrainableWeights(params);
  const recorded: Record<string, Record<string, number[]>> = steps;
  for (let k = 1; k <= 40; k++) {
    optimizer.step(mapNamed(SHAPES, (shape) => numbers(shape, k)));
    for (const [name, expected] of Object.entries(recorded[k] ?? {})) {
      const values = await params[name]!.value.data();
      expected.forEach((x, i) => {
        const error = Math.abs(values[i]! - x);
        assert(
          error < 1e-4 * Math.max(1, Math.abs(x)),
          `${k} ${name} ${error}`,
        );
      });
    }
  }
  optimizer.dispose();
  for (const state of Object.values(params)) state.dispose();
}

for (const test of golden.cases) {
  onEachBackend(
    `Soap follows pytorch_optimizer in its bases, ${
      JSON.stringify(test.options)
    }`,
    async (backend) => {
      await assertNoLeak(() => follow(test));
      if (backend === "wasm") await withoutFusion(() => follow(test));
    },
  );
}

function symmetric(n: number, rank: number): Float64Array {
  const g = Array.from(
    { length: n },
    (_, i) =>
      Array.from({ length: rank }, (_, k) => Math.sin(1 + i * i + 3 * i * k)),
  );
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [a, b] = [g[Math.floor(at / n)]!, g[at % n]!];
    return a.reduce((sum, x, k) => sum + x * b[k]!, 0);
  });
}

/** `A Bᵀ` of rows. */
function products(a: Float64Array, b: Float64Array, n: number): number[] {
  return Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[i * n + k]! * b[j * n + k]!;
    return sum;
  });
}

const SIZES = [[1, 1], [2, 2], [3, 1], [6, 0], [9, 9], [20, 5], [40, 40]];

Deno.test("eigenvectors are orthonormal, make the matrix diagonal and are in order", () => {
  for (const [n, rank] of SIZES as [number, number][]) {
    const matrix = symmetric(n, rank);
    const { values, vectors: q } = symmetricEigen(matrix.slice(), n);
    products(q, q, n).forEach((x, at) =>
      assert(Math.abs(x - (at % (n + 1) === 0 ? 1 : 0)) < 1e-12)
    );
    // The matrix is its own transpose.
    const half = Float64Array.from(products(q, matrix, n));
    const whole = products(half, q, n), size = Math.max(1, ...whole);
    let last = Infinity;
    whole.forEach((x, at) => {
      if (at % (n + 1) === 0) {
        const value = values[at / (n + 1)]!;
        assert(Math.abs(x - value) < 1e-12 * size, `${n}: ${x}, not ${value}`);
        assert(value <= last, `${n}: ${value} after ${last}`);
        last = value;
      } else assert(Math.abs(x) < 1e-12 * size, `${n}: ${x}`);
    });
  }
});

Deno.test("orthonormal rows span what the rows spanned, in order", () => {
  for (const [n, rank] of SIZES as [number, number][]) {
    const matrix = symmetric(n, rank), q = orthonormalRows(matrix.slice(), n);
    products(q, q, n).forEach((x, at) =>
      assert(Math.abs(x - (at % (n + 1) === 0 ? 1 : 0)) < 1e-12)
    );
    // Row i has no part along the rows of q after i.
    const parts = products(matrix, q, n), size = Math.max(1, ...parts);
    parts.forEach((x, at) => {
      if (at % n > Math.floor(at / n)) assert(Math.abs(x) < 1e-12 * size);
    });
  }
});

onEachBackend(
  "steps of Soap are refused where nothing can be read in a step",
  () => {
    const w = new ParamState(tf.ones([2, 2]));
    const optimizer = new Soap().registerTrainableWeights({ w });
    // As in browsers.
    const own = Object.getOwnPropertyDescriptor(tf.backend(), "readsAtOnce");
    Object.defineProperty(tf.backend(), "readsAtOnce", {
      value: false,
      configurable: true,
    });
    try {
      assertThrows(
        () => optimizer.step({ w: tf.ones([2, 2]) }),
        Error,
        "Cannot compute eigenvectors: that is done on the host, and WebGPU cannot be read in a step here: use the backend wasm",
      );
    } finally {
      if (own) Object.defineProperty(tf.backend(), "readsAtOnce", own);
      else delete (tf.backend() as { readsAtOnce?: boolean }).readsAtOnce;
    }
    assertEquals(optimizer.stepCount, 0);
    optimizer.dispose();
  },
  { only: ["webgpu"] },
);
