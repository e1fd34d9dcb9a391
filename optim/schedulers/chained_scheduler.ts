import { CompositeLR, type CompositeLROptions } from "./composite_lr.ts";

/** Options of {@linkcode ChainedScheduler}. */
export type ChainedSchedulerOptions = CompositeLROptions;

/**
 * The product of several schedules.
 *
 * ```text
 * lr(e) = lr₀(e) · lr₁(e) / base₁ · lr₂(e) / base₂ · …
 * ```
 *
 * The first gives the rate, the others the share of their own base rate that they
 * are at (0 where that is 0).
 *
 * The schedulers inside are read as functions: step this one, not them.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const scheduler = new optim.ChainedScheduler({
 *   schedulers: [
 *     new optim.StepLR({ baseLr: 1, stepSize: 2, gamma: 0.5 }),
 *     new optim.ConstantLR({ baseLr: 1, factor: 0.5, totalIters: 1 }),
 *   ],
 * });
 * const lrs = [0, 1, 2, 3, 4].map((epoch) => scheduler.lrAt(epoch));
 * assertEquals(lrs, [0.5, 1, 0.5, 0.5, 0.25]);
 * ```
 */
export class ChainedScheduler extends CompositeLR {
  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(options: ChainedSchedulerOptions) {
    super(options);
  }

  /** Whether the first scheduler, which gives the rate, is absolute. */
  override get isAbsolute(): boolean {
    return this.schedulers[0]!.isAbsolute;
  }

  /** Pass a metric on to those that it belongs to. */
  protected override observe(metric: number): void {
    for (const scheduler of this.schedulers) {
      if (scheduler.takesMetric) scheduler.step(metric);
    }
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const [first, ...others] = this.schedulers;
    return others.reduce((lr, scheduler) => {
      const base = scheduler.baseLrOf(group);
      return base === 0 ? 0 : lr * (scheduler.lrAt(epoch, base, group) / base);
    }, first!.lrAt(epoch, baseLr, group));
  }
}
