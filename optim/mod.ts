/**
 * Optimizers: pure transformations of gradients, and the classes that hold their
 * state.
 *
 * @module
 */
export {
  Expr,
  type Extent,
  type Head,
  type Op,
} from "../backend/fusion/mod.ts";

export * from "./transforms/transformation.ts";
export { elementwise } from "./transforms/elementwise.ts";
export * from "./transforms/rule.ts";
export * from "./transforms/per_tensor.ts";
export { chain } from "./transforms/chain.ts";
export * from "./transforms/partition.ts";
export { isMatrix, type Mask, matricesExcept } from "./transforms/mask.ts";
export * from "./transforms/layers.ts";
export * from "./transforms/clip.ts";
export {
  projectLowRank,
  type ProjectLowRankOptions,
} from "./transforms/project_low_rank.ts";
export {
  orthogonalize,
  type OrthogonalizeOptions,
} from "./transforms/orthogonalize.ts";
export {
  adaptiveGradClip,
  type AdaptiveGradClipOptions,
} from "./transforms/adaptive_grad_clip.ts";
export {
  addGradientNoise,
  type GradientNoiseOptions,
} from "./transforms/gradient_noise.ts";
export { ema, type EmaOptions } from "./transforms/ema.ts";
export { lazyRows } from "./transforms/lazy_rows.ts";
export { accumulate } from "./transforms/accumulate.ts";
export {
  skipNonFinite,
  type SkipNonFiniteOptions,
} from "./transforms/skip_non_finite.ts";
export { type SkippedSteps, skippedSteps } from "./optimizer/skipped_steps.ts";
export { keepAgreeing } from "./transforms/agreeing.ts";
export { centralize } from "./transforms/centralize.ts";
export { addDecayedWeights } from "./transforms/decay.ts";
export * from "./transforms/trace.ts";
export {
  scaleByTrustRatio,
  type ScaleByTrustRatioOptions,
} from "./transforms/trust_ratio.ts";
export {
  scaleByAdam,
  type ScaleByAdamOptions,
} from "./transforms/scale_by_adam.ts";
export {
  scaleByLbfgs,
  type ScaleByLbfgsOptions,
} from "./transforms/scale_by_lbfgs.ts";
export { rateOf, scaleByLearningRate } from "./transforms/learning_rate.ts";
export type {
  MomentsOptions,
  OptimizerOptions,
  WeightDecayOptions,
} from "./transforms/options.ts";
export type { ScheduleFreeOptions } from "./transforms/schedule_free.ts";

import "./optimizer/shown.ts";
export { Optimizer } from "./optimizer/optimizer.ts";
export { AveragingOptimizer } from "./optimizer/averaging_optimizer.ts";
export {
  AroundOptimizer,
  type BaseOptions,
} from "./optimizer/around_optimizer.ts";
export { LearningRates } from "./optimizer/learning_rates.ts";
export type {
  GroupOptions,
  LoadOptions,
  ParamGroup,
  StepOptions,
  TxOptions,
} from "./optimizer/options.ts";
export type {
  GradientsOf,
  NamedOptimizer,
  Registered,
  UnnamedOptimizer,
} from "./optimizer/registered.ts";
export type { OptimizerState } from "./optimizer/optimizer_state.ts";

export * from "./named/adabelief.ts";
export * from "./named/adadelta.ts";
export * from "./named/adafactor.ts";
export * from "./named/adagrad.ts";
export { Adam, adam, type AdamOptions } from "./named/adam.ts";
export * from "./named/adamax.ts";
export * from "./named/adamw.ts";
export * from "./named/adan.ts";
export * from "./named/ademamix.ts";
export * from "./named/adopt.ts";
export * from "./named/asgd.ts";
export * from "./named/cautious.ts";
export * from "./named/dadapt_adamw.ts";
export * from "./named/fromage.ts";
export * from "./named/ftrl.ts";
export * from "./named/gradient_centralization.ts";
export * from "./named/galore.ts";
export * from "./named/lamb.ts";
export * from "./named/lars.ts";
export * from "./named/lbfgs.ts";
export * from "./named/lion.ts";
export * from "./named/lookahead.ts";
export * from "./named/mars.ts";
export * from "./named/momentum.ts";
export { isHiddenMatrix, Muon, muon, type MuonOptions } from "./named/muon.ts";
export * from "./named/nadam.ts";
export * from "./named/novograd.ts";
export * from "./named/prodigy.ts";
export * from "./named/radam.ts";
export * from "./named/rmsprop.ts";
export * from "./named/rprop.ts";
export * from "./named/sam.ts";
export * from "./named/schedule_free_adamw.ts";
export * from "./named/schedule_free_sgd.ts";
export * from "./named/sgd.ts";
export * from "./named/signum.ts";
export * from "./named/sm3.ts";
export * from "./named/sofo.ts";
export * from "./named/soap.ts";
export {
  scaleBySophia,
  type ScaleBySophiaOptions,
  Sophia,
  sophia,
  type SophiaOptions,
} from "./named/sophia.ts";
export * from "./named/yogi.ts";

export {
  ForwardMode,
  type ForwardModeOptions,
  type ModelEvaluation,
} from "./forward_mode/optimizer.ts";
export type { Closure, Evaluation, LineFunction } from "./line_search/line.ts";
export * from "./line_search/line_search.ts";
export * from "./schedulers/mod.ts";
export * from "./search/mod.ts";
export * from "./minimize/mod.ts";

export type { States } from "../state.ts";
export type { Named, Tensors } from "../tensors.ts";
