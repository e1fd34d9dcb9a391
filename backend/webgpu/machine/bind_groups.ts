/**
 * Bind groups, which are made once for each pipeline and its buffers.
 *
 * @module
 */

/** The most bind groups that are kept. */
const MOST = 2 ** 14;

/** Numbers of pipelines and buffers. */
const numbers = new WeakMap<object, number>();
let count = 0;

function numberOf(thing: object): number {
  let number = numbers.get(thing);
  if (number === undefined) numbers.set(thing, number = count++);
  return number;
}

/** A bind group of a pipeline, with a buffer for each binding in order. */
export function makeBindGroup(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  bindings: readonly GPUBufferBinding[],
): GPUBindGroup {
  return device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: bindings.map((resource, binding) => ({ binding, resource })),
  });
}

/** Bind groups by what they bind. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #groups = new Map<string, GPUBindGroup>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The bind group of a pipeline and its bindings. */
  of(
    pipeline: GPUComputePipeline,
    bindings: readonly GPUBufferBinding[],
  ): GPUBindGroup {
    let key = `${numberOf(pipeline)}`;
    for (const { buffer, offset = 0, size } of bindings) {
      key += `,${numberOf(buffer)}:${offset}:${size ?? ""}`;
    }
    let group = this.#groups.get(key);
    if (!group) {
      if (this.#groups.size >= MOST) this.#groups.clear();
      group = makeBindGroup(this.#device, pipeline, bindings);
      this.#groups.set(key, group);
    }
    return group;
  }
}
