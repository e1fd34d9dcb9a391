/** Training steps on WebGPU: what they ask of the device, and what comes out. */
import { assert, assertEquals } from "@std/assert";
import { type Workload, workloads } from "../../bench/replay/models.ts";
import { random, tf, train, useBackend } from "../../mod.ts";
import { BACKENDS, FULL, onEachBackend } from "../_backends.ts";
import { runWorkload } from "../replay/_workload.ts";
import {
  closeDevice,
  counting,
  type Counts,
  LEAST_LIMITS,
  withAdapter,
} from "./_device.ts";

/** Sizes of four blocks, 128 wide: as in the benchmarks, or with fewer rows. */
const GPT = FULL ? {} : { batch: 2, context: 16 };

/** The most dispatches of a step. */
const STEPS: Readonly<Record<string, [make: () => Workload, most: number]>> = {
  "a perceptron": [() => workloads.mlp(FULL ? 128 : 32), 30],
  "a GPT of four blocks": [() => workloads.gpt(GPT), 300],
};

for (const [name, [make, most]] of Object.entries(STEPS)) {
  onEachBackend(
    `a step of ${name} is at most ${most} dispatches in two submits`,
    async () => {
      random.seed(1);
      const { loss, optimizer, batch } = make();
      const step = train.step(loss, optimizer), tensors = batch(0);
      let counts: Counts | undefined;
      for (let i = 0; i < 14; i++) {
        // Buffers take a few steps until the same ones serve each step.
        let value: tf.Scalar | undefined;
        counts = await counting(async () => {
          value = step(...tensors);
          await value.data();
        });
        value!.dispose();
      }
      console.log(`a step of ${name} and the read of its loss:`, counts);
      assert(counts!.dispatchWorkgroups <= most);
      assert(counts!.submit <= 2);
      assertEquals(counts!.createBuffer, 0);
      assertEquals(counts!.createBindGroup, 0);
      // The numbers of shaders: nothing else is put on the device.
      assert(counts!.writeBuffer <= 1);
      tf.dispose(tensors);
    },
    { only: ["webgpu"], eager: "a step as it is is counted" },
  );
}

/** The largest difference of numbers given by their bits, which is below `limit`. */
function worst(a: number[], b: number[], limit: number): number {
  const floats = (bits: number[]) =>
    new Float32Array(Int32Array.from(bits).buffer);
  const [x, y] = [floats(a), floats(b)];
  const most = x.reduce((most, v, i) => Math.max(most, Math.abs(v - y[i]!)), 0);
  assert(most < limit, `${most}`);
  return most;
}

const MODELS: Readonly<Record<string, () => Workload>> = {
  "a perceptron": () => workloads.mlp(8),
  "a convolutional network": () => workloads.cnn(2),
  "a GPT": () => workloads.gpt({ batch: 2, context: 12, layers: 2, width: 32 }),
  "an LSTM": () => workloads.lstm(6, 24),
  "batch normalization and dropout": () => workloads.awkward(),
};

for (const [name, make] of Object.entries(MODELS)) {
  const few = FULL ? 20 : 3;

  onEachBackend(
    `${name} has the same losses on a device with the least limits`,
    async () => {
      const { seen } = await runWorkload(make, 3, false);
      await withAdapter({ limits: LEAST_LIMITS }, async () => {
        closeDevice();
        await useBackend("webgpu");
        const least = await runWorkload(make, 3, false);
        worst(seen.losses!, least.seen.losses!, 1e-5);
      });
      closeDevice();
      await useBackend("webgpu");
    },
    { only: ["webgpu"] },
  );

  onEachBackend(`two runs of ${name} give the same bits`, async () => {
    const [first, second] = [
      await runWorkload(make, few, false),
      await runWorkload(make, few, false),
    ];
    assertEquals(first.seen, second.seen);
  }, { only: ["webgpu"] });

  Deno.test({
    name: `20 steps of ${name} agree with WASM`,
    ignore: !BACKENDS.includes("webgpu") || !BACKENDS.includes("wasm"),
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const losses: number[][] = [];
      for (const backend of ["wasm", "webgpu"] as const) {
        await useBackend(backend, { threads: 1 });
        const { seen } = await runWorkload(make, 20, false);
        losses.push(seen.losses!);
      }
      const [expected, actual] = losses as [number[], number[]];
      const most = worst(expected, actual, 1e-4);
      console.log(`${name}: losses of 20 steps differ by at most ${most}`);
    },
  });
}
