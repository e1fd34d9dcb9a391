import { checkNumber } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode ExponentialDecayLR}. */
export interface ExponentialDecayLROptions extends LRSchedulerOptions {
  /** Epochs in which the rate is multiplied by `decayRate`. Default: 1000. */
  readonly decaySteps?: number | undefined;
  /** What `decaySteps` epochs multiply the rate by. Default: 0.96. */
  readonly decayRate?: number | undefined;
  /** The epoch at which the decay begins. Default: 0. */
  readonly transitionBegin?: number | undefined;
  /**
   * Whether the rate changes only every `decaySteps` epochs. Default: false.
   */
  readonly staircase?: boolean | undefined;
  /**
   * Where the decay ends. Default: nowhere.
   */
  readonly endValue?: number | undefined;
}

/**
 * The rate is multiplied by `decayRate` every `decaySteps` epochs, gradually or at
 * once.
 *
 * ```text
 * r     = max(e - transitionBegin, 0) / decaySteps     ⌊r⌋ with staircase
 * lr(e) = baseLr · decayRate^r
 * ```
 *
 * no lower than `endValue` (no higher, where `decayRate` is above 1).
 *
 * The rule of `optax.exponential_decay`.
 */
export class ExponentialDecayLR extends LRScheduler {
  /** Epochs in which the rate is multiplied by `decayRate`. */
  readonly decaySteps: number;
  /** What `decaySteps` epochs multiply the rate by. */
  readonly decayRate: number;
  /** The epoch at which the decay begins. */
  readonly transitionBegin: number;
  /** Whether the rate changes only every `decaySteps` epochs. */
  readonly staircase: boolean;
  /** Where the decay ends. */
  readonly endValue: number | undefined;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      decaySteps = 1000,
      decayRate = 0.96,
      transitionBegin = 0,
      staircase = false,
      endValue,
      ...base
    }: ExponentialDecayLROptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "decaySteps", decaySteps, "a positive integer");
    checkNumber(action, "decayRate", decayRate, "a positive finite number");
    checkNumber(
      action,
      "transitionBegin",
      transitionBegin,
      "a nonnegative integer",
    );
    if (endValue !== undefined) {
      checkNumber(action, "endValue", endValue, "a nonnegative finite number");
    }
    this.decaySteps = decaySteps;
    this.decayRate = decayRate;
    this.transitionBegin = transitionBegin;
    this.staircase = staircase;
    this.endValue = endValue;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    const { decaySteps, decayRate, endValue } = this;
    const decays = Math.max(epoch - this.transitionBegin, 0) / decaySteps;
    const lr = baseLr *
      decayRate ** (this.staircase ? Math.floor(decays) : decays);
    if (endValue === undefined) return lr;
    return decayRate < 1 ? Math.max(lr, endValue) : Math.min(lr, endValue);
  }
}
