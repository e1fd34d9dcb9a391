/**
 * tfjs' WebAssembly backend as we use it: its module, its memory, its tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** A worker of Emscripten. */
interface Worker {
  unref?(): void;
  terminate(): void;
}

/** What we use of tfjs' Emscripten module. */
export interface WasmModule {
  /** All memory, as bytes; read anew after any allocation. */
  readonly HEAPU8: Uint8Array;
  /** All memory, as floats; read anew after any allocation. */
  readonly HEAPF32: Float32Array;
  /** All memory, as integers; read anew after any allocation. */
  readonly HEAP32: Int32Array;
  /** Exports of the single-threaded module. */
  readonly asm?: { readonly memory?: WebAssembly.Memory };
  /** The memory that the multi-threaded module shares with its workers. */
  readonly wasmMemory?: WebAssembly.Memory;
  /** The workers of the multi-threaded module. */
  readonly PThread?: {
    readonly unusedWorkers: readonly Worker[];
    readonly runningWorkers: readonly Worker[];
  };
  /** A C function by name. */
  cwrap(
    name: string,
    returns: string | null,
    parameters: readonly string[],
  ): (...args: never[]) => unknown;
  /** Allocate; throws when memory is exhausted, once {@linkcode guardMemory} ran. */
  _malloc(bytes: number): number;
  /** Free what `_malloc` gave. */
  _free(pointer: number): void;
  /** Functions that keep tfjs' table of tensors. */
  tfjs: {
    registerTensor(id: number, size: number, pointer: number): void;
    disposeData(id: number): void;
    getThreadsCount(): number;
  } & Record<string, (...args: never[]) => unknown>;
}

/** What tfjs knows of data that one or more tensors share. */
export interface WasmData {
  /** The number under which C++ knows the data. */
  readonly id: number;
  /** Where the data begins, in bytes. */
  readonly memoryOffset: number;
  /** How many tensors share the data. */
  refCount: number;
  /** The shape it was made with. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly dtype: tf.DataType;
}

/** tfjs' WebAssembly backend. */
export interface WasmBackend {
  /** Its module; null once disposed. */
  readonly wasm: WasmModule;
  /** Data by id. */
  readonly dataIdMap: {
    get(dataId: object): WasmData;
    has(dataId: object): boolean;
    set(dataId: object, data: WasmData): void;
    delete(dataId: object): boolean;
  };
  /** A new tensor info whose memory is uninitialized, or begins at `pointer`. */
  makeOutput(
    shape: readonly number[],
    dtype: tf.DataType,
    pointer?: number,
    values?: tf.backend_util.BackendValues,
  ): tf.TensorInfo;
  /** Drop one reference; true if the memory was freed. */
  disposeData(dataId: object, force?: boolean): boolean;
  /** A live view of a tensor's memory; valid until the next allocation. */
  typedArrayFromHeap(
    info: tf.TensorInfo,
  ): Float32Array | Int32Array | Uint8Array;
  /** How many tensors share the data. */
  refCount(dataId: object): number;
  /** Share the data with one tensor more. */
  incRef(dataId: object): void;
  /** How many pieces of data there are. */
  numDataIds(): number;
}

/** The current backend, which must be tfjs' WebAssembly backend. */
export function wasmBackend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}

/** The memory that all tensors of the current backend live in. */
export function wasmMemory(): WebAssembly.Memory {
  return memoryOf(wasmBackend().wasm);
}

/** The memory of a module. */
export function memoryOf(wasm: WasmModule): WebAssembly.Memory {
  const memory = wasm.wasmMemory ?? wasm.asm?.memory;
  if (!memory) throw new Error("Cannot find the memory of tfjs' WASM backend");
  return memory;
}

/** Whether that memory is shared with other threads. */
export function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" &&
    memory.buffer instanceof SharedArrayBuffer;
}

/** Where the tensor's data begins, in bytes; 0 or any number if it is empty. */
export function pointer(x: tf.TensorInfo): number {
  return wasmBackend().dataIdMap.get(x.dataId).memoryOffset;
}

/** Let XNNPACK, tfjs' library, drop what it made of the tensor's values. */
export function forgetRearranged(x: tf.TensorInfo): void {
  const { dataIdMap, wasm } = wasmBackend();
  const { id, memoryOffset } = dataIdMap.get(x.dataId);
  wasm.tfjs.disposeData(id);
  wasm.tfjs.registerTensor(id, tf.util.sizeFromShape(x.shape), memoryOffset);
}

/**
 * Memory of our own, never freed by tfjs.
 *
 * @throws {Error} If memory is exhausted.
 */
export function allocate(bytes: number): number {
  return wasmBackend().wasm._malloc(bytes) >>> 0;
}

/**
 * Make allocation throw when memory is exhausted. tfjs ignores that `_malloc`
 * returned 0, and writes the tensor over the start of memory.
 */
export function guardMemory(wasm: WasmModule): void {
  // Emscripten's stub replaces itself at its first call, and would undo this.
  wasm._free(wasm._malloc(8));
  const malloc = wasm._malloc;
  wasm._malloc = (bytes) => {
    if (!(Number.isInteger(bytes) && bytes >= 0)) {
      throw new RangeError(
        `Cannot allocate ${bytes} bytes: a shape must have nonnegative integers`,
      );
    }
    const at = malloc(bytes) >>> 0;
    if (bytes > 0 && (at === 0 || at + bytes > wasm.HEAPU8.length)) {
      throw new RangeError(
        `Cannot allocate ${bytes} bytes: the WASM memory (at most 4 GiB) is exhausted: ${wasm.HEAPU8.length} bytes are in use or fragmented; dispose tensors, use smaller batches, or use WebGPU`,
      );
    }
    return at;
  };
}
