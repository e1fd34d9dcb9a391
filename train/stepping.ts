/**
 * Steps of optimizers that need more of the loss than its gradients.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { hessianVectorProduct } from "../autodiff/mod.ts";
import { environ } from "../environ.ts";
import { transaction } from "../internal/transaction.ts";
import { type Optimizer, Sam, Sophia } from "../optim/mod.ts";
import { lossGradient } from "./loss_gradient.ts";
import type { Stepping } from "./team.ts";

/** Whether steps of `optimizer` evaluate the loss of the batch again. */
export function evaluatesAgain(optimizer: Optimizer): boolean {
  const given: unknown = optimizer;
  return given instanceof Sam || given instanceof Sophia;
}

/** The function from a batch to what takes a step with its gradients. */
export function steppingFor<Args extends readonly unknown[]>(
  loss: (...batch: Args) => tf.Scalar,
  optimizer: Optimizer,
): (...batch: Args) => Stepping {
  const given: unknown = optimizer;
  if (given instanceof Sam) {
    const gradient = lossGradient(loss, optimizer);
    return (...batch) => ({
      step(grads) {
        const valueFn = () => withoutWrites(() => gradient(...batch));
        given.step(grads, { valueFn });
      },
    });
  }
  if (given instanceof Sophia) {
    const states = optimizer.paramStates;
    const product = hessianVectorProduct(loss, states);
    return (...batch) => ({
      step(grads) {
        if (given.isHessianDue) {
          given.updateHessian((vector) =>
            withoutWrites(() =>
              environ.context({ fit: true }, () => product(vector, ...batch))
            )
          );
        }
        given.step(grads);
      },
    });
  }
  return () => optimizer;
}

/** What `fn` returns. Only the first evaluation counts in running statistics. */
function withoutWrites<T>(fn: () => T): T {
  const { value, rollback } = transaction(fn, true);
  rollback();
  return value;
}
