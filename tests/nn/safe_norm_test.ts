import { assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../../autodiff/mod.ts";
import { safeNorm } from "../../nn/mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

onEachBackend(
  "a norm of zero has gradient zero, others that of norm",
  async () => {
    const x = tf.tensor2d([[3, 4], [0, 0]]);
    const rows = safeNorm(x, { axis: 1 });
    assertEquals(await numbers(rows), [5, 0]);
    assertEquals(safeNorm(x, { axis: 1, keepDims: true }).shape, [2, 1]);
    const gradient = grad((x: tf.Tensor2D) => tf.sum(safeNorm(x, { axis: 1 })))(
      x,
    );
    const expected = [0.6, 0.8, 0, 0];
    for (const [i, value] of (await numbers(gradient)).entries()) {
      assertAlmostEquals(value, expected[i]!, 1e-6);
    }
    tf.dispose([x, rows, gradient]);
  },
);
