/**
 * Steps of optimizers that need more of the loss than its gradients.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { transaction } from "../internal/transaction.ts";
import { type Optimizer, Sam } from "../optim/mod.ts";
import { lossGradient } from "./loss_gradient.ts";
import type { Stepping } from "./team.ts";

/** Whether steps of `optimizer` evaluate the loss of the batch again. */
export function evaluatesAgain(optimizer: Optimizer): boolean {
  const given: unknown = optimizer;
  return given instanceof Sam;
}

/** The function from a batch to what takes a step with its gradients. */
export function steppingFor<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
): (...batch: Args) => Stepping {
  const given: unknown = optimizer;
  if (!(given instanceof Sam)) return () => optimizer;
  const gradient = lossGradient(loss, optimizer);
  return (...batch) => ({
    step(grads) {
      const valueFn = () => {
        // Only the first evaluation counts in running statistics.
        const again = transaction(() => gradient(...batch), true);
        again.rollback();
        return again.value;
      };
      given.step(grads, { valueFn });
    },
  });
}
