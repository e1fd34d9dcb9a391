import { checkNumber, checkOneOf, rates } from "./checks.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";

/** Options of {@linkcode OneCycleLR}. */
export interface OneCycleLROptions {
  /** The highest rate; a list has one per parameter group. Default: 1e-2. */
  readonly maxLr?: number | readonly number[] | undefined;
  /** How long the cycle is. Give this, or `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number | undefined;
  /** Passes over the data: `totalSteps` is `epochs · stepsPerEpoch`. */
  readonly epochs?: number | undefined;
  /** Steps in a pass over the data. */
  readonly stepsPerEpoch?: number | undefined;
  /** The share of the cycle that rises. Default: 0.3. */
  readonly pctStart?: number | undefined;
  /** The shape of rise and fall. Default: "cos". */
  readonly annealStrategy?: "cos" | "linear" | undefined;
  /** The first rate is `maxLr / divFactor`. Default: 25. */
  readonly divFactor?: number | undefined;
  /**
   * The last rate is the first one divided by this (`variant: "braintools"`:
   * `maxLr` divided by this). Default: 1e4.
   */
  readonly finalDivFactor?: number | undefined;
  /**
   * Fall back to the first rate as slowly as it rose, then to the last one
   * (`variant: "torch"` only). Default: false.
   */
  readonly threePhase?: boolean | undefined;
  /** Whose rule to follow: see {@linkcode OneCycleLR}. Default: "torch". */
  readonly variant?: "torch" | "braintools" | undefined;
  /** The step to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

/**
 * One rise to `maxLr` and one long fall, far below where it began.
 *
 * ```text
 * first = maxLr / divFactor     last = first / finalDivFactor
 *
 * first ↗ maxLr   from step 0 to pctStart · totalSteps - 1
 * maxLr ↘ last    from there to totalSteps - 1
 * ```
 *
 * both with `annealStrategy`; with `threePhase` the fall is to `first` at
 * `2 · pctStart · totalSteps - 2`, and from there to `last`. After the cycle the
 * rate stays at `last` (torch throws).
 *
 * `variant: "braintools"` always rises in a straight line, up to step
 * `pctStart · totalSteps`, falls up to step `totalSteps`, and has
 * `last = maxLr / finalDivFactor`.
 *
 * `baseLrs` are the first rates. A group with a base rate of its own has the
 * whole cycle scaled.
 *
 * From Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks
 * Using Large Learning Rates" (2018), https://arxiv.org/abs/1708.07120; the rule of
 * `torch.optim.lr_scheduler.OneCycleLR`, without the cycle of momentum.
 */
export class OneCycleLR extends LRScheduler {
  /** The highest rate of each parameter group. */
  readonly maxLrs: readonly number[];
  /** How long the cycle is. */
  readonly totalSteps: number;
  /** The share of the cycle that rises. */
  readonly pctStart: number;
  /** The shape of rise and fall. */
  readonly annealStrategy: "cos" | "linear";
  /** The first rate is the highest one divided by this. */
  readonly divFactor: number;
  /** What the last rate is divided by. */
  readonly finalDivFactor: number;
  /** Whether the fall has two parts. */
  readonly threePhase: boolean;
  /** Whose rule is followed. */
  readonly variant: "torch" | "braintools";
  readonly #phases: readonly Phase[];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      maxLr = 1e-2,
      totalSteps,
      epochs,
      stepsPerEpoch,
      pctStart = 0.3,
      annealStrategy = "cos",
      divFactor = 25,
      finalDivFactor = 1e4,
      threePhase = false,
      variant = "torch",
      lastEpoch = 0,
    }: OneCycleLROptions,
  ) {
    const action = `create ${new.target.name}`;
    const maxLrs = rates(action, "maxLr", maxLr);
    checkNumber(action, "divFactor", divFactor, "a positive finite number");
    super({ baseLr: maxLrs.map((lr) => lr / divFactor), lastEpoch });
    checkNumber(
      action,
      "finalDivFactor",
      finalDivFactor,
      "a positive finite number",
    );
    checkNumber(action, "pctStart", pctStart, "in (0, 1)");
    checkOneOf(action, "annealStrategy", annealStrategy, ["cos", "linear"]);
    checkOneOf(action, "variant", variant, ["torch", "braintools"]);
    if (threePhase && variant === "braintools") {
      throw new RangeError(
        `Cannot ${action}: threePhase must be false with variant "braintools": current value is true`,
      );
    }
    if (threePhase && pctStart > 0.5) {
      throw new RangeError(
        `Cannot ${action}: pctStart must be at most 0.5 with threePhase: current value is ${pctStart}`,
      );
    }
    this.maxLrs = maxLrs;
    this.totalSteps = stepCount(action, totalSteps, epochs, stepsPerEpoch);
    this.pctStart = pctStart;
    this.annealStrategy = annealStrategy;
    this.divFactor = divFactor;
    this.finalDivFactor = finalDivFactor;
    this.threePhase = threePhase;
    this.variant = variant;
    this.#phases = this.#makePhases();
  }

  #makePhases(): Phase[] {
    const { totalSteps, pctStart, divFactor, finalDivFactor } = this;
    const anneal = this.annealStrategy === "cos" ? cosine : linear;
    const first = 1 / divFactor;
    const rise = pctStart * totalSteps;
    if (this.variant === "braintools") {
      const last = 1 / finalDivFactor;
      return [
        { end: rise, from: first, to: 1, curve: linear },
        { end: totalSteps, from: 1, to: last, curve: anneal },
      ];
    }
    const last = first / finalDivFactor;
    const end = totalSteps - 1;
    const up = { end: rise - 1, from: first, to: 1, curve: anneal };
    if (!this.threePhase) {
      return [up, { end, from: 1, to: last, curve: anneal }];
    }
    return [
      up,
      { end: 2 * rise - 2, from: 1, to: first, curve: anneal },
      { end, from: first, to: last, curve: anneal },
    ];
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const maxLr = this.maxLrs[group] ?? this.maxLrs.at(-1)!;
    const first = maxLr / this.divFactor;
    // Exactly `maxLr` for a group that has no base rate of its own.
    const peak = baseLr === first ? maxLr : baseLr * this.divFactor;
    let start = 0;
    for (const { end, from, to, curve } of this.#phases) {
      if (epoch <= end && end > start) {
        return peak * curve(from, to, (epoch - start) / (end - start));
      }
      start = end;
    }
    return peak * this.#phases.at(-1)!.to;
  }
}

/** From one share of `maxLr` to another. */
interface Phase {
  /** The step that reaches `to`. */
  readonly end: number;
  readonly from: number;
  readonly to: number;
  readonly curve: (from: number, to: number, share: number) => number;
}

function stepCount(
  action: string,
  totalSteps?: number,
  epochs?: number,
  stepsPerEpoch?: number,
): number {
  if (totalSteps !== undefined) {
    checkNumber(action, "totalSteps", totalSteps, "a positive integer");
    return totalSteps;
  }
  if (epochs === undefined || stepsPerEpoch === undefined) {
    throw new TypeError(
      `Cannot ${action}: totalSteps, or both epochs and stepsPerEpoch, must be given: current values are ${totalSteps}, ${epochs}, ${stepsPerEpoch}`,
    );
  }
  checkNumber(action, "epochs", epochs, "a positive integer");
  checkNumber(action, "stepsPerEpoch", stepsPerEpoch, "a positive integer");
  return epochs * stepsPerEpoch;
}
