/**
 * Which buffers the shaders of a device write.
 *
 * @module
 */

const WRITTEN = /@binding\((\d+)\)\s*var<storage,\s*read_write>/g;

/** The numbers of the bindings that pipelines write. */
const written = new WeakMap<GPUComputePipeline, ReadonlySet<number>>();

/** The numbers of the bindings that a pipeline writes; undefined if nobody noted them. */
export function writtenBy(
  pipeline: GPUComputePipeline,
): ReadonlySet<number> | undefined {
  return written.get(pipeline);
}

/** From now on, note what each pipeline of `device` writes. */
export function notePipelines(device: GPUDevice): void {
  const codes = new WeakMap<GPUShaderModule, string>();
  const module = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const result = module(descriptor);
    codes.set(result, descriptor.code as string);
    return result;
  };
  const note = (
    pipeline: GPUComputePipeline,
    { compute }: GPUComputePipelineDescriptor,
  ) => {
    const code = codes.get(compute.module);
    if (code === undefined) return pipeline;
    const numbers = [...code.matchAll(WRITTEN)].map(([, n]) => Number(n));
    written.set(pipeline, new Set(numbers));
    return pipeline;
  };
  const create = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) =>
    note(create(descriptor), descriptor);
  const createLater = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = async (descriptor) =>
    note(await createLater(descriptor), descriptor);
}
