/**
 * Learning rates as functions of the epoch.
 *
 * | shape | schedulers |
 * | --- | --- |
 * | steps | `ConstantLR`, `StepLR`, `MultiStepLR`, `PiecewiseConstantSchedule` |
 * | one way | `LinearLR`, `PolynomialLR`, `ExponentialLR`, `ExponentialDecayLR`, `CosineAnnealingLR` |
 * | up and down | `CyclicLR`, `CosineAnnealingWarmRestarts`, `OneCycleLR` |
 * | warmup | `WarmupScheduler`, `WarmupCosineSchedule`, `InverseSqrtLR`, `WSDSchedule` |
 * | any function | `LambdaLR`, `MultiplicativeLR` |
 * | by a metric | `ReduceLROnPlateau` |
 * | of others | `ChainedScheduler`, `SequentialLR` |
 *
 * Each is a pure function of the epoch, {@linkcode LRScheduler.lrAt}, and the
 * epoch it is at. `docs/schedules.svg` shows them all.
 *
 * @module
 */
export * from "./scheduler.ts";
export type { SchedulerData, SchedulerState } from "./scheduler_state.ts";
export { type LearningRate, toScheduler } from "./to_scheduler.ts";
export type { SchedulerOptions } from "./settings.ts";
export { type LrFactor } from "./factor.ts";

export * from "./constant_lr.ts";
export * from "./linear_lr.ts";
export * from "./step_lr.ts";
export * from "./multi_step_lr.ts";
export * from "./exponential_lr.ts";
export * from "./exponential_decay_lr.ts";
export * from "./polynomial_lr.ts";
export * from "./cosine_annealing_lr.ts";
export * from "./cosine_annealing_warm_restarts.ts";
export * from "./cyclic_lr.ts";
export * from "./one_cycle_lr.ts";
export * from "./piecewise_constant_schedule.ts";
export * from "./lambda_lr.ts";
export * from "./multiplicative_lr.ts";

export * from "./warmup_scheduler.ts";
export * from "./warmup_cosine_schedule.ts";
export * from "./inverse_sqrt_lr.ts";
export * from "./wsd_schedule.ts";

export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from "./reduce_lr_on_plateau.ts";

export * from "./composite_lr.ts";
export * from "./chained_scheduler.ts";
export * from "./sequential_lr.ts";
