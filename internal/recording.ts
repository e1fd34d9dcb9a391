/**
 * What the parts of the library report while a function is recorded, so that its
 * work can be replayed without running it. Internal.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/** The position of a random stream. */
export interface StreamPosition {
  /** The stream. */
  readonly key: readonly [number, number];
  /** The number of blocks of four words drawn. */
  readonly offset: number;
}

/** A draw of random numbers from a stream. */
export interface RandomDraw {
  /** The state that holds the position. */
  readonly stream: object;
  /** The offset that was drawn from. */
  readonly offset: number;
  /** The tensor of the numbers. */
  readonly x: tf.Tensor;
  /** The numbers that the same draw gives at another position. */
  readonly values: (position: StreamPosition) => Float32Array;
}

/** What listens while a function is recorded. */
export interface Recorder {
  /** A state was read. */
  read(state: object, value: unknown): void;
  /** A state is about to be written. */
  write(state: object): void;
  /** Whether a parameter is frozen was asked. */
  frozen(state: object, isFrozen: boolean): void;
  /**
   * `x` is a slot of an optimizer, which outlives the call; a replay has `now()` in its
   * place.
   */
  slot(x: tf.Tensor, now: () => tf.Tensor): void;
  /** A setting of the environment was read from the context at `depth`. */
  setting(key: string, value: unknown, depth: number): void;
  /** Something happened on the host that each replay must do too. */
  effect(fn: () => void): void;
  /**
   * The work that follows is for finite values of the scalar `x` only: a replay in
   * which it is not finite ends here, and writes no state. Returns whether it is
   * finite now; if not, there is no more to record.
   */
  guard(x: tf.Tensor): boolean;
  /** `look` is to see the values of `x`, now through `read`, and in each replay. */
  inspect(
    x: tf.TensorInfo,
    look: (values: tf.TypedArray) => void,
    read: () => void,
  ): void;
  /** Random numbers were drawn. */
  drawn(draw: RandomDraw): void;
  /** `x` was made of numbers; a replay has `now()` in their place. */
  numbers(x: tf.Tensor, now: () => Float32Array): void;
  /** Listens to the WASM backend. */
  readonly wasm?: WasmListener;
  /** Fused kernels are about to run on a row or on several as one, on WebGPU. */
  row?(row: RecordedRow): void;
  /**
   * What was done is right for calls in which `fn` is true; others run the function as
   * it is. If it is false now, nothing is recorded of this call.
   */
  onlyIf(fn: () => boolean): void;
  /** What was done cannot be replayed. */
  refuse(reason: string): void;
}

/** What the WASM backend reports. */
export interface WasmListener {
  /** Run a kernel. */
  kernel<R>(name: string, params: KernelParams, run: () => R): R;
  /**
   * A function of our WASM module was called, once for each of `parts`; the first
   * `addresses` arguments are addresses.
   */
  call(
    index: number,
    addresses: number,
    parts: readonly (readonly number[])[],
  ): void;
  /** Integers were put at `address`, for calls to read. */
  words(words: readonly number[], address: number): void;
  /** JavaScript is about to work on memory. */
  memory(): void;
  /** Whether a tensor is the same in each replay. */
  isFixed(x: tf.TensorInfo): boolean;
  /** Fused kernels ran. */
  launch(launch: RecordedLaunch): void;
}

/** What a kernel is called with. */
export interface KernelParams {
  /** The tensors it reads. */
  readonly inputs: Readonly<
    Record<string, tf.TensorInfo | readonly tf.TensorInfo[] | undefined>
  >;
}

/** The numbers and tensors of a row of fused kernels on WebGPU. */
export interface RecordedRow {
  /** The buffer of its numbers, which no other row shares but those that are alike. */
  readonly uniform: GPUBuffer | undefined;
  /** Those that each replay computes anew; places are bytes of the buffer. */
  readonly scalars: TableScalars | undefined;
  /** Those of all rows that share the buffer, which must stay alike; else none. */
  readonly alike: readonly TableScalars[];
  /** Tensors that are overwritten, and what is written in their place: the same, or a copy. */
  readonly overwritten: readonly (readonly [from: tf.Tensor, to: tf.Tensor])[];
}

