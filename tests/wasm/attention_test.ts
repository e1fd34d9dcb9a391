/** Attention on WASM: what it reads and writes, and threads. */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { guarded, random, tensor, useWasm, values } from "./_wasm.ts";

type Row = [batch: number, queries: number, keys: number, size: number];

/** The result of attention of three heads, and its gradients. */
function attend([batch, queries, keys, size]: Row, timeFirst: boolean) {
  const next = random(5), attrs = { causal: true, timeFirst };
  const make = (time: number) =>
    tensor(
      timeFirst ? [batch, time, 3, size] : [batch, 3, time, size],
      next,
    );
  const inputs = { query: make(queries), key: make(keys), value: make(keys) };
  const [y, lse] = runKernel("Attention", inputs, attrs) as unknown as [
    tf.Tensor,
    tf.Tensor,
  ];
  const dy = make(queries);
  const gradients = runKernel(
    "AttentionGrad",
    { ...inputs, y, lse, dy },
    attrs,
  ) as unknown as tf.Tensor[];
  return [y, ...gradients].map(values);
}

const TABLE: readonly Row[] = [
  [1, 1, 1, 1],
  [2, 5, 7, 3],
  [2, 23, 25, 9],
  [1, 24, 24, 8],
  [3, 50, 61, 12],
];

Deno.test("attention writes all of its results, and nothing else", async () => {
  await useWasm();
  for (const row of TABLE) {
    for (const timeFirst of [false, true]) {
      guarded(() => {
        const results = attend(row, timeFirst);
        // Memory that was not written is NaN here.
        assert(results.every((x) => x.every(Number.isFinite)), `${row}`);
      });
    }
  }
});

Deno.test({
  name:
    "attention and its gradients have the same bits with any number of threads",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const results: number[][][] = [];
    for (const threads of [1, 2, 5]) {
      await useWasm(threads);
      results.push(tf.tidy(() => attend([4, 70, 70, 24], true)));
    }
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
    await useWasm(1);
  },
});
