/**
 * {@linkcode profile}: where the time of a step goes, by kernel.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  type OptionRules,
} from "../internal/check.ts";
import type { Profile } from "./profile.ts";
import { Session } from "./session.ts";

export type { Profile } from "./profile.ts";
export type { ProfileRow } from "./rows.ts";
export type { ProfileSummary } from "./summary.ts";
export type { ChromeTrace, TraceEvent } from "./trace.ts";

/** Options of {@linkcode profile}. */
export interface ProfileOptions {
  /** How many steps are measured. Default: 10. */
  readonly steps?: number;
  /**
   * How many steps are taken before, in which kernels are compiled and functions
   * recorded. Default: 3.
   */
  readonly warmup?: number;
}

const RULES: OptionRules<ProfileOptions> = {
  steps: "a positive integer",
  warmup: "a nonnegative integer",
};

/**
 * Run steps, and measure where their time goes, by kernel.
 *
 * On WebGPU the device measures each kernel by its own timestamps, where the adapter has
 * `timestamp-query`; kernels do not share passes of commands meanwhile, so that steps
 * take a little longer. On WASM and cpu, and on WebGPU without timestamps, it is the time
 * that passes on the host while the kernel is called. Of a kernel that calls others, the
 * time of these is not part.
 *
 * A compiled function is replayed as usual, and what it consists of is measured: on WASM
 * its operations, which are called one by one instead of from one function; on WebGPU its
 * shaders, by their own names, each in a pass of its own. `"replay"` is the rest of a call.
 *
 * @example Usage
 * ```ts
 * import { profile, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = tf.ones([64, 64]);
 * const result = await profile(() => tf.tidy(() => tf.sum(tf.matMul(x, x))), {
 *   steps: 5,
 * });
 * console.log(result); // a table
 * const product = result.rows.find(({ kernel }) => kernel === "BatchMatMul")!;
 * assertEquals([product.calls, result.steps], [5, 5]);
 * ```
 *
 * @param fn Takes a step; it is called with the number of the step, warm-up included. It
 *   may return a promise. Tensors that it returns are disposed.
 * @param options See {@linkcode ProfileOptions}.
 * @returns What was measured.
 * @throws {Error} If another profile is being taken.
 */
export async function profile(
  fn: (step: number) => unknown,
  options: ProfileOptions = {},
): Promise<Profile> {
  check("profile", "the function", fn, callable);
  checkOptions("profile", options, RULES);
  const { steps = 10, warmup = 3 } = options;
  const take = async (step: number) =>
    tf.dispose(await fn(step) as tf.TensorContainer);
  for (let i = 0; i < warmup; i++) await take(i);
  const session = new Session();
  try {
    for (let i = 0; i < steps; i++) {
      await take(warmup + i);
      session.endStep();
    }
  } finally {
    session.stop();
  }
  return await session.profile();
}
