import { check, increasingListOf, refuse } from "../../internal/check.ts";
import { CompositeLR, type CompositeLROptions } from "./composite_lr.ts";
import type { LRScheduler } from "./scheduler.ts";

/** Options of {@linkcode SequentialLR}. */
export interface SequentialLROptions extends CompositeLROptions {
  /** The epochs at which each scheduler but the first begins, sorted. */
  readonly milestones: readonly number[];
}

/**
 * One schedule after another.
 *
 * ```text
 * i     = number of milestones ≤ e
 * lr(e) = lrᵢ(e - milestones[i - 1])     lr₀(e) at first
 * ```
 *
 * Each has its own base rates, and starts at its epoch 0. One that takes a metric
 * gets those of its own epochs.
 *
 * Step this one, not the schedulers inside.
 *
 * Take it for a warmup before another schedule.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.SequentialLR({
 *   schedulers: [
 *     new optim.LinearLR({ baseLr: 1, startFactor: 0.25, totalIters: 3 }),
 *     new optim.ExponentialLR({ baseLr: 1, gamma: 0.5 }),
 *   ],
 *   milestones: [3],
 * });
 * const lrs = [0, 1, 2, 3, 4, 5].map((epoch) => scheduler.lrAt(epoch));
 * assertEquals(lrs, [0.25, 0.5, 0.75, 1, 0.5, 0.25]);
 * ```
 */
export class SequentialLR extends CompositeLR {
  /** The epochs at which the next scheduler begins. */
  readonly milestones: readonly number[];

  /** Create the scheduler from others, and where each but the first begins. */
  constructor(options: SequentialLROptions) {
    super(options, ["milestones"]);
    const action = `create ${new.target.name}`, { milestones } = options;
    const rule = increasingListOf("a positive integer");
    check(action, "milestones", milestones, rule);
    const count = this.schedulers.length - 1;
    if (milestones.length !== count) {
      const rule =
        `a list with one milestone less than there are schedulers (${count})`;
      refuse(action, "milestones", rule, milestones);
    }
    this.milestones = [...milestones];
  }

  /** Whether one of the schedulers is absolute. */
  override get isAbsolute(): boolean {
    return this.schedulers.some((scheduler) => scheduler.isAbsolute);
  }

  /** Pass a metric on to the scheduler of this epoch. */
  protected override observe(metric: number): void {
    const [scheduler] = this.#at(this.lastEpoch);
    if (scheduler.takesMetric) scheduler.step(metric);
  }

  /** See the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const [scheduler, start] = this.#at(epoch);
    const first = this.schedulers[0]!.baseLrOf(group);
    const base = scheduler.baseLrOf(group);
    // A base rate that is not the first scheduler's scales every scheduler's.
    const scaled = baseLr === first
      ? base
      : first === 0
      ? baseLr
      : base * (baseLr / first);
    return scheduler.lrAt(epoch - start, scaled, group);
  }

  /** The scheduler of an epoch, and where it begins. */
  #at(epoch: number): [scheduler: LRScheduler, start: number] {
    const i = this.milestones.filter((milestone) => milestone <= epoch).length;
    return [this.schedulers[i]!, this.milestones[i - 1] ?? 0];
  }
}
