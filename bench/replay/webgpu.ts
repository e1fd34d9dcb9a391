/**
 * What a training step costs JavaScript on WebGPU, run op by op and compiled.
 *
 * ```sh
 * deno run -A bench/replay/webgpu.ts [--steps 40] [tiny awkward mlp lstm gpt ...]
 * ```
 *
 * Times are the least of all steps. They leave out `finish` and `submit`, where the
 * driver checks commands, and the device works if it is emulated. Counts are those of
 * one step, and of the read of its loss.
 */
import { parseArgs } from "node:util";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { compile, random, tf, train, useBackend } from "../../mod.ts";
import { workloads } from "./models.ts";

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { steps: { type: "string", default: "40" } },
});
const steps = Number(options.steps);

await useBackend("webgpu");
const { device, queue } = webGpuBackend();
const counts: Record<string, number> = {};
let driving = 0;

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Count the calls of a method; time those of the driver. */
function watch(target: object, name: string, isTimed = false): void {
  const methods = target as Methods;
  const method = methods[name]!;
  methods[name] = function (this: object, ...args) {
    counts[name] = (counts[name] ?? 0) + 1;
    const start = performance.now();
    const result = method.apply(this, args);
    if (isTimed) driving += performance.now() - start;
    return result;
  };
}

watch(device, "createBindGroup");
watch(device, "createBuffer");
watch(queue, "writeBuffer");
watch(queue, "submit", true);
watch(GPUCommandEncoder.prototype, "finish", true);
watch(GPUComputePassEncoder.prototype, "dispatchWorkgroups");

async function measure(name: keyof typeof workloads, isCompiled: boolean) {
  random.seed(1);
  const { loss, optimizer, batch } = workloads[name]();
  const plain = train.step(loss, optimizer);
  using compiled = compile(plain, { onFallback: "throw" });
  const step = isCompiled ? compiled : plain;
  const tensors = batch(0);
  let least = Infinity;
  for (let i = 0; i < steps; i++) {
    for (const key in counts) counts[key] = 0;
    driving = 0;
    const start = performance.now();
    const value = step(...tensors);
    least = Math.min(least, performance.now() - start - driving);
    await value.data();
    value.dispose();
  }
  const [program] = compiled.report().programs;
  tf.dispose(tensors);
  return { least, counts: { ...counts }, bytes: program?.bytes };
}

const names = positionals.length > 0 ? positionals : ["tiny", "awkward", "mlp"];
for (const name of names as (keyof typeof workloads)[]) {
  const eager = await measure(name, false);
  const replayed = await measure(name, true);
  const show = ({ counts }: typeof eager) =>
    Object.entries(counts).map(([key, n]) => `${key} ${n}`).join(", ");
  console.log(
    `${name}: ${eager.least.toFixed(2)} ms op by op, ${
      replayed.least.toFixed(2)
    } ms compiled (${(eager.least / replayed.least).toFixed(1)}x), ${
      (replayed.bytes! / 2 ** 20).toFixed(2)
    } MiB of buffers
  op by op: ${show(eager)}
  compiled: ${show(replayed)}`,
  );
}
Deno.exit();
