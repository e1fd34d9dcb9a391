/**
 * When the schedulers of an optimizer go on.
 *
 * @module
 */
import type { LRScheduler, Optimizer } from "../optim/mod.ts";

/** When a scheduler goes on. */
export type ScheduleUnit = "step" | "epoch" | "evaluation" | "never";

/** One unit for all schedulers, or a function that decides for each. */
export type Schedule =
  | ScheduleUnit
  | ((scheduler: LRScheduler) => ScheduleUnit);

/**
 * Let the schedulers go on whose turn it is. Those that take a metric go on after
 * an evaluation, whatever `schedule` says.
 *
 * @param optimizer Whose schedulers.
 * @param schedule Whose turn it is when.
 * @param unit What has just ended.
 * @param metric What the evaluation measured, if that is what ended.
 * @throws {RangeError} If a scheduler takes a metric, and there is none.
 */
export function stepSchedulers(
  optimizer: Optimizer,
  schedule: Schedule,
  unit: ScheduleUnit,
  metric?: { readonly name: string; readonly value: number | undefined },
): void {
  for (const scheduler of optimizer.schedulers) {
    if (!scheduler.takesMetric) {
      const own = typeof schedule === "function"
        ? schedule(scheduler)
        : schedule;
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
