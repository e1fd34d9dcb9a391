import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import { floats, guarded, random, useWasm, values } from "./_wasm.ts";

/** A product in float64: the definition. */
function reference(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): { shape: number[]; values: Float64Array; scale: number } {
  const [p, q] = a.shape.slice(-2) as [number, number];
  const [r, s] = b.shape.slice(-2) as [number, number];
  const [M, K] = transposeA ? [q, p] : [p, q], N = transposeB ? r : s;
  const [A, B] = [a.dataSync(), b.dataSync()];
  const batchA = a.shape.slice(0, -2), batchB = b.shape.slice(0, -2);
  const rank = Math.max(batchA.length, batchB.length);
  const pad = (
    batch: number[],
  ) => [...Array(rank - batch.length).fill(1), ...batch];
  const [padA, padB] = [pad(batchA), pad(batchB)];
  const batch = padA.map((n, i) => n === 1 ? padB[i]! : n);
  const count = batch.reduce((x, y) => x * y, 1);
  const flat = (index: number[], dims: number[]) =>
    dims.reduce((at, n, i) => at * n + (n === 1 ? 0 : index[i]!), 0);
  const out = new Float64Array(count * M * N);
  for (let n = 0; n < count; n++) {
    const index: number[] = [];
    for (let axis = rank - 1, rest = n; axis >= 0; axis--) {
      index[axis] = rest % batch[axis]!;
      rest = Math.floor(rest / batch[axis]!);
    }
    const from = flat(index, padA) * M * K, right = flat(index, padB) * K * N;
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          sum += A[from + (transposeA ? k * M + i : i * K + k)]! *
            B[right + (transposeB ? j * K + k : k * N + j)]!;
        }
        out[(n * M + i) * N + j] = sum;
      }
    }
  }
  return { shape: [...batch, M, N], values: out, scale: 1 + Math.sqrt(K) };
}

function assertProduct(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): void {
  const c = tf.matMul(a, b, transposeA, transposeB);
  const want = reference(a, b, transposeA, transposeB), got = c.dataSync();
  assertEquals(c.shape, want.shape);
  const what = `[${a.shape}] x [${b.shape}] ${transposeA} ${transposeB}`;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i]! - want.values[i]!) / want.scale;
    assert(error < 2e-6, `${what}: ${got[i]} for ${want.values[i]} at ${i}`);
  }
}

const BATCHES: [number[], number[]][] = [
  [[], []],
  [[3], [3]],
  [[3], []],
  [[], [3]],
  [[1], [4]],
  [[4], [1]],
  [[2, 3], [2, 3]],
  [[2, 1], [1, 3]],
  [[3, 1], [3, 2]],
  [[2, 3], [3]],
  [[2], [3, 1]],
  [[2, 1, 3], [2, 2, 1]],
];

for (const threads of [1, 2]) {
  Deno.test({
    name:
      `matMul is right for all transposes, sizes and batches, with ${threads} threads`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await useWasm(threads);
      const next = random(threads);
      const pick = <T>(from: readonly T[]) =>
        from[Math.floor(next() * from.length)]!;
      const sizes = [1, 2, 3, 5, 6, 7, 8, 9, 13, 16, 17, 31, 64, 65];
      for (let i = 0; i < 150; i++) {
        const [batchA, batchB] = pick(BATCHES);
        const [M, N, K] = [pick(sizes), pick(sizes), pick(sizes)];
        const ta = next() < 0.5, tb = next() < 0.5;
        guarded(() => {
          const make = (batch: number[], r: number, c: number) => {
            const shape = [...batch, r, c];
            return tf.tensor(floats(tf.util.sizeFromShape(shape), next), shape);
          };
          const a = ta ? make(batchA, K, M) : make(batchA, M, K);
          const b = tb ? make(batchB, N, K) : make(batchB, K, N);
          assertProduct(a, b, ta, tb);
        });
      }
      // Past every block: 240 rows, 256 inner, and work for several threads.
      for (
        const [ta, tb] of [[false, false], [true, false], [false, true], [
          true,
          true,
        ]]
      ) {
        guarded(() => {
          const a = tf.tensor(
            floats(250 * 300, next),
            ta ? [300, 250] : [250, 300],
          );
          const b = tf.tensor(
            floats(300 * 133, next),
            tb ? [133, 300] : [300, 133],
          );
          assertProduct(a, b, ta!, tb!);
        });
      }
    },
  });
}

Deno.test({
  name: "matMul gives the same bits with 1, 2 and 4 threads",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const results: string[] = [];
    for (const threads of [1, 2, 4]) {
      await useWasm(threads);
      const next = random(7);
      let bits = "";
      for (
        const [M, K, N] of [[242, 300, 96], [1, 500, 3000], [2, 400, 2001], [
          97,
          64,
          900,
        ]]
      ) {
        for (const flags of [0, 1, 2, 3]) {
          tf.tidy(() => {
            const ta = !!(flags & 1), tb = !!(flags & 2);
            const a = tf.tensor(
              floats(M! * K!, next),
              ta ? [K!, M!] : [M!, K!],
            );
            const b = tf.tensor(
              floats(K! * N!, next),
              tb ? [N!, K!] : [K!, N!],
            );
            const c = new Int32Array(tf.matMul(a, b, ta, tb).dataSync().buffer);
            bits += c.reduce((hash, x) => (Math.imul(hash, 31) + x) | 0, 0) +
              " ";
          });
        }
      }
      results.push(bits);
    }
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
    await useWasm(1);
  },
});

