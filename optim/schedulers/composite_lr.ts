import {
  anything,
  check,
  checkOptions,
  instanceOf,
  listOf,
  nonemptyListOf,
  refuse,
  type Rule,
} from "../../internal/check.ts";
import { checkMetric } from "./reduce_lr_on_plateau.ts";
import { LRScheduler } from "./scheduler.ts";
import type { SchedulerData, SchedulerState } from "./scheduler_state.ts";

/** Options of a scheduler that combines others. */
export interface CompositeLROptions {
  /** The schedulers to combine: at least one, of any class. */
  readonly schedulers: readonly LRScheduler[];
  /** The epoch to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

/**
 * What {@linkcode ChainedScheduler} and {@linkcode SequentialLR} have in common.
 *
 * The schedulers inside are evaluated as functions of the epoch. Only those that
 * take a metric are stepped: `step(metric)` passes it on to them.
 *
 * The base rates are those of the first scheduler.
 */
export abstract class CompositeLR extends LRScheduler {
  /** The schedulers inside. */
  readonly schedulers: readonly LRScheduler[];

  /**
   * Create the scheduler from others.
   *
   * @param options The schedulers, and the epoch to start at.
   * @param own The names of the options that only the subclass has.
   */
  constructor(options: CompositeLROptions, own: readonly string[]) {
    const action = `create ${new.target.name}`;
    checkOptions<object>(action, options, {
      ...Object.fromEntries(
        own.map((name): [string, Rule] => [name, anything]),
      ),
      ...RULES,
    });
    const { schedulers, lastEpoch = 0 } = options;
    checkSchedulers(action, schedulers, lastEpoch);
    const groups = Math.max(...schedulers.map((s) => s.baseLrs.length));
    super({
      baseLr: Array.from(
        { length: groups },
        (_, group) => schedulers[0]!.baseLrOf(group),
      ),
      lastEpoch,
    });
    this.schedulers = [...schedulers];
  }

  /** Pass a metric on to the schedulers that are to see it. */
  protected abstract observe(metric: number): void;

  /** Whether one of the schedulers takes a metric. */
  override get takesMetric(): boolean {
    return this.schedulers.some((scheduler) => scheduler.takesMetric);
  }

  /**
   * Go to the next epoch, or to the one given; with a scheduler that takes a
   * metric, go to the next epoch and pass the metric on.
   *
   * @param epochOrMetric Where to go, or the metric of the epoch that has ended.
   */
  override step(epochOrMetric?: number): void {
    if (!this.takesMetric) return super.step(epochOrMetric);
    checkMetric(`step ${this.constructor.name}`, epochOrMetric);
    this.observe(epochOrMetric!);
    this.moveTo(this.lastEpoch + 1);
  }

  /**
   * Throw where `setBaseLr` would.
   *
   * @param group The index of the group.
   * @param baseLr Its base rate, if it has one of its own.
   */
  override checkBaseLr(group: number, baseLr?: number): void {
    super.checkBaseLr(group, baseLr);
    for (const scheduler of this.schedulers) scheduler.checkBaseLr(group);
  }

  /** The state, with that of each scheduler. */
  override stateDict(): SchedulerState {
    return {
      ...super.stateDict(),
      schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }

  /** Throw where `loadStateDict` would. */
  override checkStateDict(state: SchedulerState): void {
    super.checkStateDict(state);
    const action = `load ${this.constructor.name}`;
    const states = state.schedulers, count = this.schedulers.length;
    check(action, "schedulers", states, listOf(anything));
    if ((states as unknown[]).length !== count) {
      refuse(action, "schedulers", `a list of ${count} states`, states);
    }
    for (const [i, scheduler] of this.schedulers.entries()) {
      scheduler.checkStateDict((states as SchedulerState[])[i]!);
    }
  }

  /** Take over a state that has been checked. */
  protected override restore(state: SchedulerState): void {
    super.restore(state);
    const states = state.schedulers as readonly SchedulerData[];
    for (const [i, scheduler] of this.schedulers.entries()) {
      scheduler.loadStateDict(states[i] as SchedulerState);
    }
  }
}

const RULES = {
  schedulers: nonemptyListOf(instanceOf(LRScheduler, "a scheduler")),
  lastEpoch: "a nonnegative finite number",
} as const;

/** Metrics cannot be replayed: what takes them starts at 0, and is there once. */
function checkSchedulers(
  action: string,
  schedulers: readonly LRScheduler[],
  lastEpoch: number,
): void {
  check(action, "schedulers", schedulers, RULES.schedulers);
  for (const [i, scheduler] of schedulers.entries()) {
    if (!scheduler.takesMetric) continue;
    const name = `schedulers[${i}]`;
    if (scheduler.lastEpoch !== 0 || lastEpoch !== 0) {
      throw new RangeError(
        `Cannot ${action}: lastEpoch of ${name}, which takes a metric, and of the scheduler that holds it must be 0: current values are ${scheduler.lastEpoch} and ${lastEpoch}`,
      );
    }
    if (schedulers.indexOf(scheduler) < i) {
      const rule = "there once, as it takes a metric";
      refuse(action, name, rule, scheduler);
    }
  }
}
