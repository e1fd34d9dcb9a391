import {
  anything,
  check,
  checkOptions,
  increasingListOf,
  listOf,
  nonemptyListOf,
  refuse,
} from "../../internal/check.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode PiecewiseConstantSchedule}. */
export interface PiecewiseConstantScheduleOptions extends LRSchedulerOptions {
  /**
   * What {@linkcode ChainedScheduler} divides the rates by; otherwise it does not
   * change them. A list says how many parameter groups there are. Default: the
   * first value.
   */
  readonly baseLr?: number | readonly number[] | undefined;
  /** The epochs at which the next value begins, sorted. Default: [1000, 2000]. */
  readonly boundaries?: readonly number[] | undefined;
  /**
   * The rates: one more than there are boundaries, for all parameter groups, or
   * a list of such lists with one per group. Default: [1, 0.1, 0.01].
   */
  readonly values?:
    | readonly number[]
    | readonly (readonly number[])[]
    | undefined;
}

/**
 * One constant rate after another.
 *
 * ```text
 * lr(e) = values[number of boundaries ≤ e]
 * ```
 *
 * The values are rates, not factors: a parameter group cannot have a base rate of
 * its own, but it can have its own list of values.
 *
 * Take it to give rates themselves, where other schedules take factors.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.PiecewiseConstantSchedule({
 *   boundaries: [2, 4],
 *   values: [0.1, 0.01, 0.001],
 * });
 * const lrs = [0, 1, 2, 3, 4].map((epoch) => scheduler.lrAt(epoch));
 * assertEquals(lrs, [0.1, 0.1, 0.01, 0.01, 0.001]);
 * ```
 */
export class PiecewiseConstantSchedule extends LRScheduler {
  /** The epochs at which the next value begins. */
  readonly boundaries: readonly number[];
  /** The rates of each parameter group; one list where all use it. */
  readonly values: readonly (readonly number[])[];
  readonly #isShared: boolean;

  /** Create the scheduler. */
  constructor(options: PiecewiseConstantScheduleOptions = {}) {
    const action = `create ${new.target.name}`;
    checkOptions<PiecewiseConstantScheduleOptions>(action, options, {
      baseLr: anything,
      lastEpoch: anything,
      boundaries: increasingListOf("a positive integer"),
      values: nonemptyListOf(anything),
    });
    const { boundaries = [1000, 2000], values = [1, 0.1, 0.01] } = options;
    const { baseLr } = options;
    const isShared = !Array.isArray(values[0]);
    const lists = (isShared ? [values] : values) as (readonly number[])[];
    for (const [i, list] of lists.entries()) {
      const name = isShared ? "values" : `values[${i}]`;
      check(action, name, list, listOf("a nonnegative finite number"));
      if (list.length === boundaries.length + 1) continue;
      const rule =
        `a list with one value more than there are boundaries (${boundaries.length})`;
      refuse(action, name, rule, list);
    }
    super({
      ...options,
      baseLr: baseLr === undefined
        ? lists.map((list) => list[0]!)
        : typeof baseLr === "number" && !isShared
        ? lists.map(() => baseLr)
        : baseLr,
    });
    const groups = this.baseLrs.length;
    if (!isShared && lists.length !== groups) {
      const rule = `a list with one list per base rate (${groups})`;
      refuse(action, "values", rule, values);
    }
    this.boundaries = [...boundaries];
    this.values = lists.map((list) => [...list]);
    this.#isShared = isShared;
  }

  /** True: the values are rates. */
  override get isAbsolute(): boolean {
    return true;
  }

  /**
   * Throw where `setBaseLr` would: for a base rate of its own, and for a group
   * without a list of values.
   *
   * @param group The index of the group.
   * @param baseLr Its base rate, if it has one of its own.
   */
  override checkBaseLr(group: number, baseLr?: number): void {
    super.checkBaseLr(group, baseLr);
    if (this.#isShared || group < this.values.length) return;
    const action = `set a base rate of ${this.constructor.name}`;
    const rule = `one with a list of values (there are ${this.values.length})`;
    refuse(action, "group", rule, group);
  }

  /** See the formula above. */
  protected override rate(
    epoch: number,
    _baseLr: number,
    group: number,
  ): number {
    const passed = this.boundaries.filter((boundary) => boundary <= epoch);
    const values = this.values[group] ?? this.values.at(-1)!;
    return values[passed.length]!;
  }
}
