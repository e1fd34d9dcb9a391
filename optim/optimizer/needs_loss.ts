/**
 * Which optimizers need more of the loss than its gradients, and what for.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../../tensors.ts";

/** What an optimizer can ask for on the batch of a step. */
export interface BatchLoss {
  /** The gradients of the loss and the loss itself at the parameters as they are. */
  readonly gradients: () => [grads: Tensors, loss: tf.Scalar];
  /** The product of the Hessian of the loss with a vector, both tensors by path. */
  readonly hessianProduct: (vector: Tensors) => Tensors;
}

/** How steps of an optimizer evaluate the loss. */
export type LossUse =
  /** By the closure that they are given. */
  | "closure"
  /** They run the model themselves, and take no gradients. */
  | "model"
  /** Besides taking its gradients: takes a step. */
  | ((grads: Tensors, loss: BatchLoss) => void);

const uses = new WeakMap<object, LossUse>();

/** Note how steps of `optimizer` evaluate the loss. */
export function noteNeedsLoss(optimizer: object, use: LossUse): void {
  uses.set(optimizer, use);
}

/** How steps of `optimizer` evaluate the loss; undefined if they do not. */
export function lossUseOf(optimizer: object): LossUse | undefined {
  return uses.get(optimizer);
}
