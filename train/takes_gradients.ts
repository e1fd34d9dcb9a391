/**
 * Which optimizers can be trained with.
 *
 * @module
 */
import { ForwardMode } from "../optim/mod.ts";

/** Throw if an optimizer takes no gradients, since it runs the model itself. */
export function checkTakesGradients(action: string, optimizer: object): void {
  if (!(optimizer instanceof ForwardMode)) return;
  const { name } = optimizer.constructor;
  throw new TypeError(
    `Cannot ${action}: the optimizer must take gradients, and ${name} runs the model itself: take its steps in a loop of your own, with await optimizer.step(...)`,
  );
}
