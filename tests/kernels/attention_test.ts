/** Attention, on every backend, against float64. */
import { assert, assertEquals } from "@std/assert";
import {
  bytesOf,
  layoutOf,
} from "../../backend/webgpu/kernels/attention_tiles.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import { nn, tf } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

type Shape = [number, number, number, number];

interface Sizes {
  readonly batch?: number;
  readonly heads?: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly causal: boolean;
}

/** The result, and the gradients in all inputs from that in the result. */
function reference(
  [q, k, v, dy]: readonly Float64Array[],
  { batch = 1, heads = 1, queries, keys, size, causal }: Sizes,
): Float64Array[] {
  const like = (x: Float64Array) => new Float64Array(x.length);
  const [y, dq, dk, dv] = [like(q!), like(q!), like(k!), like(v!)];
  const scale = 1 / Math.sqrt(size);
  const dot = (a: Float64Array, i: number, b: Float64Array, j: number) => {
    let sum = 0;
    for (let d = 0; d < size; d++) sum += a[i * size + d]! * b[j * size + d]!;
    return sum;
  };
  for (let n = 0; n < batch * heads; n++) {
    for (let i = 0; i < queries; i++) {
      const row = n * queries + i, first = n * keys;
      const count = causal ? i + keys - queries + 1 : keys;
      const scores = Array.from(
        { length: count },
        (_, j) => scale * dot(q!, row, k!, first + j),
      );
      const most = Math.max(...scores);
      const powers = scores.map((s) => Math.exp(s - most));
      const sum = powers.reduce((a, b) => a + b);
      const p = powers.map((e) => e / sum);
      const slopes = p.map((_, j) => dot(dy!, row, v!, first + j));
      const mean = p.reduce((s, w, j) => s + w * slopes[j]!, 0);
      p.forEach((weight, j) => {
        const ds = scale * weight * (slopes[j]! - mean);
        for (let d = 0; d < size; d++) {
          const at = row * size + d, other = (first + j) * size + d;
          y[at]! += weight * v![other]!;
          dv[other]! += weight * dy![at]!;
          dq[at]! += ds * k![other]!;
          dk[other]! += ds * q![at]!;
        }
      });
    }
  }
  return [y, dq, dk, dv];
}

function inputs(
  { batch = 1, heads = 1, queries, keys, size }: Sizes,
  scale = 2,
): { values: Float64Array[]; shapes: Shape[] } {
  const shapes = [queries, keys, keys, queries]
    .map((rows): Shape => [batch, heads, rows, size]);
  const values = shapes.map((shape, i) =>
    noise(tf.util.sizeFromShape(shape), i + 1, scale)
  );
  return { values, shapes };
}

const TABLE: readonly Sizes[] = [
  { queries: 1, keys: 1, size: 1, causal: true },
  { queries: 5, keys: 5, size: 3, causal: true },
  { batch: 2, heads: 3, queries: 16, keys: 16, size: 32, causal: true },
  { queries: 33, keys: 33, size: 8, causal: false },
  { batch: 2, heads: 2, queries: 5, keys: 9, size: 7, causal: true },
  { heads: 2, queries: 70, keys: 70, size: 64, causal: true },
  { queries: 65, keys: 65, size: 33, causal: true },
  { queries: 40, keys: 40, size: 128, causal: true },
  { queries: 3, keys: 50, size: 16, causal: true },
  { queries: 40, keys: 100, size: 20, causal: true },
  { queries: 50, keys: 7, size: 12, causal: false },
  { queries: 9, keys: 9, size: 132, causal: true },
  // More keys, and longer heads, than the blocks of a product.
  { queries: 270, keys: 300, size: 72, causal: true },
];

for (const sizes of TABLE) {
  const { queries, keys, size, causal } = sizes;
  onEachBackend(
    `attention of ${queries} queries and ${keys} keys of ${size}${
      causal ? ", causal" : ""
    }, and its gradients equal float64`,
    async () => {
      const { values, shapes } = inputs(sizes);
      await assertNoLeak(async () => {
        const [q, k, v, dy] = values.map((x, i) =>
          tf.tensor(Float32Array.from(x), shapes[i]!)
        ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
        const run = (...[q, k, v]: tf.Tensor[]) =>
          nn.scaledDotProductAttention(
            q as tf.Tensor4D,
            k as tf.Tensor4D,
            v as tf.Tensor4D,
            { causal },
          );
        const y = run(q, k, v), gradients = tf.grads(run)([q, k, v], dy);
        const wanted = reference(values, sizes);
        for (const [i, x] of [y, ...gradients].entries()) {
          const actual = await x.data();
          assertEquals(actual.length, wanted[i]!.length);
          wanted[i]!.forEach((want, at) => {
            const off = Math.abs(actual[at]! - want);
            assert(
              off < 2e-5 * Math.max(1, Math.abs(want)),
              `${["y", "dq", "dk", "dv"][i]} at ${at}: ${
                actual[at]
              } instead of ${want}`,
            );
          });
        }
        // The other order of axes, which holds the same.
        const swap = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);
        const swapped = tf.tidy(() => {
          const other = (...[q, k, v]: tf.Tensor[]) =>
            nn.scaledDotProductAttention(
              q as tf.Tensor4D,
              k as tf.Tensor4D,
              v as tf.Tensor4D,
              { causal, timeFirst: true },
            );
          const given = [q, k, v].map(swap);
          const all = [other(...given), ...tf.grads(other)(given, swap(dy))];
          return all.map(swap);
        });
        for (const [i, x] of [y, ...gradients].entries()) {
          assertEquals(await swapped[i]!.data(), await x.data());
        }
        const again = tf.grads(run)([q, k, v], dy);
        for (const [i, x] of again.entries()) {
          assertEquals(await x.data(), await gradients[i]!.data());
        }
        tf.dispose([q, k, v, dy, y, gradients, again, swapped]);
      });
    },
  );
}

