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

/**
 * Step the schedulers of `unit`. Schedulers that take a metric are stepped after
 * each evaluation, whatever `units` says.
 *
 * @param optimizer The optimizer that has the schedulers.
 * @param units The unit of each scheduler.
 * @param unit What has just ended.
 * @param metric The monitored measure, if an evaluation has ended.
 * @throws {RangeError} If a scheduler takes a metric, and the measure is missing.
 */
export function stepSchedulers(
  optimizer: Optimizer,
  units: ScheduleUnits,
  unit: ScheduleUnit,
  metric?: { readonly name: string; readonly value: number | undefined },
): void {
  for (const scheduler of optimizer.schedulers) {
    if (!scheduler.takesMetric) {
      const own = typeof units === "function" ? units(scheduler) : units;
      if (own === unit) scheduler.step();
    } else if (metric) {
      if (metric.value === undefined) {
        throw new RangeError(
          `Cannot step ${scheduler.constructor.name}: monitor must be a measure: current value is ${
            JSON.stringify(metric.name)
          }`,
        );
      }
      scheduler.step(metric.value);
    }
  }
}
