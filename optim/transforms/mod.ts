/**
 * All that a named optimizer is made of. Internal: `optim/mod.ts` exports what is
 * public of it.
 *
 * @module
 */
export { Expr } from "../../backend/fusion/mod.ts";
export { agreeing } from "./agreeing.ts";
export { centralize } from "./centralize.ts";
export { chain } from "./chain.ts";
export { clipByBlockRms } from "./clip.ts";
export { addDecayedWeights, decayed, decayOf } from "./decay.ts";
export { DISTANCE_RULES, distanceScalars } from "./distance.ts";
export { elementwise } from "./elementwise.ts";
export { baseRateOf, rateOf } from "./learning_rate.ts";
export { isMatrix, type Mask, matches } from "./mask.ts";
export * from "./options.ts";
export * from "./moments.ts";
export {
  matrixOf,
  orthogonalize,
  ORTHOGONALIZE_RULES,
  type OrthogonalizeOptions,
} from "./orthogonalize.ts";
export { partition } from "./partition.ts";
export { perTensor } from "./per_tensor.ts";
export { clips, coupled, pipeline } from "./pipeline.ts";
export {
  PROJECT_RULES,
  projectLowRank,
  type ProjectLowRankOptions,
} from "./project_low_rank.ts";
export type { SlotStart, StepInfo } from "./rule.ts";
export { stepAndDecay } from "./step_and_decay.ts";
export { scaleBy } from "./scale_by.ts";
export { SCALE_BY_ADAM_RULES, scaleByAdam } from "./scale_by_adam.ts";
export type { ScaleByAdamOptions } from "./scale_by_adam.ts";
export { scaleByLearningRate } from "./learning_rate.ts";
export { LBFGS_RULES, scaleByLbfgs } from "./scale_by_lbfgs.ts";
export type { ScaleByLbfgsOptions } from "./scale_by_lbfgs.ts";
export {
  followAverage,
  SCHEDULE_FREE_RULES,
  type ScheduleFreeOptions,
} from "./schedule_free.ts";
export { shared, sharedGreatest } from "./shared.ts";
export { trace } from "./trace.ts";
export type { GradientTransformation } from "./transformation.ts";
export { scaleByTrustRatio, trustRatio } from "./trust_ratio.ts";
