import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { nextOrOld, stillOpen } from "../backend/gate.ts";
import { numbers, onEachBackend } from "./_backends.ts";

onEachBackend(
  "steps count until a loss is not finite, and never again",
  async () => {
    const losses: [number, number][] = [
      [0, 1],
      [-1.5, 1],
      [1e-45, 1],
      [3.4028234663852886e38, 1],
      [-3.4028234663852886e38, 1],
      [NaN, 0],
      [Infinity, 0],
      [-Infinity, 0],
    ];
    for (const open of [1, 0]) {
      for (const [loss, expected] of losses) {
        // On the device, as the loss of a model is.
        const computed = tf.mul<tf.Scalar>(tf.scalar(loss), tf.ones([]));
        const next = stillOpen(tf.scalar(open), computed);
        assertEquals(await numbers(next), [open * expected], `${open} ${loss}`);
      }
    }
  },
);

onEachBackend(
  "what is written is the old value once steps do not count",
  async () => {
    const cases: [
      next: number[],
      old: number[],
      dtype: "float32" | "int32" | "bool",
    ][] = [
      [[1, NaN, -Infinity], [4, 5, 6], "float32"],
      [[2 ** 24 + 1, -7, 0], [2 ** 30 + 1, 3, 1], "int32"],
      [[1, 0, 1], [0, 0, 1], "bool"],
    ];
    for (const [next, old, dtype] of cases) {
      const [a, b] = [next, old].map((x) => tf.tensor1d(x, dtype));
      for (const open of [1, 0]) {
        const kept = nextOrOld(tf.scalar(open), a!, b!);
        assertEquals([kept.dtype, kept.shape], [dtype, [3]]);
        assertEquals(await numbers(kept), open ? next : old);
      }
    }
    const none = tf.zeros([0, 3]);
    assertEquals(nextOrOld(tf.scalar(0), none, none).shape, [0, 3]);
  },
);
