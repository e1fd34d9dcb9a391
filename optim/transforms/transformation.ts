/**
 * Gradient transformations: pure functions from gradients to updates.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../../internal/check.ts";
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import type { CompleteRule } from "./rule.ts";

/** The state of a transformation between steps. */
export interface OptState {
  /** Steps taken, by the path of the parameter. */
  readonly steps: Named<number>;
  /** Tensors by slot, then by the path of their parameter. */
  readonly slots: Named<Tensors>;
}

/** The learning rate of a parameter. */
export interface Rate {
  /** The rate of this step. */
  readonly lr: number;
  /** The rate that the schedule started from. */
  readonly baseLr: number;
}

/** Further input of an update. */
export interface UpdateExtra {
  /**
   * Learning rates by path, for transformations without one of their own. An
   * optimizer gives those of its schedulers.
   */
  readonly rates?: Named<Rate>;
  /**
   * Paths of parameters that have no gradient because they are frozen, for
   * transformations that otherwise need those of all parameters.
   */
  readonly frozen?: ReadonlySet<string>;
}

/**
 * A pair of pure functions. They dispose nothing, and return new tensors.
 *
 * @example Usage
 * ```ts
 * import { optim, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const tx = optim.chain(optim.trace({ decay: 0.5 }), optim.scaleByLearningRate(0.1));
 * const params = { w: tf.tensor1d([1, 2]) }, grads = { w: tf.tensor1d([10, 20]) };
 * const [updates, state] = tx.update(grads, tx.init(params), params);
 * assertEquals([...await optim.applyUpdates(params, updates).w!.data()], [0, 0]);
 * assertEquals(state.steps, { w: 1 });
 * ```
 */
export interface GradientTransformation {
  /** The state before the first step. */
  init(params: Tensors): OptState;
  /**
   * The transformed updates, and the next state.
   *
   * @param updates Gradients, or what an earlier transformation made of them;
   * parameters without one are left out, and keep their state.
   * @param state What `init` or the last `update` returned.
   * @param params The values of the parameters now.
   * @param extra See {@linkcode UpdateExtra}.
   */
  update(
    updates: Tensors,
    state: OptState,
    params: Tensors,
    extra?: UpdateExtra,
  ): [updates: Tensors, state: OptState];
  /** The learning rate where neither an option nor the optimizer gives one. */
  readonly defaultLr?: number | undefined;
  /** The math of a parameter, if the transformation is elementwise. */
  rule?(path: string, shape: readonly number[]): CompleteRule;
}

/**
 * `params + updates`; parameters without an update keep their values.
 *
 * @param params Tensors by path.
 * @param updates What to add, by the same paths.
 * @returns New tensors, under the paths of `params`.
 * @throws {RangeError} If an update has no parameter.
 */
export function applyUpdates(
  params: Tensors,
  updates: Tensors,
): Record<string, tf.Tensor> {
  for (const path of Object.keys(updates)) {
    if (Object.hasOwn(params, path)) continue;
    refuse("apply updates", "the path of an update", "a parameter's", path);
  }
  return mapNamed(
    params,
    (x, path) =>
      Object.hasOwn(updates, path) ? tf.add(x, updates[path]!) : tf.clone(x),
  );
}
