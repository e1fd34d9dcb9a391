import { isWritten, type Shader } from "./wgsl_shader.ts";

/**
 * The pipeline of a shader. Its layout is explicit: an automatic one drops what the
 * shader ignores.
 */
export function compile(device: GPUDevice, shader: Shader): GPUComputePipeline {
  const layout = device.createBindGroupLayout({
    entries: shader.bindings.map((bound, binding) => {
      const type: GPUBufferBindingType = bound.kind === "uniform"
        ? "uniform"
        : isWritten(bound)
        ? "storage"
        : "read-only-storage";
      return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
    }),
  });
  return device.createComputePipeline({
    label: "fusion",
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: shader.code }) },
  });
}
