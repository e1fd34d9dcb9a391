/**
 * Metrics of many batches.
 *
 * @module
 */
export * from "./auc.ts";
export {
  AverageMetric,
  MeanAbsoluteErrorMetric,
  type MeanMetric,
  MeanSquaredErrorMetric,
  PerplexityMetric,
  R2ScoreMetric,
  type Spread,
  WelfordMetric,
} from "./average.ts";
export * from "./averaged.ts";
export {
  AccuracyMetric,
  type AccuracyOptions,
  type Classified,
  ConfusionMatrix,
} from "./classification.ts";
export type { Metric } from "./metric.ts";
export * from "./multi.ts";
