import { checkNumber } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode ExponentialLR}. */
export interface ExponentialLROptions extends LRSchedulerOptions {
  /** What an epoch multiplies the rate by. Default: 0.95. */
  readonly gamma?: number | undefined;
}

/**
 * The rate is multiplied by `gamma` every epoch.
 *
 * ```text
 * lr(e) = baseLr · gamma^e
 * ```
 *
 * The rule of `torch.optim.lr_scheduler.ExponentialLR`.
 */
export class ExponentialLR extends LRScheduler {
  /** What an epoch multiplies the rate by. */
  readonly gamma: number;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor({ gamma = 0.95, ...base }: ExponentialLROptions = {}) {
    super(base);
    const action = `create ${new.target.name}`;
    checkNumber(action, "gamma", gamma, "a nonnegative finite number");
    this.gamma = gamma;
  }

  /** The rate: see the formula above. */
  protected override rate(epoch: number, baseLr: number): number {
    return baseLr * this.gamma ** epoch;
  }
}
