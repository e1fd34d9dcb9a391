/**
 * {@linkcode compile}: functions of tensors and states, recorded once and replayed.
 *
 * @module
 */
import "./internal/dispose.ts";
import {
  CompiledFunction,
  type CompileOptions,
  type CompileReport,
} from "./backend/replay/compiled_function.ts";
import {
  callable,
  check,
  checkOptions,
  either,
  oneOf,
  type OptionRules,
} from "./internal/check.ts";

export type {
  CompileOptions,
  CompileReport,
  ProgramReport,
} from "./backend/replay/compiled_function.ts";

const RULES: OptionRules<CompileOptions> = {
  onFallback: either(callable, oneOf("ignore", "warn", "throw")),
  programs: "a positive integer",
};

/** A function that is replayed where that is possible. */
export interface Compiled<A extends readonly unknown[], R> {
  /** Call the function. */
  (...args: A): R;
  /** What calls have done so far. */
  report(): CompileReport;
  /** Free the memory of the programs; later calls record again. */
  dispose(): void;
  /** As {@linkcode Compiled.dispose}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * The function that does what `fn` does, with the same bits, and without its costs:
 * two calls run `fn` and record what it asks of the backend; later calls replay that
 * list, with no tape, no intermediate tensors and no allocation.
 *
 * `fn` may read and write states, take gradients, step optimizers and draw random
 * numbers. Tensors among its arguments are inputs. Everything else that it depends on
 * is either live or part of the key that a program is found by:
 *
 * | live | part of the key |
 * | --- | --- |
 * | states, optimizer slots, step counts, learning rates, random streams | shapes and dtypes, other arguments, settings of `environ`, plain values in states, frozen parameters |
 *
 * What it returns is new, and the caller's. Where a call cannot be replayed, `fn` is
 * run as it is: on the cpu backend; if it reads values, keeps tensors, or
 * computes with complex numbers; if its recordings differ. Inside of `grad`, or of
 * another compiled function, it always runs as it is. Of a training step of
 * `train.step` whose optimizer decides in JavaScript, such as L-BFGS, the gradient is
 * replayed alone.
 *
 * A number of JavaScript that `fn` computes with, and that changes **later**, cannot be
 * noticed at once: the program has the old one. Two recordings are compared at first;
 * replays 16, 64, 256 and so on run `fn` again and compare. Hold such numbers in
 * states, or pass them as arguments.
 *
 * On WebGPU a replay is one submit of commands, bind groups and buffers that are there
 * already. tfjs computes what is small and not on the device yet on the CPU; a compiled
 * function computes it on the device, where exp(x) or 1/x may differ in the last bit.
 *
 * @example A training step
 * ```ts
 * import { compile, nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * const model = new nn.Linear(2, 1);
 * const optimizer = new optim.Adam({ lr: 0.1 })
 *   .registerTrainableWeights(model.states(ParamState));
 * using step = compile(train.step(
 *   (x: tf.Tensor2D, y: tf.Tensor2D) =>
 *     tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   optimizer,
 * ));
 * const x = tf.tensor2d([[0, 1], [1, 0]]), y = tf.tensor2d([[1], [2]]);
 * for (let i = 0; i < 10; i++) step(x, y).dispose();
 * assertEquals([step.report().eager, step.report().replayed], [2, 8]);
 * ```
 *
 * @typeParam A The arguments.
 * @typeParam R What is returned: tensors and plain data.
 * @param fn The function; must not return a promise.
 * @param options See {@linkcode CompileOptions}.
 * @returns The compiled function.
 * @throws {TypeError} If `fn` returns a promise.
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  check("compile", "the function", fn, callable);
  checkOptions("compile", options, RULES);
  const compiled = new CompiledFunction(fn, options);
  const dispose = () => compiled.dispose();
  return Object.assign((...args: A) => compiled.call(args), {
    report: () => compiled.report(),
    dispose,
    [Symbol.dispose]: dispose,
  });
}
