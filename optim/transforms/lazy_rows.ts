/**
 * Updates of some rows only.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { sameShape } from "../../backend/fusion/mod.ts";
import { check } from "../../internal/check.ts";
import { own } from "../../internal/own.ts";
import { mapNamed } from "../../tensors.ts";
import { traitsOf, withTraits } from "./elementwise.ts";
import { structured, type Turns } from "./joint.ts";
import { transformation } from "./options.ts";
import type { GradientTransformation } from "./transformation.ts";

/**
 * Apply `tx`, and leave rows without a gradient as they are, with their slots: those of
 * which every element of the gradient is 0, as of tokens that a batch does not have.
 *
 * ```text
 * row i of u and of the slots of tx: new where any element of gᵢ is not 0
 * else uᵢ = 0, and slots stay
 * ```
 *
 * For embeddings, of which momentum would otherwise move all rows in every step. A row is
 * what the first axis counts; parameters of fewer than two axes, and slots of another
 * shape than their parameter, are as `tx` alone makes them. The step number of bias
 * corrections is that of the parameter. Around {@linkcode adam} this is
 * `torch.optim.SparseAdam`, but that ε is added after the correction.
 *
 * Memory and time are those of all rows.
 *
 * @example Embeddings in a group of their own
 * ```ts
 * import { nn, optim, ParamState, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const tokens = new nn.Embedding(100, 8), head = new nn.Linear(8, 100);
 * new optim.AdamW({ lr: 1e-3 })
 *   .registerTrainableWeights(head.states(ParamState))
 *   .addParamGroup({ tokens: tokens.weight }, { tx: optim.lazyRows(optim.adam()) });
 * ```
 *
 * @param tx The transformation.
 * @returns The transformation.
 */
export function lazyRows(tx: GradientTransformation): GradientTransformation {
  check("create lazyRows", "tx", tx, transformation);
  const turns: Turns = function* (job, part) {
    const { updates: grads, state } = job;
    const [updates, after] = yield* part(0, { ...job, tx });
    const choose = (path: string, next: tf.Tensor, old?: tf.Tensor) =>
      tf.tidy(() =>
        tf.where(hasGradient(grads[path]!), next, old ?? tf.zerosLike(next))
      );
    const isLazy = (path: string, { shape }: tf.Tensor) => {
      const g = own(grads, path);
      return g !== undefined && g.rank > 1 && sameShape(g.shape, shape);
    };
    const chosen = mapNamed(
      updates,
      (u, path) => isLazy(path, u) ? choose(path, u) : u,
    );
    const slots = mapNamed(
      after.slots,
      (of, slot) =>
        mapNamed(
          of,
          (x, path) =>
            isLazy(path, x) ? choose(path, x, state.slots[slot]![path]!) : x,
        ),
    );
    return [chosen, { steps: after.steps, slots }];
  };
  const whole = structured({ turns }, (params) => tx.init(params));
  return { ...withTraits(whole, traitsOf(tx)), defaultLr: tx.defaultLr };
}

/** Where a row has an element that is not 0; one that is not a number is not. */
function hasGradient(g: tf.Tensor): tf.Tensor {
  const others = g.shape.slice(1).map((_, i) => i + 1);
  return tf.broadcastTo(tf.any(tf.notEqual(g, 0), others, true), g.shape);
}
