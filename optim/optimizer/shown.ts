/**
 * What consoles show of optimizers and schedulers.
 *
 * @module
 */
import { counted, showAs } from "../../internal/shown.ts";
import { LRScheduler } from "../schedulers/mod.ts";
import { Optimizer } from "./optimizer.ts";

/** Up to six digits. */
function rate(lr: number): string {
  return `${Number(lr.toPrecision(6))}`;
}

/** The options that are numbers, switches and words. */
function settings(options: object): string {
  const plain = Object.entries(options).filter(([key, value]) =>
    key !== "lr" && value !== undefined &&
    (typeof value !== "object" || Array.isArray(value)) &&
    typeof value !== "function"
  );
  const texts = plain.map(([key, value]) =>
    `${key}: ${Array.isArray(value) ? `[${value.join(", ")}]` : value}`
  );
  return texts.length > 0 ? `, ${texts.join(", ")}` : "";
}

showAs<Optimizer>(Optimizer, (optimizer) => {
  const { constructor, stepCount, paramGroups, optState, lrScheduler } =
    optimizer;
  const schedule = lrScheduler.constructor.name;
  const lines = paramGroups.map(({ params, options, lr }, i) => {
    const states = Object.values(params);
    const count = states.reduce((sum, state) => sum + state.size, 0);
    return `  group ${i}: ${counted(count, "number")} in ${
      counted(states.length, "parameter")
    }, lr: ${rate(lr)}${settings(options)}`;
  });
  if (lines.length === 0) lines.push("  no parameters");
  const slots = Object.keys(optState.slots);
  if (slots.length > 0) lines.push(`  slots: ${slots.join(", ")}`);
  return [
    `${constructor.name} after ${counted(stepCount, "step")}, ${schedule}`,
    ...lines,
  ].join("\n");
});

showAs<LRScheduler>(LRScheduler, (scheduler) => {
  const { constructor, lastEpoch, currentLrs } = scheduler;
  const rates = currentLrs.map(rate).join(", ");
  return `${constructor.name}, epoch ${lastEpoch}, lr: ${rates}`;
});
