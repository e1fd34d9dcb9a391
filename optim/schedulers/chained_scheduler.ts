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
 * The first gives the rate, each other one a factor: its rate divided by its own base
 * rate (0 where that is 0).
 *
 * Step this one, not the schedulers inside.
 *
 * Take it for a warmup on top of another schedule.
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
  /** Create the scheduler from those to multiply. */
  constructor(options: ChainedSchedulerOptions) {
    super(options, []);
  }

  /** Whether the first scheduler, which gives the rate, is absolute. */
  override get isAbsolute(): boolean {
    return this.schedulers[0]!.isAbsolute;
  }

  /** Pass a metric on to the schedulers that take one. */
  protected override observe(metric: number): void {
    for (const scheduler of this.schedulers) {
      if (scheduler.takesMetric) scheduler.step(metric);
    }
  }

  /** See the formula above. */
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
