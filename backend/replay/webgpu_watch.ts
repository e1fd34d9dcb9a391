/**
 * Sees the tensors that tfjs' WebGPU backend makes, and the commands that it gives.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { engine } from "../../internal/engine.ts";
import type { WebGpuBackend } from "../webgpu/backend.ts";
import { elementCodeOf } from "../webgpu/elements.ts";
import type { Dispatch } from "./webgpu_recorded.ts";

/** A dispatch, but for what is bound. */
export type Work = Omit<Dispatch, "kind" | "bindings">;

/** The kernel and the shader that are running. */
type Running = { -readonly [K in "kernel" | "code"]: Dispatch[K] };

/** Told of tensors, buffers and commands. */
export interface CommandListener {
  /** Data was made, of `values` or uninitialized. */
  made(dataId: object, values: tf.BackendValues | null, dtype: string): void;
  /** Data is used on the device; it was put there just now if `isNew`. */
  uploaded(
    dataId: object,
    values: tf.BackendValues | null,
    buffer: GPUBuffer,
    isNew: boolean,
  ): void;
  /** A shader writes data that is there before. */
  overwrites(dataId: object): void;
  /** Data is read; returns its values if they are known. */
  reads(dataId: object): tf.BackendValues | undefined;
  /** A buffer is used for something new. */
  acquired(buffer: GPUBuffer): void;
  /** Bytes were written to a buffer. */
  wrote(buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void;
  /** A shader runs. */
  dispatched(entries: readonly GPUBindGroupEntry[], work: Work): void;
  /** A part of a buffer is copied, from and to these offsets. */
  copied(
    from: GPUBuffer,
    fromOffset: number,
    to: GPUBuffer,
    toOffset: number,
    bytes: number,
  ): void;
}

/** Run `fn` while `listener` is told of what `backend` does. */
export function watchingGpu<T>(
  backend: WebGpuBackend,
  listener: CommandListener,
  fn: () => T,
): T {
  backend.submitQueue(); // what was asked before is not part of it
  backend.isRecorded = true;
  const running: Running = { kernel: "", code: undefined };
  const undo = [
    ...watchTensors(backend, listener),
    ...watchKernels(backend, listener, running),
    ...watchDevice(backend.device, listener, running),
  ];
  try {
    return fn();
  } finally {
    backend.submitQueue();
    backend.isRecorded = false;
    for (const restore of undo) restore();
  }
}

function watchTensors(
  backend: WebGpuBackend,
  listener: CommandListener,
): (() => void)[] {
  let isUploading = false;
  const { tensorMap, bufferManager, queue } = backend;
  return [
    override(backend, "write", (write) => (values, shape, dtype) => {
      const dataId = write(values, shape, dtype);
      listener.made(dataId, values ?? null, dtype);
      return dataId;
    }),
    override(backend, "uploadToGPU", (upload) => (dataId) => {
      const data = tensorMap.get(dataId);
      const { values } = data, isNew = !data.resource;
      isUploading = true;
      try {
        upload(dataId);
      } finally {
        isUploading = false;
      }
      listener.uploaded(dataId, isNew ? values : null, data.resource!, isNew);
    }),
    override(backend, "read", (read) => async (dataId) => {
      return listener.reads(dataId) ?? await read(dataId);
    }),
    override(backend, "readSync", (read) => (dataId) => {
      return listener.reads(dataId) ?? read(dataId);
    }),
    override(bufferManager, "acquireBuffer", (acquire) => (...args) => {
      const buffer = acquire(...args);
      if (!isUploading) listener.acquired(buffer);
      return buffer;
    }),
    override(queue, "writeBuffer", (write) => (buffer, at, data, ...range) => {
      write(buffer, at, data, ...range);
      if (isUploading) return;
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(data);
      listener.wrote(buffer, bytes.slice() as Uint8Array<ArrayBuffer>);
    }),
  ];
}

/** Sees the kernels that run, and the shaders of tfjs' kind. */
function watchKernels(
  backend: WebGpuBackend,
  listener: CommandListener,
  running: Running,
): (() => void)[] {
  return [
    override(engine(), "runKernel", (run) => (name, ...args) => {
      const before = running.kernel;
      running.kernel = name;
      try {
        return run(name, ...args);
      } finally {
        running.kernel = before;
      }
    }),
    override(backend, "runWebGPUProgram", (run) => (...args) => {
      const [program, inputs, dtype, uniforms, output] = args;
      if (output) {
        backend.uploadToGPU(output.dataId);
        listener.overwrites(output.dataId);
      } else {
        running.code = elementCodeOf(program, inputs, dtype, uniforms);
      }
      try {
        return run(...args);
      } finally {
        running.code = undefined;
      }
    }),
  ];
}

function watchDevice(
  device: GPUDevice,
  listener: CommandListener,
  running: Running,
): (() => void)[] {
  const entriesOf = new WeakMap<GPUBindGroup, readonly GPUBindGroupEntry[]>();
  return [
    override(device, "createBindGroup", (create) => (descriptor) => {
      const group = create(descriptor);
      entriesOf.set(group, [...descriptor.entries]);
      return group;
    }),
    override(
      device,
      "createCommandEncoder",
      (create) => (descriptor) =>
        watchedEncoder(create(descriptor), listener, running, entriesOf),
    ),
  ];
}

/** What tfjs and we ask of an encoder. */
function watchedEncoder(
  encoder: GPUCommandEncoder,
  listener: CommandListener,
  running: Running,
  entriesOf: WeakMap<GPUBindGroup, readonly GPUBindGroupEntry[]>,
): GPUCommandEncoder {
  return {
    beginComputePass: (descriptor?: GPUComputePassDescriptor) =>
      watchedPass(
        encoder.beginComputePass(descriptor),
        listener,
        running,
        entriesOf,
      ),
    copyBufferToBuffer(
      ...args: [GPUBuffer, number, GPUBuffer, number, number]
    ) {
      encoder.copyBufferToBuffer(...args);
      listener.copied(...args);
    },
    finish: () => encoder.finish(),
  } as unknown as GPUCommandEncoder;
}

function watchedPass(
  pass: GPUComputePassEncoder,
  listener: CommandListener,
  running: Running,
  entriesOf: WeakMap<GPUBindGroup, readonly GPUBindGroupEntry[]>,
): GPUComputePassEncoder {
  let pipeline: GPUComputePipeline, group: GPUBindGroup;
  return {
    setPipeline(next: GPUComputePipeline) {
      pass.setPipeline(pipeline = next);
    },
    setBindGroup(index: number, next: GPUBindGroup) {
      pass.setBindGroup(index, group = next);
    },
    dispatchWorkgroups(x: number, y = 1, z = 1) {
      pass.dispatchWorkgroups(x, y, z);
      const work: Work = { pipeline, groups: [x, y, z], ...running };
      listener.dispatched(entriesOf.get(group)!, work);
    },
    end: () => pass.end(),
  } as unknown as GPUComputePassEncoder;
}

/** Put a method in place of another; returns what puts it back. */
function override<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (method: T[K]) => T[K],
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const method = target[name] as (...args: unknown[]) => unknown;
  target[name] = make(method.bind(target) as T[K]);
  return () => {
    if (own) Object.defineProperty(target, name, own);
    else delete target[name];
  };
}
