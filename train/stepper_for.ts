import { currentPrecision } from "../backend/precision.ts";
import { readsAtOnce } from "../backend/read.ts";
import type { Batch } from "../data/batch.ts";
import { LateStepper, WholeStepper } from "./batch_steppers.ts";
import type { OnFallback } from "./fallbacks.ts";
import type { FitOptions } from "./fit_options.ts";
import { hasLineSearch, PartStepper } from "./part_stepper.ts";
import { ScaledStepper } from "./scaled_stepper.ts";
import type { Stepper } from "./stepper.ts";
import type { Team } from "./team.ts";

/** The stepper for the options of a run. */
export function stepperFor<B extends Batch>(
  options: FitOptions<B>,
  onFallback: OnFallback,
  team: Team | undefined,
): Stepper<B> {
  const { accumulate = 1, optimizer, nan = "stop" } = options;
  const isMixed = currentPrecision() === "mixed";
  // Gradients of several ranks are added between the parts of a step.
  if (team) return new PartStepper(options, onFallback, team);
  if (isMixed) return new ScaledStepper(options, onFallback);
  if (accumulate > 1 || hasLineSearch(optimizer)) {
    return new PartStepper(options, onFallback);
  }
  // Steps are functions that do not wait, as far as they can.
  if (readsAtOnce() || nan === "ignore") {
    return new WholeStepper(options, onFallback);
  }
  return nan === "stop"
    ? new LateStepper(options, onFallback)
    : new PartStepper(options, onFallback);
}
