/**
 * The parts of tfjs' engine that its types keep private. Internal: every use of
 * them goes through here, and `tests/tfjs_test.ts` pins what they do.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** A scope of tensors that `tf.tidy` opened. */
export interface EngineScope {
  /** Tensors made inside have it as their `scopeId`. */
  readonly id: number;
  /** What is freed when the scope ends. */
  readonly track: tf.Tensor[];
}

/** An operation that was recorded for a gradient. */
export interface TapeNode {
  /** The kernel, or the name of an operation with a gradient of its own. */
  readonly kernelName: string;
  /** The inputs that are tensors. */
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  /** The results. */
  readonly outputs: readonly tf.Tensor[];
  /** What the gradient needs. */
  readonly saved?: readonly tf.Tensor[];
  /** The gradient in each input, from those in the outputs; null counts as zeros. */
  readonly gradient?: (
    dys: (tf.Tensor | null)[],
  ) => Readonly<Record<string, () => tf.Tensor>>;
}

/** The state of tfjs' engine. */
export interface EngineState {
  /** How many functions are being differentiated, one inside the other. */
  gradientDepth: number;
  /** How many kernels are being run, one inside the other: their parts are not recorded. */
  kernelDepth: number;
  /** The operations recorded for a gradient, with the tensors kept for it. */
  activeTape: TapeNode[] | null;
  /** The innermost open scope. */
  readonly activeScope: EngineScope | null;
  /** All open scopes. */
  readonly scopeStack: readonly EngineScope[];
  /** The backend that holds the data of each tensor. */
  readonly tensorInfo: {
    get(dataId: object): { readonly backend: tf.KernelBackend } | undefined;
    has(dataId: object): boolean;
  };
}

/** An operation with a gradient, as the engine runs it. */
export interface EngineKernel {
  /** Computes the value, and saves what the gradient needs. */
  forwardFunc(
    backend: unknown,
    save: tf.GradSaveFunc,
  ): tf.Tensor | tf.Tensor[];
  /** For each input, what computes its gradient. */
  backwardsFunc(
    dy: tf.Tensor,
    saved: tf.Tensor[],
  ): Record<string, () => tf.Tensor>;
  /** The inputs by name; read after the forward pass. */
  readonly inputs: Record<string, tf.Tensor>;
}

/** Runs a kernel by name. */
export type RunKernel = (
  kernelName: string,
  inputs: Record<string, tf.Tensor>,
  attrs?: object,
) => tf.Tensor | tf.Tensor[];

/** tfjs' engine. */
export interface Engine {
  /** What it is doing. */
  readonly state: EngineState;
  /** The backends that are started, by name. */
  readonly registry: Record<string, tf.KernelBackend | undefined>;
  /** What makes the backends, by name. */
  readonly registryFactory: Record<
    string,
    { readonly factory: object; readonly priority: number } | undefined
  >;
  /** The number of a new tensor. */
  nextTensorId(): number;
  /** Records operations from here on. */
  startTape(): void;
  /** Ends what `startTape` began. */
  endTape(): void;
  /** Runs a kernel by name; may be replaced. */
  runKernel: RunKernel;
  /** Runs an operation with a gradient of its own; may be replaced. */
  runKernelFunc(kernel: EngineKernel): tf.Tensor;
}

/** tfjs' engine, with what its types leave out. */
export function engine(): Engine {
  return tf.engine() as unknown as Engine;
}

/** Whether operations are being recorded for a gradient. */
export function isRecording(): boolean {
  return engine().state.gradientDepth > 0;
}

/** Whether a gradient is being taken inside of another: a second derivative. */
export function isNested(): boolean {
  return engine().state.gradientDepth > 1;
}

/** Runs `fn` as if nothing were being recorded for a gradient. */
export function withoutTape<T>(fn: () => T): T {
  const { state } = engine();
  const { gradientDepth, kernelDepth, activeTape } = state;
  Object.assign(state, { gradientDepth: 0, kernelDepth: 0, activeTape: null });
  try {
    return fn();
  } finally {
    Object.assign(state, { gradientDepth, kernelDepth, activeTape });
  }
}

/** Sets whether `x` counts as disposed; something else must hold its data if not. */
export function setDisposed(x: tf.Tensor, isDisposed: boolean): void {
  (x as unknown as { isDisposedInternal: boolean }).isDisposedInternal =
    isDisposed;
}

let watchers = 0;

/**
 * Runs `fn`, while each kernel is run by what `wrap` makes of the engine's own function.
 * Compiled functions run as they are meanwhile, so that no kernel goes unseen.
 */
export function watchingKernels<T>(
  wrap: (run: RunKernel) => RunKernel,
  fn: () => T,
): T {
  const running = engine(), { runKernel } = running;
  running.runKernel = wrap((...args) => runKernel.apply(running, args));
  watchers++;
  try {
    return fn();
  } finally {
    watchers--;
    running.runKernel = runKernel;
  }
}

/** Whether somebody must see every kernel that is run. */
export function areKernelsWatched(): boolean {
  return watchers > 0;
}

/** Runs `fn`, and calls `see` with each tensor that a kernel reads. */
export function seeingInputs<T>(see: (x: tf.Tensor) => void, fn: () => T): T {
  const wrap = (run: RunKernel): RunKernel => (name, inputs, attrs) => {
    for (const x of Object.values(inputs).flat()) {
      if (x instanceof tf.Tensor) see(x);
    }
    return run(name, inputs, attrs);
  };
  return watchingKernels(wrap, fn);
}
