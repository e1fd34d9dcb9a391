/**
 * Stepping the learning rate schedulers of an optimizer.
 *
 * @module
 */
import type { LRScheduler, Optimizer } from "../optim/mod.ts";

/** After what a scheduler is stepped. */
export type ScheduleUnit = "step" | "epoch" | "evaluation" | "never";

/** One unit for all schedulers, or a function from a scheduler to its unit. */
export type ScheduleUnits =
  | ScheduleUnit
  | ((scheduler: LRScheduler) => ScheduleUnit);

/** The unit of a scheduler. */
export function unitOf(
  scheduler: LRScheduler,
  units: ScheduleUnits,
): ScheduleUnit {
  return typeof units === "function" ? units(scheduler) : units;
}

/**
 * Step the schedulers of `unit`. Schedulers that take a metric are stepped after
 * each evaluation, whatever `units` says.
 *
 * @param optimizer The optimizer that has the schedulers.
 * @param units The unit of each scheduler.
 * @param unit What has just ended.
 * @param metric The monitored measure, if an evaluation has ended.
 */
export function stepSchedulers(
  optimizer: Optimizer,
  units: ScheduleUnits,
  unit: ScheduleUnit,
  metric?: number,
): void {
  for (const scheduler of optimizer.schedulers) {
    if (scheduler.takesMetric) {
      if (metric !== undefined) scheduler.step(metric);
    } else if (unitOf(scheduler, units) === unit) scheduler.step();
  }
}
