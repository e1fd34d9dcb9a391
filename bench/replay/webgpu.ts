/**
 * What a training step costs JavaScript on WebGPU, run op by op and compiled.
 *
 * ```sh
 * deno run -A bench/replay/webgpu.ts [--steps 40] [tiny awkward mlp lstm gpt ...]
 * ```
 *
 * Times are the least of all steps. They leave out `finish` and `submit`, where the
 * driver checks commands, and the device works if it is emulated. Counts are those of
 * one more step, and of the read of its loss.
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

/** Do something else in a method. */
function replace(
  target: object,
  name: string,
  make: (method: () => unknown) => () => unknown,
): void {
  const methods = target as Methods, method = methods[name]!;
  methods[name] = function (this: object, ...args) {
    return make(() => method.apply(this, args))();
  };
}

const driver: [object, string][] = [
  [queue, "submit"],
  [GPUCommandEncoder.prototype, "finish"],
];
for (const [target, name] of driver) {
  replace(target, name, (run) => () => {
    const start = performance.now();
    const result = run();
    driving += performance.now() - start;
    return result;
  });
}

/** Count the calls of these methods while `fn` runs. */
async function counted(fn: () => Promise<void>): Promise<void> {
  for (const key in counts) counts[key] = 0;
  const watched: [object, string][] = [
    [device, "createBindGroup"],
    [device, "createBuffer"],
    [queue, "writeBuffer"],
    ...driver,
    [GPUComputePassEncoder.prototype, "dispatchWorkgroups"],
  ];
  const before = watched.map(([target, name]) => (target as Methods)[name]!);
  for (const [target, name] of watched) {
    counts[name] = 0;
    replace(target, name, (run) => () => {
      counts[name]!++;
      return run();
    });
  }
  await fn();
  watched.forEach(([target, name], i) =>
    (target as Methods)[name] = before[i]!
  );
}

async function measure(name: keyof typeof workloads, isCompiled: boolean) {
  random.seed(1);
  const { loss, optimizer, batch } = workloads[name]();
  const plain = train.step(loss, optimizer);
  using compiled = compile(plain, { onFallback: "throw" });
  const step = isCompiled ? compiled : plain;
  const tensors = batch(0);
  let least = Infinity;
  const once = async () => {
    driving = 0;
    const start = performance.now();
    const value = step(...tensors);
    least = Math.min(least, performance.now() - start - driving);
    await value.data();
    value.dispose();
  };
  for (let i = 0; i < steps; i++) await once();
  await counted(once);
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
