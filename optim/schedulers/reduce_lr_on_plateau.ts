import {
  check,
  oneOf,
  oneOrMore,
  orNull,
  refuse,
  sortedListOf,
} from "../../internal/check.ts";
import { LRScheduler } from "./scheduler.ts";
import type { SchedulerState } from "./scheduler_state.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** Options of {@linkcode ReduceLROnPlateau}. */
export type ReduceLROnPlateauOptions =
  & SchedulerOptions<
    ReduceLROnPlateau,
    | "mode"
    | "factor"
    | "patience"
    | "threshold"
    | "thresholdMode"
    | "cooldown"
    | "eps"
    | "variant"
  >
  & {
    /**
     * The lowest rate; a list has one per parameter group, and groups beyond it
     * use the last one. Default: 0.
     */
    readonly minLr?: number | readonly number[] | undefined;
  };

/**
 * Cuts the rate when a metric has stopped improving.
 *
 * ```text
 * margin   threshold · |best|                "rel"
 *          threshold                         "abs"
 * better   metric < best - margin            "min"
 *          metric > best + margin            "max"
 * bad      epochs since the best one, not counting those of a cooldown
 * cut      where bad > patience: lr ← max(lr · factor, minLr),
 *          bad ← 0, and a cooldown begins
 * ```
 *
 * `step(metric)` takes the metric of the epoch that has ended. A metric that is
 * not finite is never better. `lrAt` knows the past; for epochs to come it is the
 * current rate.
 *
 * The rule of `torch.optim.lr_scheduler.ReduceLROnPlateau`, but that torch's margin is
 * `threshold · best`: for a best metric below 0 it takes what is a little worse for
 * better, and never cuts. `variant: "torch"` keeps to that.
 *
 * Take it where validation is cheap and the length of the run is not known.
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
  /** Whether a smaller or a larger metric is better. Default: "min". */
  readonly mode: "min" | "max" = "min";
  /** The factor of a cut. Default: 0.1. */
  readonly factor: number = 0.1;
  /**
   * The number of epochs without a better metric that are tolerated; the next one
   * cuts. Default: 10.
   */
  readonly patience: number = 10;
  /** By how much a metric must be better to count as better. Default: 1e-4. */
  readonly threshold: number = 1e-4;
  /**
   * Whether `threshold` is relative to the best metric, or a difference from it.
   * Default: "rel".
   */
  readonly thresholdMode: "rel" | "abs" = "rel";
  /** The number of epochs after a cut that are not counted. Default: 0. */
  readonly cooldown: number = 0;
  /** A cut that changes the rate by no more than this is not made. Default: 1e-8. */
  readonly eps: number = 1e-8;
  /**
   * `"torch"`: a relative margin has the sign of the best metric. `"braintools"`: a
   * metric during a cooldown is ignored. Default: neither.
   */
  readonly variant: "torch" | "braintools" | undefined;
  /** The lowest rate of each parameter group. */
  readonly minLrs: readonly number[];
  #best: number | null = null;
  #badEpochs = 0;
  #cooldownLeft = 0;
  /** The epochs from which each cut holds: with them the rate is a function. */
  #cuts: number[] = [];

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    super(options);
    const { minLr = 0 } = options;
    const action = `create ${new.target.name}`;
    check(action, "minLr", minLr, oneOrMore("a nonnegative finite number"));
    configure(this, options, {
      mode: oneOf("min", "max"),
      factor: "in [0, 1)",
      patience: "a nonnegative integer",
      threshold: "a nonnegative finite number",
      thresholdMode: oneOf("rel", "abs"),
      cooldown: "a nonnegative integer",
      eps: "a nonnegative finite number",
      variant: oneOf("torch", "braintools"),
    }, ["minLr"]);
    this.minLrs = typeof minLr === "number" ? [minLr] : [...minLr];
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
    check(action, "epoch", epoch, "a nonnegative finite number");
    if (epoch < this.lastEpoch) {
      refuse(action, "epoch", `at least lastEpoch (${this.lastEpoch})`, epoch);
    }
    const isCooling = this.#cooldownLeft > 0;
    if (!isCooling || this.variant !== "braintools") {
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

  /** See the formula above. */
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

  /** The state: the base's, the counters, and the cuts. */
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
    const count = "a nonnegative integer";
    check(action, "best", best, orNull("a finite number"));
    check(action, "numBadEpochs", numBadEpochs, count);
    check(action, "cooldownCounter", cooldownCounter, count);
    check(action, "cuts", cuts, sortedListOf("a nonnegative finite number"));
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
    const { threshold, mode } = this;
    if (this.thresholdMode === "abs") {
      return mode === "min"
        ? metric < best - threshold
        : metric > best + threshold;
    }
    const factor = mode === "min" ? 1 - threshold : 1 + threshold;
    const mirrored = mode === "min" ? 1 + threshold : 1 - threshold;
    const limit = best *
      (best < 0 && this.variant !== "torch" ? mirrored : factor);
    return mode === "min" ? metric < limit : metric > limit;
  }

  #reduced(lr: number, group: number): number {
    const minLr = this.minLrs[group] ?? this.minLrs.at(-1)!;
    const next = Math.max(lr * this.factor, minLr);
    return lr - next > this.eps ? next : lr;
  }
}

/** Throw unless `metric` is a number; NaN is one. */
export function checkMetric(action: string, metric: unknown): void {
  check(action, "metric", metric, "a number");
}
