import {
  checkNumber,
  checkNumbers,
  checkOneOf,
  checkRising,
  rates,
  show,
} from "./checks.ts";
import {
  LRScheduler,
  type LRSchedulerOptions,
  type SchedulerState,
} from "./scheduler.ts";

/** Options of {@linkcode ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions extends LRSchedulerOptions {
  /** Whether a smaller or a larger metric is better. Default: "min". */
  readonly mode?: "min" | "max" | undefined;
  /** What a cut multiplies the rate by. Default: 0.1. */
  readonly factor?: number | undefined;
  /**
   * How many epochs without a better metric are tolerated: the next one cuts.
   * Default: 10.
   */
  readonly patience?: number | undefined;
  /**
   * By how much a metric has to be better to count as better. Default: 1e-4.
   */
  readonly threshold?: number | undefined;
  /**
   * Whether `threshold` is a share of the best metric, or a difference from it.
   * Default: "rel".
   */
  readonly thresholdMode?: "rel" | "abs" | undefined;
  /** How many epochs after a cut are not counted. Default: 0. */
  readonly cooldown?: number | undefined;
  /**
   * The lowest rate; a list has one per parameter group, and groups beyond it
   * share the last one. Default: 0.
   */
  readonly minLr?: number | readonly number[] | undefined;
  /**
   * A cut that changes the rate by no more than this is not made. Default:
   * 1e-8.
   */
  readonly eps?: number | undefined;
  /**
   * During a cooldown, `"torch"` still takes note of a better metric;
   * `"braintools"` does not look at the metric. Default: "torch".
   */
  readonly variant?: "torch" | "braintools" | undefined;
}

/**
 * The rate is cut when a metric has stopped getting better.
 *
 * ```text
 * better   metric < best · (1 - threshold)   "min", "rel"
 *          metric < best - threshold         "min", "abs"
 *          metric > best · (1 + threshold)   "max", "rel"
 *          metric > best + threshold         "max", "abs"
 * bad      epochs since the best one, not counting those of a cooldown
 * cut      where bad > patience: lr ← max(lr · factor, minLr),
 *          bad ← 0, and a cooldown begins
 * ```
 *
 * `step(metric)` takes the metric of the epoch that has ended. A metric that is
 * not finite is never better. `lrAt` knows the past; for epochs to come it is the
 * current rate.
 *
 * The rule of `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.ReduceLROnPlateau({
 *   baseLr: 1,
 *   factor: 0.5,
 *   patience: 1,
 * });
 * for (const loss of [0.9, 0.8, 0.8, 0.8]) scheduler.step(loss);
 * assertEquals(scheduler.currentLrs, [0.5]);
 * ```
 */
