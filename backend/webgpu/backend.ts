/**
 * tfjs' WebGPU backend as we use it, much of which its types keep private.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** What tfjs knows of the data that one or more tensors share. */
export interface TensorData {
  readonly refCount: number;
  /** A copy on the CPU, which `data()` prefers to the buffer. */
  values: tf.BackendValues | null;
  /** The parts of a complex tensor. */
  readonly complexTensorInfos?: unknown;
  /** The type of the elements. */
  readonly dtype: tf.DataType;
  /** The sizes of the axes. */
  readonly shape: number[];
  /** Missing until a kernel needs it; may be larger than the tensor. */
  readonly resource?: GPUBuffer | null;
}

/** A number in a uniform buffer. */
export type UniformField = {
  type: "float32" | "int32" | "uint32";
  data: number[];
};

/** Buffers, which are used again and again. */
export interface BufferManager {
  /** A buffer for a new use. */
  acquireBuffer(
    size: number,
    usage: number,
    mappedAtCreation?: boolean,
    reuse?: boolean,
  ): GPUBuffer;
}

/** tfjs' WebGPU backend. */
export interface WebGpuBackend {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly bufferManager: BufferManager;
  readonly tensorMap: {
    get(dataId: object): TensorData;
    has(dataId: object): boolean;
  };
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  readonly commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  /** Data that pending commands use: released after the next submit. */
  readonly commandQueueOwnedIds: WeakSet<object>;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(dataId: object): void;
  disposeData(dataId: object): boolean;
  /** One more tensor shares data. */
  incRef(dataId: object): void;
  /** Make data, of `values` or uninitialized. */
  write(
    values: tf.BackendValues | null,
    shape: number[],
    dtype: tf.DataType,
  ): object;
  makeTensorInfo(
    shape: number[],
    dtype: string,
    values?: tf.TypedArray,
  ): tf.TensorInfo;
  /** Run a shader of tfjs. */
  runWebGPUProgram(
    program: object,
    inputs: tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms?: object[],
    output?: tf.TensorInfo,
  ): tf.TensorInfo;
  /** The values of a tensor. */
  read(dataId: object): Promise<tf.BackendValues>;
  /** Keep values that were read. */
  convertAndCacheOnCPU(
    dataId: object,
    values: tf.BackendValues,
  ): tf.BackendValues;
  /** The values of a tensor, read at once. */
  readSync(dataId: object): tf.BackendValues;
  /** A buffer for one use: written now, reused after the next submit. */
  makeUniforms(fields: UniformField[]): GPUBufferBinding;
}

/** The current backend, which must be tfjs' WebGPU backend. */
export function webGpuBackend(): WebGpuBackend {
  return tf.backend() as unknown as WebGpuBackend;
}

/** The values of a tensor, if they are in the computer's memory still. */
export function valuesOnHost(
  x: tf.TensorInfo,
): ArrayLike<number> | undefined {
  const { values } = webGpuBackend().tensorMap.get(x.dataId);
  return values as ArrayLike<number> | null ?? undefined;
}
