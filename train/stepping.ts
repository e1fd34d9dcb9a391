/**
 * Steps of optimizers that need more of the loss than its gradients.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { hessianVectorProduct } from "../autodiff/mod.ts";
import { environ } from "../environ.ts";
import { transaction } from "../internal/transaction.ts";
import type { Optimizer } from "../optim/mod.ts";
import { lossUseOf } from "../optim/optimizer/needs_loss.ts";
import { lossGradient } from "./loss_gradient.ts";
import type { Stepping } from "./team.ts";

/** Whether steps of `optimizer` evaluate the loss of the batch again. */
export function evaluatesAgain(optimizer: Optimizer): boolean {
  return typeof lossUseOf(optimizer) === "function";
}

/** The function from a batch to what takes a step with its gradients. */
export function steppingFor<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
): (...batch: Args) => Stepping {
  const use = lossUseOf(optimizer);
  if (typeof use !== "function") return () => optimizer;
  const gradient = lossGradient(loss, optimizer);
  const product = hessianVectorProduct(loss, optimizer.paramStates);
  return (...batch) => ({
    step: (grads) =>
      use(grads, {
        gradients: () => withoutWrites(() => gradient(...batch)),
        hessianProduct: (vector) =>
          withoutWrites(() =>
            environ.context({ fit: true }, () => product(vector, ...batch))
          ),
      }),
  });
}

/** What `fn` returns. Only the first evaluation counts in running statistics. */
function withoutWrites<T>(fn: () => T): T {
  const { value, rollback } = transaction(fn, true);
  rollback();
  return value;
}
