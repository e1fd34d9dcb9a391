/**
 * Training: data, the loop, and seeing how it goes.
 *
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(2, 1);
 * const x = train.column(Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1), [2]);
 * const y = train.column(Float32Array.of(0, 1, 1, 2), [1]);
 * const result = await train.fit({
 *   optimizer: new optim.Adam({ lr: 0.1 })
 *     .registerTrainableWeights(model.states(ParamState)),
 *   loss: (x, y) => tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   data: train.batches([x, y], { batchSize: 2, shuffle: true }),
 *   epochs: 20,
 *   callbacks: [train.progressBar()],
 * });
 * ```
 *
 * The loop may as well be written by hand: {@linkcode batches} gives the tensors,
 * {@linkcode step} does one step.
 *
 * @module
 */
export * from "../data/mod.ts";

export {
  type BatchMetric,
  metric,
  type MetricValue,
  type PredictionMetric,
} from "./batch_metric.ts";
export type { Callback, Run } from "./callback.ts";
export type { CheckpointOptions } from "./checkpoints.ts";
export { earlyStopping, type EarlyStoppingOptions } from "./early_stopping.ts";
export {
  evaluate,
  type EvaluateOptions,
  type MeasuresByName,
  type MeasureValues,
} from "./evaluate.ts";
export { type Measure, measure, type Mode } from "./measure.ts";
export type { Measures, Monitor } from "./monitor.ts";
export {
  findLr,
  type FindLrOptions,
  lrChart,
  type LrCurve,
} from "./find_lr.ts";
export { fit } from "./fit.ts";
export type { FailedStep, FitOptions, FitResult } from "./fit_options.ts";
export { runFolder, type RunFolderOptions } from "./run_folder.ts";
export type {
  ChromeTrace,
  Profile,
  ProfileOptions,
  ProfileRow,
  ProfileSummary,
  TraceEvent,
} from "../profile/mod.ts";
export { profileSteps, type StepProfiler } from "./profile_steps.ts";
export type { ScheduleUnit, ScheduleUnits } from "./schedules.ts";
export { LossScale, type LossScaleState } from "./loss_scale.ts";
export { step, type StepOptions } from "./step.ts";
export * from "./weight_average.ts";

export { csvLog } from "./logs/csv_log.ts";
export { jsonLines, readRunLog } from "./logs/json_lines.ts";
export type { ProgressOutput } from "./logs/output.ts";
export { progressBar, type ProgressOptions } from "./logs/progress.ts";
export {
  notebookDisplay,
  type NotebookDisplayFunction,
  type NotebookDisplayOptions,
} from "./logs/notebook.ts";
export { formatLogLine, parseRunLog } from "./logs/log_lines.ts";
export {
  type EndRecord,
  type EvaluationRecord,
  type LogLine,
  type Matrix,
  type RunConfig,
  type RunLog,
  type StepRecord,
} from "./logs/run_log.ts";
export {
  EventWriter,
  type Histogram,
  histogram,
  tensorBoard,
  type TensorBoardOptions,
} from "./logs/tensorboard.ts";

export {
  type Boundary,
  boundaryChart,
  decisionBoundary,
} from "./report/boundary.ts";
export type { Facts } from "./report/facts.ts";
export { type ModuleRow, modulesOf } from "./report/modules.ts";
export {
  mostWrong,
  type MostWrongOptions,
  type WrongExample,
} from "./report/most_wrong.ts";
export { renderReport, type ReportOptions } from "./report/page.ts";
export type { Series } from "./report/plot.ts";
export type { Point } from "./report/points.ts";
export { report, type ReportCallbackOptions } from "./report/report.ts";
export { lineChart, type LineChartOptions } from "./report/svg.ts";