Deno.test("matMul of the same data under another shape is right, and leaves memory whole", async () => {
  await useWasm();
  guarded(() => {
    const b = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    assertEquals(values(tf.matMul(tf.ones([1, 2]), b)), [5, 7, 9]);
    assertEquals(values(tf.matMul(tf.ones([1, 3]), tf.reshape(b, [3, 2]))), [
      9,
      12,
    ]);
    assertEquals(values(tf.matMul(tf.ones([1, 2]), b)), [5, 7, 9]);
  });
});

Deno.test("matMul sees a right operand that was overwritten in place", async () => {
  await useWasm();
  tf.tidy(() => {
    const a = tf.ones([1, 2]), b = tf.ones([2, 2]);
    assertEquals(values(tf.matMul(a, b)), [2, 2]);
    wasmBackend().typedArrayFromHeap(b).fill(10);
    assertEquals(values(tf.matMul(a, b)), [20, 20]);
  });
});

Deno.test("matMul with inner dimension 0 is zero, and of no rows is empty", async () => {
  await useWasm();
  guarded(() => {
    assertEquals(
      values(tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3]))),
      Array(6).fill(0),
    );
    assertEquals(tf.matMul(tf.zeros([0, 2]), tf.zeros([2, 3])).shape, [0, 3]);
    const bias = tf.tensor1d([1, -2, 3]);
    const options = {
      a: tf.zeros([2, 0]) as tf.Tensor2D,
      b: tf.zeros([0, 3]) as tf.Tensor2D,
    };
    const y = tf.fused.matMul({ ...options, bias, activation: "relu" });
    assertEquals(values(y), [1, 0, 3, 1, 0, 3]);
  });
});

Deno.test("matMul of int32 is exact and stays int32", async () => {
  await useWasm();
  guarded(() => {
    const a = tf.tensor2d([[1, 2], [3, 4]], [2, 2], "int32");
    const c = tf.matMul(a, a, true, false);
    assertEquals([c.dtype, values(c)], ["int32", [10, 14, 14, 20]]);
  });
});

Deno.test("matMul of bool throws rather than returning garbage", async () => {
  await useWasm();
  const a = tf.tensor2d([[true]]);
  assertThrows(() => tf.matMul(a, a), TypeError, "must be float32 or int32");
  a.dispose();
});

Deno.test("matMul propagates NaN, also through relu", async () => {
  await useWasm();
  guarded(() => {
    const a = tf.tensor2d([[NaN, 1], [1, 1]]), b = tf.tensor2d([[1], [-2]]);
    assertEquals(values(tf.matMul(a, b)), [NaN, -1]);
    const y = tf.fused.matMul({ a, b, activation: "relu" });
    assertEquals(values(y), [NaN, 0]);
  });
});

Deno.test("fused matMul adds a bias of any broadcastable shape once, then the activation", async () => {
  await useWasm();
  const next = random(3);
  const shapes: [number[], number[], boolean][] = [
    [[3, 100], [100, 4], false],
    [[3, 100], [4, 100], true],
    [[2, 3, 100], [2, 4, 100], true],
    [[1, 100], [100, 4], false],
  ];
  const activations = [
    "linear",
    "relu",
    "relu6",
    "elu",
    "sigmoid",
    "leakyrelu",
  ] as const;
  for (const [shapeA, shapeB, transposeB] of shapes) {
    for (const biasShape of [[4], [1], [3, 1], [3, 4], [1, 4], []]) {
      if (shapeA.at(-2) === 1 && biasShape[0] === 3) continue;
      for (const activation of activations) {
        guarded(() => {
          const tensor = (shape: number[]) =>
            tf.tensor(floats(tf.util.sizeFromShape(shape), next), shape);
          const a = tensor(shapeA),
            b = tensor(shapeB),
            bias = tensor(biasShape);
          const inputs = { a, b, bias };
          const attrs = {
            transposeA: false,
            transposeB,
            activation,
            leakyreluAlpha: 0.1,
          };
          const y = tf.engine().runKernel(
            "_FusedMatMul",
            inputs,
            attrs,
          ) as tf.Tensor;
          const sum = tf.add(tf.matMul(a, b, false, transposeB), bias);
          const want = {
            linear: () => sum,
            relu: () => tf.relu(sum),
            relu6: () => tf.relu6(sum),
            elu: () => tf.elu(sum),
            sigmoid: () => tf.sigmoid(sum),
            leakyrelu: () => tf.leakyRelu(sum, 0.1),
          }[activation]();
          assertEquals(y.shape, want.shape);
          const error = tf.max(tf.abs(tf.sub(y, want))).dataSync()[0]!;
          assert(
            error < 1e-5,
            `${shapeA} ${biasShape} ${activation}: ${error}`,
          );
        });
      }
    }
  }
});

Deno.test("matMul of shapes that do not fit throws and says which", async () => {
  await useWasm();
  const a = tf.zeros([2, 3]), b = tf.zeros([2, 3]);
  assertThrows(() => tf.matMul(a, b), Error, "2,3");
  a.dispose();
  b.dispose();
});
