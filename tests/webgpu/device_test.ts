/** The device: with less than it could have, and what is said of it. */
import { assert, assertEquals } from "@std/assert";
import { workloads } from "../../bench/replay/models.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { backendInfo, random, train, useBackend } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";
import { closeDevice, LEAST_LIMITS, withAdapter } from "./_device.ts";

const only = ["webgpu"] as const;

/** Losses of some steps, on a device that is opened now. */
async function trained(): Promise<number[]> {
  closeDevice();
  await useBackend("webgpu");
  random.seed(1);
  const { loss, optimizer, batch } = workloads.tiny();
  const step = train.step(loss, optimizer), seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    const value = step(...batch(i));
    seen.push((await value.data())[0]!);
  }
  return seen;
}

onEachBackend("it trains the same without each feature", async () => {
  const losses = await trained();
  const { features } = backendInfo();
  const { device } = webGpuBackend();
  assert(
    features.every((name) => device.features.has(name as GPUFeatureName)),
  );
  for (
    const without of [
      "timestamp-query",
      "shader-f16",
      "subgroups",
      "bgra8unorm-storage",
    ]
  ) {
    await withAdapter({ without }, async () => {
      assertEquals(await trained(), losses);
      assertEquals(
        backendInfo().features,
        features.filter((name) => name !== without),
      );
    });
  }
}, { only });

onEachBackend("it trains with the least limits of WebGPU", async () => {
  const losses = await trained();
  await withAdapter({ limits: LEAST_LIMITS }, async () => {
    (await trained()).forEach((loss, i) =>
      assert(Math.abs(loss - losses[i]!) < 1e-5)
    );
    assertEquals(backendInfo().limits, LEAST_LIMITS);
  });
}, { only });

onEachBackend("it has the limits of its adapter", async () => {
  await trained();
  const adapter = await navigator.gpu.requestAdapter();
  const { limits } = backendInfo();
  for (const name in LEAST_LIMITS) {
    assertEquals(
      limits[name],
      adapter!.limits[name as "maxBufferSize"],
      name,
    );
  }
}, { only });
