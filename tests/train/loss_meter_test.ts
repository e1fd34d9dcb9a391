/** Reading losses together. */
import { assertEquals } from "@std/assert";
import { tf } from "../../mod.ts";
import { LossMeter } from "../../train/logs/loss_meter.ts";
import { onEachBackend } from "../_backends.ts";

onEachBackend(
  "a reading waits for one that is under way, and lacks none of its losses",
  async () => {
    const meter = new LossMeter();
    meter.add(tf.scalar(1));
    meter.add(tf.scalar(2));
    const first = meter.read();
    assertEquals(await meter.read(), [1, 2]);
    assertEquals(await first, [1, 2]);
  },
);
