import { webGpuBackend } from "./backend.ts";

const guarded = new WeakSet<object>();

/**
 * Shaders that read from an empty tensor return what lies in memory; this makes
 * them throw before anything is dispatched.
 */
export function refuseEmptyInputs(): void {
  const backend = webGpuBackend();
  if (guarded.has(backend)) return;
  guarded.add(backend);
  const run = backend.runWebGPUProgram.bind(backend);
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    const shape = output?.shape ??
      (program as { outputShape: number[] }).outputShape;
    const isEmpty = ({ shape }: { shape: number[] }) => shape.includes(0);
    if (inputs.some(isEmpty) && !isEmpty({ shape })) {
      throw new Error(
        `Cannot run ${program.constructor.name} on WebGPU: no input may be empty: current value is ${
          inputs.map(({ shape }) => `[${shape}]`).join(", ")
        }`,
      );
    }
    return run(program, inputs, dtype, uniforms, output);
  };
}
