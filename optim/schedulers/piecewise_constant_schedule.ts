import { checkLength, checkNumbers, checkRising } from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode PiecewiseConstantSchedule}. */
export interface PiecewiseConstantScheduleOptions extends LRSchedulerOptions {
  /**
   * What {@linkcode ChainedScheduler} divides the rates by; it does not change
   * them otherwise. A list says how many parameter groups there are. The first
   * value by default.
   */
  readonly baseLr?: number | readonly number[] | undefined;
  /**
   * The epochs at which the next value begins, sorted. Default: [1000, 2000].
   */
  readonly boundaries?: readonly number[] | undefined;
  /**
   * The rates: one more than there are boundaries, for all parameter groups, or
   * a list of lists with those of each group. Default: [1, 0.1, 0.01].
   */
  readonly values?:
    | readonly number[]
    | readonly (readonly number[])[]
    | undefined;
}

/**
 * One rate after another.
 *
 * ```text
 * lr(e) = values[number of boundaries ≤ e]
 * ```
 *
 * The values are rates, not factors: a parameter group cannot have a base rate of
 * its own, but it can have its own list of values.
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
  /** The rates of each parameter group; one list where all share it. */
  readonly values: readonly (readonly number[])[];
  readonly #isShared: boolean;

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      boundaries = [1000, 2000],
      values = [1, 0.1, 0.01],
      baseLr,
      lastEpoch = 0,
    }: PiecewiseConstantScheduleOptions = {},
  ) {
    const action = `create ${new.target.name}`;
    checkNumbers(action, "boundaries", boundaries, "a positive integer");
    checkRising(action, "boundaries", boundaries);
    const isShared = !Array.isArray(values?.[0]);
    const lists = (isShared ? [values] : values) as (readonly number[])[];
    for (const [i, list] of lists.entries()) {
      const name = isShared ? "values" : `values[${i}]`;
      const rule = "one value more than there are boundaries";
      checkNumbers(action, name, list, "a nonnegative finite number");
      checkLength(action, name, list, boundaries.length + 1, rule);
    }
    super({
      baseLr: baseLr === undefined
        ? lists.map((list) => list[0]!)
        : typeof baseLr === "number" && !isShared
        ? lists.map(() => baseLr)
        : baseLr,
      lastEpoch,
    });
    if (!isShared) {
      const groups = this.baseLrs.length;
      checkLength(action, "values", lists, groups, "one list per base rate");
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
    throw new RangeError(
      `Cannot set a base rate of ${this.constructor.name}: group must have a list of values (there are ${this.values.length}): current value is ${group}`,
    );
  }

  /** The rate: see the formula above. */
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
