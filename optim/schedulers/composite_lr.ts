import { checkNumber, show } from "./checks.ts";
import { checkMetric } from "./reduce_lr_on_plateau.ts";
import {
  LRScheduler,
  type SchedulerData,
  type SchedulerState,
} from "./scheduler.ts";

/** Options of a scheduler that is made of others. */
export interface CompositeLROptions {
  /** What it is made of: at least one; any scheduler, these included. */
  readonly schedulers: readonly LRScheduler[];
  /** The epoch to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

/**
 * What {@linkcode ChainedScheduler} and {@linkcode SequentialLR} share.
 *
 * The schedulers inside are read as functions of the epoch. They are not stepped,
 * but for those that take a metric: `step(metric)` passes it on to them.
 *
 * The base rates are those of the first scheduler.
 */
export abstract class CompositeLR extends LRScheduler {
  /** What it is made of. */
  readonly schedulers: readonly LRScheduler[];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor({ schedulers, lastEpoch = 0 }: CompositeLROptions) {
    const action = `create ${new.target.name}`;
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

  /** Pass a metric on to those that it belongs to. */
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

  /** What has to be remembered, with the state of each scheduler. */
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
    const states = state.schedulers;
    if (!Array.isArray(states) || states.length !== this.schedulers.length) {
      throw new RangeError(
        `Cannot ${action}: schedulers must be a list of ${this.schedulers.length} states: current value is ${
          show(states)
        }`,
      );
    }
    for (const [i, scheduler] of this.schedulers.entries()) {
      scheduler.checkStateDict(states[i]);
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

function checkSchedulers(
  action: string,
  schedulers: readonly LRScheduler[],
  lastEpoch: number,
): void {
  if (!Array.isArray(schedulers)) {
    throw new TypeError(
      `Cannot ${action}: schedulers must be a list: current value is ${
        show(schedulers)
      }`,
    );
  }
  if (schedulers.length === 0) {
    throw new RangeError(
      `Cannot ${action}: schedulers must have at least one scheduler: current value is []`,
    );
  }
  const seen = new Set<LRScheduler>();
  for (const [i, scheduler] of schedulers.entries()) {
    if (!(scheduler instanceof LRScheduler)) {
      throw new TypeError(
        `Cannot ${action}: schedulers[${i}] must be a scheduler: current value is ${
          show(scheduler)
        }`,
      );
    }
    if (!scheduler.takesMetric) continue;
    // Metrics cannot be replayed, so both have to start together, and once.
    const name = `schedulers[${i}]`;
    if (scheduler.lastEpoch !== 0 || lastEpoch !== 0) {
      throw new RangeError(
        `Cannot ${action}: lastEpoch of ${name}, which takes a metric, and of what holds it must be 0: current values are ${scheduler.lastEpoch} and ${lastEpoch}`,
      );
    }
    if (seen.has(scheduler)) {
      throw new RangeError(
        `Cannot ${action}: ${name}, which takes a metric, must be there once: current value is the same as one before it`,
      );
    }
    seen.add(scheduler);
  }
  checkNumber(action, "lastEpoch", lastEpoch, "a nonnegative finite number");
}
