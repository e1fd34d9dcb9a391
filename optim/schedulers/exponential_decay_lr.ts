import { boolean } from "../../internal/check.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode ExponentialDecayLR}. */
export type ExponentialDecayLROptions = SchedulerOptions<
  ExponentialDecayLR,
  "decaySteps" | "decayRate" | "transitionBegin" | "staircase" | "endValue"
>;

/**
 * Multiplies the rate by `decayRate` every `decaySteps` epochs, continuously or in
 * steps.
 *
 * ```text
 * r     = max(e - transitionBegin, 0) / decaySteps     ⌊r⌋ with staircase
 * lr(e) = max(baseLr · decayRate^r, endValue)          min where decayRate ≥ 1
 * ```
 *
 * The rule of `optax.exponential_decay`.
 *
 * Take it for {@linkcode ExponentialLR} that begins late, ends at a least rate, or
 * falls in steps.
 */
export class ExponentialDecayLR extends LRScheduler {
  /** Epochs in which the rate is multiplied by `decayRate`. Default: 1000. */
  readonly decaySteps: number = 1000;
  /** The factor of `decaySteps` epochs. Default: 0.96. */
  readonly decayRate: number = 0.96;
  /** The epoch at which the decay begins. Default: 0. */
  readonly transitionBegin: number = 0;
  /** Whether the rate changes only every `decaySteps` epochs. Default: false. */
  readonly staircase: boolean = false;
  /** The rate at which the decay ends. Default: none. */
  readonly endValue: number | undefined;

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: ExponentialDecayLROptions = {}) {
    super(options);
    configure(this, options, {
      decaySteps: "a positive integer",
      decayRate: "a positive finite number",
      transitionBegin: "a nonnegative integer",
      staircase: boolean,
      endValue: "a nonnegative finite number",
    });
  }

  /** See the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { decaySteps, decayRate, endValue } = this;
    const decays = Math.max(epoch - this.transitionBegin, 0) / decaySteps;
    const lr = baseLr *
      decayRate ** (this.staircase ? Math.floor(decays) : decays);
    if (endValue === undefined) return lr;
    return decayRate < 1 ? Math.max(lr, endValue) : Math.min(lr, endValue);
  }
}
