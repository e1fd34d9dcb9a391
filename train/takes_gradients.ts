/**
 * Which optimizers can be trained with.
 *
 * @module
 */
import { lossUseOf } from "../optim/optimizer/needs_loss.ts";

/** Throw if an optimizer takes no gradients, since it runs the model itself. */
export function checkTakesGradients(action: string, optimizer: object): void {
  if (lossUseOf(optimizer) !== "model") return;
  const { name } = optimizer.constructor;
  throw new TypeError(
    `Cannot ${action}: the optimizer must take gradients, and ${name} runs the model itself: take its steps in a loop of your own, with await optimizer.step(...)`,
  );
}
