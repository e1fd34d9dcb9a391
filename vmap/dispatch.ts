/**
 * What stands before the kernels while `vmap` runs a function.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { composing } from "../backend/kernel.ts";
import {
  activeLevels,
  Batched,
  inLevel,
  innermost,
  isBatchedAt,
  type Level,
  repeated,
  wrap,
  wrapBorrowed,
} from "../internal/batching.ts";
import {
  engine,
  type EngineKernel,
  type RunKernel,
  watchingKernels,
} from "../internal/engine.ts";
import { callOf, rules } from "./rules/mod.ts";

/**
 * Runs `fn` inside of a call of `vmap`: kernels that are given tensors of one example run
 * their rules on all.
 *
 * The rules run operations on tensors of all examples, and those are what the tape
 * records: so a gradient around `vmap` is that of ordinary operations.
 */
export function insideOf<T>(level: Level, fn: () => T): T {
  if (activeLevels().length > 0) return inLevel(level, fn);
  const running = engine(), { runKernelFunc } = running;
  const original = (kernel: EngineKernel) =>
    runKernelFunc.call(running, kernel);
  running.runKernelFunc = (kernel) =>
    "forwardFunc" in kernel
      ? runCustom(original, kernel, activeLevels())
      : original(kernel);
  try {
    return watchingKernels(
      (run) => (name, inputs, attrs) => runBatched(run, name, inputs, attrs),
      // Kernels of ours have no rules: they run as the operations that they are made of.
      () => composing(() => inLevel(level, fn)),
    );
  } finally {
    running.runKernelFunc = runKernelFunc;
  }
}

function runBatched(
  run: RunKernel,
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: object = {},
): tf.Tensor | tf.Tensor[] {
  const level = innermost(Object.values(inputs).flat());
  if (!level) return run(name, inputs, attrs);
  const rule = rules()[name];
  if (!rule) {
    throw new Error(
      `Cannot run ${name} inside of vmap: it has no rule for several examples: call it outside, or loop over the examples`,
    );
  }
  let made: tf.Tensor | tf.Tensor[];
  tf.tidy(() => made = rule(callOf(name, level, inputs, attrs)));
  const one = (y: tf.Tensor) => {
    if (y.shape[0] === level.size) return wrap(y, level);
    throw new Error(
      `Cannot run ${name} inside of vmap: its rule must give ${level.size} examples: it gave shape [${y.shape}]`,
    );
  };
  return Array.isArray(made!) ? made.map(one) : one(made!);
}

/** Runs an operation with a gradient of its own on all examples of `levels`. */
function runCustom(
  run: (kernel: EngineKernel) => tf.Tensor,
  kernel: EngineKernel,
  levels: readonly Level[],
): tf.Tensor {
  const level = levels.at(-1);
  if (!level) return run(kernel);
  const result = new LiftedKernel(kernel, level);
  const all = runCustom(run, result, levels.slice(0, -1));
  return result.isBatched ? wrap(all, level) : all;
}

/** An operation with a gradient of its own, on the examples of one level. */
class LiftedKernel implements EngineKernel {
  readonly inputs: Record<string, tf.Tensor> = {};
  /** Whether the value differs by example; known after the forward pass. */
  isBatched = false;
  readonly #kernel: EngineKernel;
  readonly #level: Level;
  /** Which of the saved tensors differ by example. */
  #saved: readonly boolean[] = [];

  constructor(kernel: EngineKernel, level: Level) {
    this.#kernel = kernel;
    this.#level = level;
    this.#readInputs();
    this.forwardFunc = this.forwardFunc.bind(this);
    this.backwardsFunc = this.backwardsFunc.bind(this);
  }

  /** The inputs of all examples; the forward pass may add some. */
  #readInputs(): void {
    for (const [name, x] of Object.entries(this.#kernel.inputs)) {
      this.inputs[name] = isBatchedAt(x, this.#level) ? x.all : x;
    }
  }

  forwardFunc(backend: unknown, save: tf.GradSaveFunc): tf.Tensor {
    const level = this.#level;
    const value = this.#kernel.forwardFunc(backend, (saved) => {
      this.#saved = saved.map((x) => isBatchedAt(x, level));
      save(saved.map((x) => isBatchedAt(x, level) ? x.all : x));
    }) as tf.Tensor;
    this.#readInputs();
    this.isBatched = isBatchedAt(value, level);
    return isBatchedAt(value, level) ? value.take() : value;
  }

  backwardsFunc(
    dy: tf.Tensor,
    saved: tf.Tensor[],
  ): Record<string, () => tf.Tensor> {
    const level = this.#level;
    return insideOf(level, () => {
      const one = (x: tf.Tensor, isBatched: boolean | undefined) =>
        isBatched ? wrapBorrowed(x, level) : x;
      const grads = this.#kernel.backwardsFunc(
        one(dy, this.isBatched),
        saved.map((x, i) => one(x, this.#saved[i])),
      );
      return Object.fromEntries(
        Object.entries(grads).map(([name, grad]) => [
          name,
          () => insideOf(level, () => this.#ofAll(name, grad())),
        ]),
      );
    });
  }

  /** The gradient in an input of all examples: their sum, if they share it. */
  #ofAll(name: string, grad: tf.Tensor): tf.Tensor {
    const level = this.#level;
    const x = this.#kernel.inputs[name];
    if (isBatchedAt(x, level)) {
      return isBatchedAt(grad, level)
        ? grad.take()
        : repeated(grad, level.size);
    }
    if (isBatchedAt(grad, level)) return tf.sum(grad.all, 0);
    return this.isBatched ? tf.mul(grad, level.size) : grad;
  }
}

/** The tensor of all examples of one that `vmap` returns. */
export function allOf(x: tf.Tensor, level: Level): tf.Tensor {
  return x instanceof Batched && x.level === level
    ? x.take()
    : repeated(x, level.size);
}
