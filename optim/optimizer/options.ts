/**
 * The options of an optimizer, of its parameter groups and of a step.
 *
 * @module
 */
import { boolean, type OptionRules } from "../../internal/check.ts";
import type { States } from "../../state.ts";
import {
  DECAY_RULES,
  OPTIMIZER_RULES,
  type OptimizerOptions,
  transformation,
  type WeightDecayOptions,
} from "../transforms/options.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";

/** Options of {@linkcode Optimizer} itself. */
export interface TxOptions extends OptimizerOptions, WeightDecayOptions {
  /**
   * The transformation of the gradients. Default: Adam with an L2 penalty of
   * `weightDecay`.
   */
  readonly tx?: GradientTransformation | undefined;
}

/** What the options of {@linkcode Optimizer} must be. */
export const TX_RULES: OptionRules<TxOptions> = {
  ...OPTIMIZER_RULES,
  ...DECAY_RULES,
  tx: transformation,
};

/** Options of a parameter group: any of the optimizer's, or `tx`. */
export type GroupOptions<O> = Partial<O> & {
  /** Another transformation for this group. */
  readonly tx?: GradientTransformation | undefined;
};

/** Parameters with the same options. */
export interface ParamGroup {
  /** The parameters, by path. */
  readonly params: States;
  /** The options of the optimizer, overridden by those of the group. */
  readonly options: object;
  /** The rate that the schedule starts from. */
  readonly baseLr: number;
  /** The rate that the next step applies; see `currentLr`. */
  lr: number;
}

/** Options of a step. */
export interface StepOptions {
  /** Whether the gradients stay the caller's to dispose. Default: false. */
  readonly keep?: boolean | undefined;
}

/** Options of {@linkcode Optimizer.loadStateDict}: what is not to be as it was. */
export interface LoadOptions {
  /** The learning rate from then on, as if set to `currentLr`. Default: as saved. */
  readonly lr?: number | undefined;
  /**
   * The weight decay from then on, of all groups without a `tx` of their own.
   * Default: that of the constructor.
   */
  readonly weightDecay?: number | undefined;
}

/** What {@linkcode LoadOptions} must be. */
export const LOAD_RULES: OptionRules<LoadOptions> = {
  lr: "a nonnegative finite number",
  weightDecay: "a nonnegative finite number",
};

/** What {@linkcode StepOptions} must be. */
export const STEP_RULES: OptionRules<StepOptions> = { keep: boolean };

/** Throw if options of a group are among `names`, which are one for all groups. */
export function checkOfAll(
  name: string,
  options: object,
  names: readonly string[],
): void {
  for (const option of Object.keys(options)) {
    if (!names.includes(option)) continue;
    throw new TypeError(
      `Cannot add a group to ${name}: ${option} must be left out, since it is one of all groups`,
    );
  }
}
