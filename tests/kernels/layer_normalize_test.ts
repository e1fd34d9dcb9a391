/** Layer normalization with a scale and a shift, on every backend, against float64. */
import { assert, assertEquals } from "@std/assert";
import { layerNormalize } from "../../backend/ops/layer_normalize.ts";
import { tf, useBackend } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { noise } from "./_float64.ts";

const EPS = 1e-3;

/** The result, and the gradients in `x`, the scale and the shift. */
function reference(
  [x, weight, bias, dy]: readonly Float64Array[],
  columns: number,
): Float64Array[] {
  const y = new Float64Array(x!.length), dx = new Float64Array(x!.length);
  const dWeight = new Float64Array(columns), dBias = new Float64Array(columns);
  for (let first = 0; first < x!.length; first += columns) {
    const at = Array.from({ length: columns }, (_, c) => first + c);
    const mean = (f: (i: number, c: number) => number) =>
      at.reduce((sum, i, c) => sum + f(i, c), 0) / columns;
    const center = mean((i) => x![i]!);
    const scale = 1 / Math.sqrt(mean((i) => (x![i]! - center) ** 2) + EPS);
    const z = at.map((i) => (x![i]! - center) * scale);
    const dz = at.map((i, c) => dy![i]! * weight![c]!);
    const average = mean((_, c) => dz[c]!);
    const slope = mean((_, c) => dz[c]! * z[c]!);
    at.forEach((i, c) => {
      y[i] = z[c]! * weight![c]! + bias![c]!;
      dx[i] = (dz[c]! - average - z[c]! * slope) * scale;
      dWeight[c]! += dy![i]! * z[c]!;
      dBias[c]! += dy![i]!;
    });
  }
  return [y, dx, dWeight, dBias];
}

const SHAPES = [[5, 1], [4, 3], [70, 4], [3, 2, 17], [7, 65], [600, 130], [
  2,
  5000,
]];

for (
  const [name, hasWeight, hasBias] of [
    ["a scale and a shift", true, true],
    ["a scale", true, false],
    ["a shift", false, true],
    ["neither", false, false],
  ] as const
) {
  onEachBackend(
    `layer normalization with ${name}, and its gradients equal float64`,
    async () => {
      for (const shape of SHAPES) {
        const columns = shape.at(-1)!, size = tf.util.sizeFromShape(shape);
        const values = [
          noise(size, 1, 3),
          hasWeight ? noise(columns, 2) : new Float64Array(columns).fill(1),
          hasBias ? noise(columns, 3) : new Float64Array(columns),
          noise(size, 4),
        ];
        const wanted = reference(values, columns);
        await assertNoLeak(async () => {
          const [x, weight, bias, dy] = values.map((v, i) =>
            tf.tensor(Float32Array.from(v), i % 3 === 0 ? shape : [columns])
          ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
          const given = [
            x,
            ...hasWeight ? [weight] : [],
            ...hasBias ? [bias] : [],
          ];
          const run = (x: tf.Tensor, ...rest: tf.Tensor[]) =>
            layerNormalize(x, {
              eps: EPS,
              weight: hasWeight ? rest[0] : undefined,
              bias: hasBias ? rest.at(-1) : undefined,
            });
          const y = tf.tidy(() => run(x, ...given.slice(1)));
          const gradients = tf.grads(run)(given, dy);
          const expected = [
            ...wanted.slice(0, 2),
            ...hasWeight ? [wanted[2]!] : [],
            ...hasBias ? [wanted[3]!] : [],
          ];
          for (const [k, z] of [y, ...gradients].entries()) {
            const actual = await z.data();
            assertEquals(actual.length, expected[k]!.length);
            expected[k]!.forEach((want, i) => {
              const off = Math.abs(actual[i]! - want);
              assert(
                off <= 3e-5 * Math.max(1, Math.abs(want)),
                `result ${k} of [${shape}] at ${i}: ${
                  actual[i]
                } instead of ${want}`,
              );
            });
          }
          tf.dispose([x, weight, bias, dy, y, gradients]);
        });
      }
    },
  );
}

onEachBackend("layer normalization can be differentiated twice", async () => {
  const values = [noise(12, 1, 2), noise(4, 2), noise(4, 3), noise(12, 4)];
  const others = noise(12, 5);
  const [x, weight, bias, dy] = values.map((v, i) =>
    tf.tensor(Float32Array.from(v), i % 3 === 0 ? [3, 4] : [4])
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const run = (x: tf.Tensor) => layerNormalize(x, { eps: EPS, weight, bias });
  const v = tf.tensor(Float32Array.from(others), [3, 4]);
  const second = tf.grad((x: tf.Tensor) =>
    tf.sum(tf.mul(v, tf.grad(run)(x, dy)))
  )(x);
  const at = (i: number, by: number) => {
    const moved = values[0]!.slice();
    moved[i]! += by;
    const [, dx] = reference([moved, ...values.slice(1)], 4);
    return dx!.reduce((sum, d, j) => sum + d * others[j]!, 0);
  };
  (await second.data()).forEach((actual, i) => {
    const want = (at(i, 1e-5) - at(i, -1e-5)) / 2e-5;
    assert(Math.abs(actual - want) < 1e-4, `${actual} instead of ${want}`);
  });
});

onEachBackend(
  "layer normalization gives NaN and infinities where cpu does",
  async (backend) => {
    const rows = [[NaN, 1, 2], [Infinity, 1, 2], [3, 3, 3], [0, 1, 2]];
    const seen: string[][] = [];
    for (const on of ["cpu", backend] as const) {
      await useBackend(on, { threads: 1 });
      const y = layerNormalize(tf.tensor2d(rows), {
        eps: EPS,
        weight: tf.tensor1d([1, Infinity, 2]),
        bias: tf.tensor1d([0, 1, NaN]),
      });
      const kind = (x: number) => Number.isFinite(x) ? "finite" : `${x}`;
      seen.push([...await y.data()].map(kind));
    }
    assertEquals(seen[1], seen[0]);
  },
  { only: ["wasm", "webgpu"] },
);

onEachBackend("layer normalization of nothing is nothing", () => {
  const weight = tf.ones([5]);
  const y = layerNormalize(tf.zeros([0, 5]), { eps: EPS, weight });
  assertEquals(y.shape, [0, 5]);
});