export class ReduceLROnPlateau extends LRScheduler {
  /** Whether a smaller or a larger metric is better. */
  readonly mode: "min" | "max";
  /** What a cut multiplies the rate by. */
  readonly factor: number;
  /** How many epochs without a better metric are tolerated. */
  readonly patience: number;
  /** By how much a metric has to be better. */
  readonly threshold: number;
  /** Whether `threshold` is a share or a difference. */
  readonly thresholdMode: "rel" | "abs";
  /** How many epochs after a cut are not counted. */
  readonly cooldown: number;
  /** The lowest rate of each parameter group. */
  readonly minLrs: readonly number[];
  /** The smallest change that is made. */
  readonly eps: number;
  /** What a cooldown does with a better metric. */
  readonly variant: "torch" | "braintools";
  #best: number | null = null;
  #badEpochs = 0;
  #cooldownLeft = 0;
  /** The epochs from which each cut holds: with them the rate is a function. */
  #cuts: number[] = [];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      mode = "min",
      factor = 0.1,
      patience = 10,
      threshold = 1e-4,
      thresholdMode = "rel",
      cooldown = 0,
      minLr = 0,
      eps = 1e-8,
      variant = "torch",
      ...base
    }: ReduceLROnPlateauOptions = {},
  ) {
    super(base);
    const action = `create ${new.target.name}`;
    const minLrs = rates(action, "minLr", minLr);
    checkOneOf(action, "mode", mode, ["min", "max"]);
    checkNumber(action, "factor", factor, "in [0, 1)");
    checkNumber(action, "patience", patience, "a nonnegative integer");
    checkNumber(action, "threshold", threshold, "a nonnegative finite number");
    checkOneOf(action, "thresholdMode", thresholdMode, ["rel", "abs"]);
    checkNumber(action, "cooldown", cooldown, "a nonnegative integer");
    checkNumber(action, "eps", eps, "a nonnegative finite number");
    checkOneOf(action, "variant", variant, ["torch", "braintools"]);
    this.mode = mode;
    this.factor = factor;
    this.patience = patience;
    this.threshold = threshold;
    this.thresholdMode = thresholdMode;
    this.cooldown = cooldown;
    this.minLrs = minLrs;
    this.eps = eps;
    this.variant = variant;
  }

  /** The best metric so far; `null` before the first. */
  get best(): number | null {
    return this.#best;
  }

  /** Epochs since the best metric, not counting those of a cooldown. */
  get numBadEpochs(): number {
    return this.#badEpochs;
  }

  /** Epochs that are left of the cooldown. */
  get cooldownCounter(): number {
    return this.#cooldownLeft;
  }

  /** True: `step` wants a metric. */
  override get takesMetric(): boolean {
    return true;
  }

  /**
   * Go to the next epoch, or forward to the one given.
   *
   * @param metric What the epoch that has ended has reached.
   * @param epoch Where to go; `lastEpoch + 1` by default.
   */
  override step(metric: number, epoch: number = this.lastEpoch + 1): void {
    const action = `step ${this.constructor.name}`;
    checkMetric(action, metric);
    checkNumber(action, "epoch", epoch, "a nonnegative finite number");
    if (epoch < this.lastEpoch) {
      throw new RangeError(
        `Cannot ${action}: epoch must not be before lastEpoch (${this.lastEpoch}): current value is ${epoch}`,
      );
    }
    const isCooling = this.#cooldownLeft > 0;
    if (!isCooling || this.variant === "torch") {
      if (this.#isBetter(metric)) {
        this.#best = metric;
        this.#badEpochs = 0;
      } else if (!isCooling) {
        this.#badEpochs++;
      }
    }
    if (isCooling) this.#cooldownLeft--;
    if (this.#badEpochs > this.patience) {
      this.#badEpochs = 0;
      this.#cooldownLeft = this.cooldown;
      // More cuts change nothing once the product of the factors is 0.
      if (this.factor ** this.#cuts.length > 0) this.#cuts.push(epoch);
    }
    this.moveTo(epoch);
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    let lr = baseLr;
    for (const cut of this.#cuts) {
      if (cut > epoch) break;
      const next = this.#reduced(lr, group);
      if (next === lr) break; // the floor
      lr = next;
    }
    return lr;
  }

  /** What has to be remembered: the base's, the counters, and the cuts. */
  override stateDict(): SchedulerState {
    return {
      ...super.stateDict(),
      best: this.#best,
      numBadEpochs: this.#badEpochs,
      cooldownCounter: this.#cooldownLeft,
      cuts: [...this.#cuts],
    };
  }

  /** Throw where `loadStateDict` would. */
  override checkStateDict(state: SchedulerState): void {
    super.checkStateDict(state);
    const action = `load ${this.constructor.name}`;
    const { best, numBadEpochs, cooldownCounter, cuts } = state;
    if (best !== null) checkNumber(action, "best", best, "a finite number");
    checkNumber(action, "numBadEpochs", numBadEpochs, "a nonnegative integer");
    checkNumber(
      action,
      "cooldownCounter",
      cooldownCounter,
      "a nonnegative integer",
    );
    checkNumbers(action, "cuts", cuts, "a nonnegative finite number");
    checkRising(action, "cuts", cuts, { repeats: true });
  }

  /** Take over a state that has been checked. */
  protected override restore(state: SchedulerState): void {
    super.restore(state);
    this.#best = state.best as number | null;
    this.#badEpochs = state.numBadEpochs as number;
    this.#cooldownLeft = state.cooldownCounter as number;
    this.#cuts = [...state.cuts as readonly number[]];
  }

  #isBetter(metric: number): boolean {
    if (!Number.isFinite(metric)) return false;
    const best = this.#best;
    if (best === null) return true;
    const { threshold } = this;
    if (this.mode === "min") {
      return this.thresholdMode === "rel"
        ? metric < best * (1 - threshold)
        : metric < best - threshold;
    }
    return this.thresholdMode === "rel"
      ? metric > best * (1 + threshold)
      : metric > best + threshold;
  }

  #reduced(lr: number, group: number): number {
    const minLr = this.minLrs[group] ?? this.minLrs.at(-1)!;
    const next = Math.max(lr * this.factor, minLr);
    return lr - next > this.eps ? next : lr;
  }
}

/** Throw unless `metric` is a number; NaN is one. */
export function checkMetric(action: string, metric: unknown): void {
  if (typeof metric === "number") return;
  throw new TypeError(
    `Cannot ${action}: metric must be a number: current value is ${
      show(metric)
    }`,
  );
}
