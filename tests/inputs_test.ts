/** What ops say of tensors that are gone, and that they take arrays. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { autodiff, nn, tf, useBackend } from "../mod.ts";
import { engine } from "../internal/engine.ts";
import { BACKENDS, numbers, onEachBackend } from "./_backends.ts";

const m = [[1, 2], [3, 4]];

/** Ops of one square matrix. */
const OPS: Record<string, (x: tf.Tensor) => unknown> = {
  abs: (x) => tf.abs(x),
  add: (x) => tf.add(x, 1),
  addN: (x) => tf.addN([x, x]),
  batchNorm: (x) => tf.batchNorm(x, [1, 1], [1, 1]),
  broadcastTo: (x) => tf.broadcastTo(x, [2, 2, 2]),
  clone: (x) => tf.clone(x),
  complex: (x) => tf.complex(x, x),
  cumsum: (x) => tf.cumsum(x),
  divNoNan: (x) => tf.divNoNan(x, x),
  einsum: (x) => tf.einsum("ij,jk->ik", x, x),
  "fused.matMul": (x) =>
    tf.fused.matMul({ a: x as tf.Tensor2D, b: x as tf.Tensor2D }),
  greater: (x) => tf.greater(x, 0),
  logSigmoid: (x) => tf.logSigmoid(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  logSumExp: (x) => tf.logSumExp(x),
  "losses.softmaxCrossEntropy": (x) => tf.losses.softmaxCrossEntropy(x, x),
  matMul: (x) => tf.matMul(x, x),
  norm: (x) => tf.norm(x),
  rfft: (x) => tf.spectral.rfft(x),
  split: (x) => tf.split(x, 2),
  stack: (x) => tf.stack([x, x]),
  stridedSlice: (x) => tf.stridedSlice(x, [0, 0], [1, 1]),
  sum: (x) => tf.sum(x),
  unstack: (x) => tf.unstack(x),
  where: (x) => tf.where(tf.tensor2d([[1, 0], [1, 1]], [2, 2], "bool"), x, x),
};

for (const [name, run] of Object.entries(OPS)) {
  onEachBackend(`${name} names a tensor that has been disposed`, () => {
    const x = tf.tensor2d(m);
    x.dispose();
    assertThrows(
      () => run(x),
      TypeError,
      "must be a tensor that has not been disposed: current value is a tensor of float32 with shape [2,2]",
    );
  });

  onEachBackend(`${name} takes an array for a tensor`, async () => {
    const values = async (x: tf.Tensor) => {
      const results = [run(x)].flat() as tf.Tensor[];
      return await Promise.all(
        results.map(async (y) =>
          y.dtype === "complex64"
            ? [...await numbers(tf.real(y)), ...await numbers(tf.imag(y))]
            : await numbers(y)
        ),
      );
    };
    if (name === "clone") return; // of tensors only
    assertEquals(
      await values(m as unknown as tf.Tensor),
      await values(tf.tensor2d(m)),
    );
  });
}

Deno.test("what is neither a tensor nor an array is named", async () => {
  await useBackend("cpu");
  const wrong = undefined as unknown as tf.Tensor;
  const cases: [() => unknown, string][] = [
    [() => tf.einsum("i->i", wrong), "Cannot take einsum: tensors[0]"],
    [() => tf.logSumExp(wrong), "Cannot take logSumExp: x"],
    [() => tf.norm(wrong), "Cannot take norm: x"],
    [() => tf.where(wrong, 1, 2), "Cannot take where: condition"],
    [() => tf.addN([wrong]), "Cannot add: tensors[0]"],
  ];
  for (const [run, start] of cases) {
    assertThrows(
      run,
      TypeError,
      `${start} must be a tensor or an array of numbers: current value is undefined`,
    );
  }
  assertThrows(
    () => tf.spectral.irfft(tf.tensor1d([1, 2])),
    TypeError,
    "Cannot take irfft: input must be of complex64",
  );
});

Deno.test("a gradient, too, names a tensor that has been disposed", async () => {
  await useBackend("cpu");
  const gone = tf.ones([2]);
  gone.dispose();
  assertThrows(
    () =>
      autodiff.grad((x: tf.Tensor1D) => tf.sum(tf.mul(x, gone)))(
        tf.tensor1d([1, 2]),
      ),
    TypeError,
    "Cannot run Multiply: b must be a tensor that has not been disposed",
  );
  assertThrows(() => nn.gelu(gone), TypeError, "disposed");
});

Deno.test("tensors of cpu and WASM follow to the other backend", async () => {
  await useBackend("wasm", { threads: 1 });
  const x = tf.tensor1d([1, 2]);
  await useBackend("cpu");
  assertEquals(await numbers(tf.add(x, 1)), [2, 3]);
  const y = tf.tensor1d([5]);
  await useBackend("wasm", { threads: 1 });
  assertEquals(await numbers(tf.add(y, 1)), [6]);
  tf.dispose([x, y]);
});

Deno.test("a tensor whose backend was removed is named", async () => {
  await useBackend("cpu");
  const x = tf.tensor1d([1, 2]);
  const { registry } = engine(), { cpu } = registry;
  await useBackend("wasm", { threads: 1 });
  registry["cpu"] = undefined;
  try {
    assertThrows(
      () => tf.add(x, 1),
      TypeError,
      "Cannot run Add on wasm: a must be a tensor whose backend still runs: current value is a tensor of float32 with shape [2]",
    );
  } finally {
    registry["cpu"] = cpu;
  }
  x.dispose();
});

Deno.test({
  name: "a tensor left on WebGPU is named, and can still be read",
  ignore: !BACKENDS.includes("webgpu"),
  async fn() {
    await useBackend("webgpu");
    const x = tf.add(tf.ones([2000]), 1);
    for (const backend of ["cpu", "wasm"] as const) {
      await useBackend(backend, { threads: 1 });
      for (const run of [() => tf.add(x, 1), () => tf.concat([x, x])]) {
        assertThrows(
          run,
          TypeError,
          `must be a tensor of ${backend}: those of webgpu do not move; read it with \`await x.data()\` before, and make it anew: current value is a tensor of float32 with shape [2000]`,
        );
      }
    }
    assertEquals((await x.data())[7], 2);
    x.dispose();
    await assertRejects(async () => await x.data(), Error, "disposed");
  },
});
