/**
 * Records the kernels that a model runs.
 *
 * @module
 */
import { composing } from "../backend/kernel.ts";
import { environ } from "../environ.ts";
import { type RunKernel, watchingKernels } from "../internal/engine.ts";
import { scope } from "../memory.ts";
import type { Module } from "../nn/mod.ts";
import * as tf from "../tf.ts";

/** A tensor of the recording. */
export interface Value {
  /** Its number. */
  readonly id: number;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** The type of its elements. */
  readonly dtype: tf.DataType;
  /** An input of the model, the value of a state, a constant, or what a kernel makes. */
  readonly source: "input" | "state" | "constant" | "kernel";
  /** The index of an input, or the path of a state. */
  readonly name: string;
  /** A clone of the tensor of a state or constant. */
  readonly tensor?: tf.Tensor;
}

/** A kernel that was run. */
export interface KernelCall {
  /** The name of the kernel. */
  readonly kernel: string;
  /** What it read, by name. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Its settings. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** What it made. */
  readonly outputs: readonly Value[];
}

/** What a model has done. */
export interface Recording {
  /** The kernels, in order. */
  readonly calls: readonly KernelCall[];
  /** What it was given. */
  readonly inputs: readonly Value[];
  /** What the model returned, by name. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Frees the clones. */
  dispose(): void;
}

/** Kernels whose values do not depend on the tensor that they read. */
const CONSTANT_KERNELS = ["OnesLike", "ZerosLike"];

/**
 * Record what a model runs for some inputs, in evaluation mode.
 *
 * @param model The model.
 * @param inputs The arguments of its `update`.
 * @param checkOutput Throws unless the model may return this; gives it by name.
 */
export function record(
  model: Module,
  inputs: readonly tf.Tensor[],
  checkOutput: (output: unknown) => Record<string, tf.Tensor>,
): Recording {
  const recorder = new Recorder(model, inputs);
  try {
    const outputs = scope(() => {
      const output = watchingKernels(
        (run) => recorder.watch(run),
        () =>
          composing(() =>
            environ.context(
              { fit: false },
              () => model.call(...inputs as unknown as never[]),
            )
          ),
      );
      const named = Object.entries(checkOutput(output));
      return Object.fromEntries(
        named.map(([name, x]) => [name, recorder.valueOf(x)]),
      );
    });
    return {
      calls: recorder.calls,
      inputs: recorder.inputs,
      outputs,
      dispose: () => recorder.dispose(),
    };
  } catch (error) {
    recorder.dispose();
    throw error;
  }
}

class Recorder {
  readonly calls: KernelCall[] = [];
  readonly inputs: readonly Value[];
  /** By the id of the tensor. */
  readonly #values = new Map<number, Value>();
  /** The last one with the same data, for tensors that no kernel has made. */
  readonly #byData = new WeakMap<object, Value>();
  readonly #clones: tf.Tensor[] = [];
  #next = 0;
  #depth = 0;

  constructor(model: Module, inputs: readonly tf.Tensor[]) {
    this.inputs = inputs.map((x, i) => this.#add(x, "input", `${i}`));
    for (const [path, { value }] of Object.entries(model.states())) {
      if (!(value instanceof tf.Tensor)) continue;
      // A clone, which stays as it is if the state is trained meanwhile.
      this.#add(value, "state", path, this.#kept(value));
    }
  }

  /** What sees each kernel that is not part of another. */
  watch(run: RunKernel): RunKernel {
    return (kernel, inputs, attrs = {}) => {
      if (this.#depth > 0) return run(kernel, inputs, attrs);
      // Before the kernel runs, which may dispose of what it reads.
      const read = Object.fromEntries(
        Object.entries(inputs)
          .filter(([, x]) => x !== undefined && x !== null)
          .map(([name, x]) => [name, this.valueOf(x)]),
      );
      const made = this.#inside(() => run(kernel, inputs, attrs));
      this.#note(kernel, read, attrs as KernelCall["attrs"], [made].flat());
      return made;
    };
  }

  #note(
    kernel: string,
    inputs: Record<string, Value>,
    attrs: KernelCall["attrs"],
    made: readonly tf.Tensor[],
  ) {
    const isConstant = CONSTANT_KERNELS.includes(kernel) ||
      Object.values(inputs).every(({ source }) => source === "constant");
    if (isConstant) {
      for (const x of made) this.#constant(x);
      return;
    }
    const outputs = made.map((x) => this.#add(x, "kernel", ""));
    this.calls.push({ kernel, inputs, attrs: { ...attrs }, outputs });
  }

  /** What is known of a tensor; a constant, if nothing is. */
  valueOf(x: tf.Tensor): Value {
    const known = this.#values.get(x.id) ?? this.#byData.get(x.dataId);
    const isSame = known && known.dtype === x.dtype &&
      tf.util.arraysEqual([...known.shape], x.shape);
    return isSame ? known : this.#constant(x);
  }

  #constant(x: tf.Tensor): Value {
    return this.#add(x, "constant", "", this.#kept(x));
  }

  #kept(x: tf.Tensor): tf.Tensor {
    const kept = this.#inside(() => tf.keep(tf.clone(x)));
    this.#clones.push(kept);
    return kept;
  }

  #add(
    x: tf.Tensor,
    source: Value["source"],
    name: string,
    tensor?: tf.Tensor,
  ): Value {
    const value: Value = {
      id: this.#next++,
      shape: [...x.shape],
      dtype: x.dtype,
      source,
      name,
      ...tensor && { tensor },
    };
    this.#values.set(x.id, value);
    this.#byData.set(x.dataId, value);
    return value;
  }

  /** Runs `fn`, whose kernels are not noted. */
  #inside<T>(fn: () => T): T {
    this.#depth++;
    try {
      return fn();
    } finally {
      this.#depth--;
    }
  }

  dispose() {
    tf.dispose(this.#clones);
  }
}
