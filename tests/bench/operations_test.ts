/** The operations that the benchmarks count, against those of the kernels that run. */
import { assertAlmostEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { operationsOf } from "../../bench/operations.ts";
import { workloadOf } from "../../bench/workloads.ts";
import { train, useBackend } from "../../mod.ts";

type KernelInfo = Awaited<ReturnType<typeof tf.profile>>["kernels"][number];

/** Operations of a kernel, by the elements of its inputs and outputs. */
function operations({ name, inputShapes, outputShapes }: KernelInfo): number {
  const [a, b] = inputShapes as number[][], c = outputShapes[0]!;
  const size = tf.util.sizeFromShape;
  if (name === "RowsProduct") return 2 * size(a!) * c[1]!; // of some rows of b
  if (!["BatchMatMul", "_FusedMatMul"].includes(name)) return 0;
  // rows x sums, sums x columns and rows x columns, of which each side is in two.
  return 2 * Math.sqrt(size(a!) * size(b!) * size(c));
}

for (const name of ["tiny", "mlp32", "lstm"]) {
  Deno.test(`the products of a step of ${name} are as many as its kernels compute`, async () => {
    await useBackend("wasm");
    const { loss, optimizer, batch } = workloadOf(name);
    const step = train.step(loss, optimizer), tensors = batch(0);
    const { kernels } = await tf.profile(() => {
      step(...tensors).dispose();
    });
    const counted = kernels.reduce((sum, one) => sum + operations(one), 0);
    assertAlmostEquals(counted / operationsOf(name)!, 1, 0.02);
  });
}