/** A table of fused kernels in WASM memory, and the calls on it. */
export interface RecordedLaunch {
  /** The bytes of the table before the first call. */
  readonly image: Uint8Array;
  /** The pointers in the table. */
  readonly pointers: readonly TablePointer[];
  /** Copies to make before the first call. */
  readonly copies: readonly (readonly [from: tf.Tensor, to: tf.Tensor])[];
  /** Numbers in the table that each replay computes anew. */
  readonly scalars: readonly TableScalars[];
  /** Calls and sums, in order; places are bytes of the table. */
  readonly steps: readonly TableStep[];
}

/** A pointer in a table. */
export interface TablePointer {
  /** Its place in the table. */
  readonly at: number;
  /** The tensor it points to. */
  readonly x: tf.TensorInfo;
  /** Whether the tensor is written. */
  readonly isWritten: boolean;
}

/** Numbers of a row in a table. */
export interface TableScalars {
  /** Their places in the table. */
  readonly at: readonly number[];
  /** Computes them. */
  readonly now: () => readonly number[];
  /** The kernel, the step, the rate and what else they depend on: rows with equal ones share them. */
  readonly kernel: object;
  /** See `kernel`. */
  readonly step: () => number;
  /** See `kernel`. */
  readonly rate: () => object;
  /** See `kernel`. */
  readonly group: object;
}

/** One pass of a kernel over rows of a table, or a sum that is put in all `sum`. */
export type TableStep =
  | {
    /** The number of a function of our modules. */
    readonly pass: number;
    readonly from: number;
    readonly to: number;
    /** How many calls do it, each a part of all elements. */
    readonly parts: number;
  }
  | { readonly sum: readonly number[] };

/** The recorder that is listening, if there is one. */
export const recording: {
  now: Recorder | undefined;
  /** Set by tests: compiles gradients and training steps where they are made. */
  compile: (<F extends AnyFunction>(fn: F) => F) | undefined;
} = { now: undefined, compile: undefined };

/** Any function. */
type AnyFunction = (...args: never[]) => unknown;

/** Do something on the host, now and in each replay of what is being recorded. */
export function replayed(fn: () => void): void {
  fn();
  recording.now?.effect(fn);
}

/**
 * Whether the scalar `x` is finite, which is read from the device. A replay in which
 * it is not ends here, and writes no state.
 */
export function isFiniteNow(x: tf.Scalar): boolean {
  return recording.now?.guard(x) ?? Number.isFinite(x.dataSync()[0]);
}

/** The function, compiled if the tests compile every gradient and step. */
export function compiledByTests<F extends AnyFunction>(fn: F): F {
  return recording.compile?.(fn) ?? fn;
}

/** The two functions that a function consists of. */
export interface Stages {
  /** Takes the arguments. */
  readonly first: (...args: readonly unknown[]) => unknown;
  /** Takes what the first returns, and the arguments. */
  readonly second: (value: unknown, args: readonly unknown[]) => unknown;
}

const stages = new WeakMap<object, Stages>();

/**
 * The function `(...args) => second(first(...args), args)`. If it cannot be replayed
 * as a whole, `first` is replayed alone.
 */
export function inStages<A extends readonly unknown[], V, R>(
  first: (...args: A) => V,
  second: (value: V, args: A) => R,
): (...args: A) => R {
  const fn = (...args: A) => second(first(...args), args);
  stages.set(fn, { first, second } as unknown as Stages);
  return fn;
}

/** The stages of a function that {@linkcode inStages} has made. */
export function stagesOf(fn: object): Stages | undefined {
  return stages.get(fn);
}
