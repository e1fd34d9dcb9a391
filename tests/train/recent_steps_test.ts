/** When it is read which steps count, and what is kept until then. */
import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { free, RecentSteps } from "../../train/recent_steps.ts";
import { onEachBackend } from "../_backends.ts";

/** Take steps until it should be read which of them count; returns how many. */
function fill(recent: RecentSteps<[tf.Tensor]>, x: tf.Tensor): number {
  for (let count = 1;; count++) {
    recent.add([x], count);
    recent.end(tf.scalar(1));
    if (recent.isFull) return count;
  }
}

onEachBackend(
  "it is read after 1, 2, 4, up to 32 steps, and after 1 again once one did not count",
  async () => {
    const before = tf.memory().numTensors;
    const x = tf.ones([3]), recent = new RecentSteps<[tf.Tensor]>();
    const counts: number[] = [];
    const confirm = async () => {
      counts.push(tf.tidy(() => fill(recent, x)));
      assertEquals(await recent.read(), { count: counts.at(-1), void: 0 });
      recent.confirm();
    };
    for (let i = 0; i < 7; i++) await confirm();
    assertEquals(counts, [1, 2, 4, 8, 16, 32, 32]);
    for (const open of [1, 0, 0]) {
      recent.add([x], open);
      recent.end(tf.tidy(() => tf.scalar(open)));
    }
    assertEquals(await recent.read(), { count: 1, void: 2 });
    free(recent.takeBack(1));
    assertEquals(recent.again.length, 1);
    await confirm();
    assertEquals(counts.at(-1), 1);
    recent.dispose();
    x.dispose();
    assertEquals(recent.again.length, 0);
    assertEquals(tf.memory().numTensors, before + 3); // what was given to `end`
  },
  { only: ["cpu"] },
);

onEachBackend("it is read once 128 MiB of batches are kept", () => {
  const x = tf.ones([2 ** 21]), recent = new RecentSteps<[tf.Tensor]>();
  const counts = Array.from({ length: 6 }, () => {
    const count = fill(recent, x);
    recent.confirm();
    return count;
  });
  assertEquals(counts, [1, 2, 4, 8, 16, 16]);
  recent.dispose();
}, { only: ["cpu"] });
