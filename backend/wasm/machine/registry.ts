/**
 * Replacing tfjs' WASM kernels by ours, and what all of ours need.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { recording } from "../../../internal/recording.ts";
import { clearMemory } from "./memory.ts";
import { pointer, type WasmBackend, wasmBackend } from "./backend.ts";

/** What a kernel is called with. */
export interface KernelArgs<I extends string = string, A = unknown> {
  /** The tensors it reads; an optional one may be missing. */
  readonly inputs: Readonly<Record<I, tf.TensorInfo>>;
  /** Its options. */
  readonly attrs: A;
  /** Where the tensors live. */
  readonly backend: WasmBackend;
}

/** tfjs' own kernels: for types that ours leave to them, and for benchmarks. */
const stock = new Map<string, tf.KernelConfig>();

/** Register `kernel` in place of tfjs' kernel of that name. */
export function replace<I extends string, A>(
  kernelName: string,
  kernel: (args: KernelArgs<I, A>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  const old = tf.getKernel(kernelName, "wasm");
  if (old) {
    if (!stock.has(kernelName)) stock.set(kernelName, old);
    tf.unregisterKernel(kernelName, "wasm");
  }
  tf.registerKernel({
    ...stock.get(kernelName), // its set-up runs again when the backend restarts
    kernelName,
    backendName: "wasm",
    kernelFunc: (params) => {
      const args = params as unknown as KernelArgs<I, A>;
      const listener = recording.now?.wasm;
      return listener
        ? listener.kernel(kernelName, params, () => kernel(args))
        : kernel(args);
    },
  });
  ours.add(kernelName);
}

/** The kernels that report what they do: those that were replaced. */
const ours = new Set<string>();
/** tfjs' own kernels that report too, as they were before. */
const silent = new Map<tf.KernelFunc, tf.KernelFunc>();
/** Kernels that give another shape to the same data. */
const MOVES_NOTHING = new Set(["Reshape", "ExpandDims", "Identity"]);

/** Let tfjs' own kernels, which were not replaced, report that they run. */
export function reportStockKernels(): void {
  for (const config of tf.getKernelsForBackend("wasm")) {
    const { kernelName, kernelFunc } = config;
    if (ours.has(kernelName)) continue;
    const report: tf.KernelFunc = (params) => {
      const listener = recording.now?.wasm;
      if (!listener) return kernelFunc(params);
      return listener.kernel(kernelName, params, () => {
        if (!MOVES_NOTHING.has(kernelName)) listener.memory();
        return kernelFunc(params);
      });
    };
    silent.set(report, kernelFunc);
    tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({ ...config, kernelFunc: report });
  }
}

/** Undo `reportStockKernels`, so that kernels can be replaced again. */
export function silenceStockKernels(): void {
  for (const config of tf.getKernelsForBackend("wasm")) {
    const kernelFunc = silent.get(config.kernelFunc);
    if (!kernelFunc) continue;
    tf.unregisterKernel(config.kernelName, "wasm");
    tf.registerKernel({ ...config, kernelFunc });
  }
  silent.clear();
}

/** Kernels of tfjs that ours replaced, by name: the rivals in benchmarks. */
export function stockKernels(): ReadonlyMap<string, tf.KernelConfig> {
  return stock;
}

/** tfjs' own kernel of that name, replaced or not. */
export function stockKernel(kernelName: string): tf.KernelFunc {
  const config = stock.get(kernelName) ?? tf.getKernel(kernelName, "wasm");
  if (!config) throw new Error(`Cannot find tfjs' WASM kernel ${kernelName}`);
  return config.kernelFunc;
}

/** Run a kernel on infos rather than tensors, off the tape. */
export function call(
  kernelName: string,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attrs: object = {},
): tf.TensorInfo {
  const config = tf.getKernel(kernelName, "wasm");
  return config.kernelFunc({
    inputs,
    attrs: attrs as tf.NamedAttrMap,
    backend: wasmBackend(),
  }) as tf.TensorInfo;
}

/** A new tensor whose memory is not initialized. */
export function output(
  shape: readonly number[],
  dtype: tf.DataType = "float32",
): tf.TensorInfo {
  return wasmBackend().makeOutput(shape, dtype);
}

/** A new tensor of zeros. */
export function zeros(
  shape: readonly number[],
  dtype: tf.DataType = "float32",
): tf.TensorInfo {
  const out = output(shape, dtype);
  clear(out);
  return out;
}

/** Set all elements to zero. */
export function clear(x: tf.TensorInfo): void {
  const bytes = size(x.shape) * tf.util.bytesPerElement(x.dtype);
  clearMemory.run({ to: pointer(x), bytes });
}

/** The tensor's memory, two floats for a complex number; any allocation may invalidate it. */
export function view(x: tf.TensorInfo): Float32Array | Int32Array | Uint8Array {
  recording.now?.wasm?.memory();
  if (x.dtype === "complex64") {
    const { buffer } = wasmBackend().wasm.HEAPU8;
    return new Float32Array(buffer, pointer(x), 2 * size(x.shape));
  }
  return wasmBackend().typedArrayFromHeap(x);
}

/** Another tensor of the same data. */
export function alias(
  x: tf.TensorInfo,
  shape: readonly number[] = x.shape,
): tf.TensorInfo {
  wasmBackend().incRef(x.dataId);
  return { dataId: x.dataId, shape: [...shape], dtype: x.dtype };
}

/** Free what a kernel made for its own use. */
export function free(...infos: tf.TensorInfo[]): void {
  for (const { dataId } of infos) wasmBackend().disposeData(dataId);
}

/** How many elements a shape has. */
export function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Throw unless `x` has one of these types: our kernels read raw memory. */
export function expectType(
  kernelName: string,
  x: tf.TensorInfo,
  ...dtypes: tf.DataType[]
): void {
  if (dtypes.includes(x.dtype)) return;
  throw new TypeError(
    `Cannot run ${kernelName} on WASM: its type must be ${
      dtypes.join(" or ")
    }: current value is ${x.dtype}`,
  );
}

/**
 * Throw unless a shape has so many elements, which the code reads or writes: it
 * would go past the end of a smaller tensor.
 */
export function expectSize(
  kernelName: string,
  name: string,
  shape: readonly number[],
  elements: number,
): void {
  if (size(shape) === elements) return;
  throw new RangeError(
    `Cannot run ${kernelName} on WASM: ${name} must have ${elements} elements: current shape is [${shape}]`,
  );
}

export { pointer };
