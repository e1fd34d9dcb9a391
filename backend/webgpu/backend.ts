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
  resource?: GPUBuffer | null;
}

/** A number in a uniform buffer. */
export type UniformField = {
  readonly type: "float32" | "uint32" | "int32";
  readonly data: number[];
};

/** A shader of tfjs, compiled. */
export interface ShaderProgram {
  readonly pipeline: GPUComputePipeline;
  readonly dispatch: readonly [number, number, number];
  readonly outputShape: number[];
  /** Elements that an invocation writes. Default: 1. */
  readonly outputComponent?: number;
  /** Whether it reads the number of elements of the output. */
  readonly size?: boolean;
  /** Set if it reads or writes an image. */
  readonly pixelsOpType?: number;
}

/** Buffers, which are used again and again. */
export interface BufferManager {
  /** A buffer for a new use. */
  acquireBuffer(
    size: number,
    usage: number,
    mappedAtCreation?: boolean,
    reuse?: boolean,
  ): GPUBuffer;
  /** Free a buffer for the next use, or for good unless `reuse`. */
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
}

/** What tfjs' WebGPU backend has. */
export interface TfjsBackend {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  bufferManager: BufferManager;
  readonly tensorMap: {
    get(dataId: object): TensorData;
    has(dataId: object): boolean;
  };
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  /** Data that tfjs would release after the next submit only. */
  commandQueueOwnedIds: { add(dataId: object): void; has(id: object): boolean };
  /** Set while tfjs times shaders. */
  readonly activeTimers?: object;
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
  /** Numbers for the commands up to the next submit. */
  makeUniforms(fields: UniformField[]): GPUBufferBinding;
  /** Run a compiled shader of tfjs. */
  recordAndSubmit(
    program: ShaderProgram,
    output: tf.TensorInfo,
    inputs: tf.TensorInfo[],
    uniforms?: UniformField[],
  ): void;
  /** The bytes of a buffer. */
  getBufferData(buffer: GPUBuffer): Promise<ArrayBuffer>;
}

/** tfjs' WebGPU backend with what we added: see `machine/commands.ts`. */
export interface WebGpuBackend extends TfjsBackend {
  /** Whether what it does is being recorded: commands then share nothing. */
  isRecorded: boolean;
  /** Whether `readSync` reads from the device. */
  readonly readsAtOnce: boolean;
  /** The encoder of the pending commands, with no pass open. */
  openEncoder(): GPUCommandEncoder;
  /** Words that commands read, which are the same in the next step. */
  constant(words: Uint32Array<ArrayBuffer>): GPUBufferBinding;
  /** Words that commands read up to the next submit. */
  changing(words: Uint32Array<ArrayBuffer>): GPUBufferBinding;
  /** Run a pipeline in the open pass, with its bindings in order. */
  dispatch(
    pipeline: GPUComputePipeline,
    bindings: readonly GPUBufferBinding[],
    groups: readonly [number, number, number],
  ): void;
  /** Give data a buffer that no other data uses, before it is overwritten. */
  own(dataId: object): void;
}

/** The current backend, which must be WebGPU. */
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