onEachBackend("attention can be differentiated twice", async () => {
  const sizes = { queries: 3, keys: 3, size: 2, causal: true };
  const { values, shapes } = inputs(sizes, 1);
  const weights = noise(6, 9);
  const [q, k, v, dy] = values.map((x, i) =>
    tf.tensor(Float32Array.from(x), shapes[i]!)
  ) as tf.Tensor4D[];
  const second = tf.grad((q: tf.Tensor) => {
    const run = (q: tf.Tensor) =>
      nn.scaledDotProductAttention(q as tf.Tensor4D, k!, v!, { causal: true });
    const w = tf.tensor(Float32Array.from(weights), [1, 1, 3, 2]);
    return tf.sum(tf.mul(w, tf.grad(run)(q, dy)));
  })(q!);
  const at = (i: number, by: number) => {
    const [q, ...rest] = values, moved = q!.slice();
    moved[i]! += by;
    const [, dq] = reference([moved, ...rest], sizes);
    return dq!.reduce((s, x, j) => s + x * weights[j]!, 0);
  };
  (await second.data()).forEach((x, i) => {
    const want = (at(i, 1e-5) - at(i, -1e-5)) / 2e-5;
    assert(Math.abs(x - want) < 1e-5, `${x} instead of ${want}`);
  });
});

onEachBackend("attention of scores that are not finite is NaN", async () => {
  const q = tf.tensor4d([[[[NaN], [1]]]]), k = tf.tensor4d([[[[1], [2]]]]);
  const y = nn.scaledDotProductAttention(q, k, k, { causal: true });
  const [first, second] = await y.data();
  assert(Number.isNaN(first));
  assert(Number.isFinite(second));
  const far = tf.tensor4d([[[[-Infinity], [-Infinity]]]]);
  const one = tf.tensor4d([[[[1]]]]);
  const none = nn.scaledDotProductAttention(one, far, k);
  assert(Number.isNaN((await none.data())[0]));
});

/** The bytes of the largest memory that is taken while `fn` runs. */
async function largestOf(fn: () => Promise<void>): Promise<number> {
  let largest = 0;
  if (tf.getBackend() === "webgpu") {
    const { device } = webGpuBackend();
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      largest = Math.max(largest, descriptor.size);
      return create(descriptor);
    };
    await fn().finally(() => {
      delete (device as Partial<GPUDevice>).createBuffer;
    });
  } else {
    const backend = wasmBackend(), make = backend.makeOutput.bind(backend);
    backend.makeOutput = (shape, dtype, ...rest) => {
      largest = Math.max(largest, 4 * tf.util.sizeFromShape([...shape]));
      return make(shape, dtype, ...rest);
    };
    await fn().finally(() => {
      delete (backend as Partial<typeof backend>).makeOutput;
    });
  }
  return largest;
}

onEachBackend(
  "attention and its gradient hold no matrix of queries by keys",
  async () => {
    const time = 512, shape: Shape = [1, 1, time, 8];
    const x = tf.tensor4d(Float32Array.from(noise(8 * time, 1)), shape);
    const run = (x: tf.Tensor) =>
      nn.scaledDotProductAttention(
        x as tf.Tensor4D,
        x as tf.Tensor4D,
        x as tf.Tensor4D,
        { causal: true },
      );
    const largest = await largestOf(async () => {
      const y = run(x), dx = tf.grad(run)(x, tf.onesLike(x));
      await Promise.all([y.data(), dx.data()]);
    });
    assert(largest > 0 && largest < 4 * time * time, `${largest} bytes`);
  },
  { only: ["wasm", "webgpu"] },
);

Deno.test("the tiles of attention are the largest that fit", () => {
  const table: [size: number, limit: number, rows: number | undefined][] = [
    [32, 16384, 16],
    [32, 32768, 32],
    [33, 16384, 16],
    [64, 32768, 32],
    [128, 16384, 8],
    [128, 32768, 16],
    [128, 49152, 32],
    [129, 49152, undefined],
    [128, 8192, undefined],
  ];
  for (const [size, limit, rows] of table) {
    const layout = layoutOf(size, limit);
    assertEquals(layout?.rows, rows, `${size} in ${limit}`);
    if (layout) assert(bytesOf(layout) <= limit);
  }
});
