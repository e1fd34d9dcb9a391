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

/** WebGPU cannot read synchronously; tfjs tries to, through a canvas. */
export function refuseSyncReads(): void {
  const backend = webGpuBackend();
  if (Object.hasOwn(backend, "readSync")) return;
  const read = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    const data = backend.tensorMap.get(dataId);
    const isOnHost = data.values != null || data.complexTensorInfos != null ||
      data.dtype === "string";
    if (isOnHost) return read(dataId);
    throw new Error(
      "Cannot read a tensor synchronously on WebGPU: use `await x.data()` instead of `x.dataSync()`",
    );
  };
}
