/**
 * Which optimizers need more of the loss than its gradients.
 *
 * @module
 */

const needing = new WeakSet<object>();

/** Note that steps of `optimizer` evaluate the loss. */
export function noteNeedsLoss(optimizer: object): void {
  needing.add(optimizer);
}

/** Whether steps of `optimizer` evaluate the loss. */
export function needsLoss(optimizer: object): boolean {
  return needing.has(optimizer);
}
