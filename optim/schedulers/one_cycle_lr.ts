import {
  boolean,
  checkOptions,
  oneOf,
  oneOrMore,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { cosine, linear } from "./curves.ts";
import { LRScheduler } from "./scheduler.ts";

/** Options of {@linkcode OneCycleLR}. */
export interface OneCycleLROptions {
  /** The highest rate; a list has one per parameter group. Default: 1e-2. */
  readonly maxLr?: number | readonly number[] | undefined;
  /** The length of the cycle. Give this, or `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number | undefined;
  /** Passes over the data: `totalSteps` is `epochs · stepsPerEpoch`. */
  readonly epochs?: number | undefined;
  /** Steps in a pass over the data. */
  readonly stepsPerEpoch?: number | undefined;
  /** The fraction of the cycle that rises. Default: 0.3. */
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
  /** Which rule to follow: see {@linkcode OneCycleLR}. Default: "torch". */
  readonly variant?: "torch" | "braintools" | undefined;
  /** The step to start at. Default: 0. */
  readonly lastEpoch?: number | undefined;
}

const RULES: OptionRules<OneCycleLROptions> = {
  maxLr: oneOrMore("a nonnegative finite number"),
  totalSteps: "a positive integer",
  epochs: "a positive integer",
  stepsPerEpoch: "a positive integer",
  pctStart: "in (0, 1)",
  annealStrategy: oneOf("cos", "linear"),
  divFactor: "a positive finite number",
  finalDivFactor: "a positive finite number",
  threePhase: boolean,
  variant: oneOf("torch", "braintools"),
  lastEpoch: "a nonnegative finite number",
};

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
 * {@link https://arxiv.org/abs/1708.07120 | Smith and Topin, 2018}; the rule of
 * `torch.optim.lr_scheduler.OneCycleLR`, without the cycle of momentum.
 *
 * Take it for short runs of known length: it trains with rates that would be too large
 * throughout.
 */
export class OneCycleLR extends LRScheduler {
  /** The highest rate of each parameter group. */
  readonly maxLrs: readonly number[];
  /** The length of the cycle. */
  readonly totalSteps: number;
  /** The fraction of the cycle that rises. */
  readonly pctStart: number;
  /** The shape of rise and fall. */
  readonly annealStrategy: "cos" | "linear";
  /** The first rate is the highest one divided by this. */
  readonly divFactor: number;
  /** What the last rate is divided by. */
  readonly finalDivFactor: number;
  /** Whether the fall has two parts. */
  readonly threePhase: boolean;
  /** Which rule is followed. */
  readonly variant: "torch" | "braintools";
  readonly #phases: readonly Phase[];

  /** Create the scheduler. */
  constructor(options: OneCycleLROptions) {
    const action = `create ${new.target.name}`;
    checkOptions<OneCycleLROptions>(action, options, RULES);
    const { maxLr = 1e-2, divFactor = 25, lastEpoch } = options;
    const maxLrs = typeof maxLr === "number" ? [maxLr] : [...maxLr];
    super({ baseLr: maxLrs.map((lr) => lr / divFactor), lastEpoch });
    const { pctStart = 0.3, threePhase = false, variant = "torch" } = options;
    if (threePhase && variant === "braintools") {
      const rule = 'false with variant "braintools"';
      refuse(action, "threePhase", rule, threePhase);
    }
    if (threePhase && pctStart > 0.5) {
      refuse(action, "pctStart", "at most 0.5 with threePhase", pctStart);
    }
    this.maxLrs = maxLrs;
    this.totalSteps = stepCount(action, options);
    this.pctStart = pctStart;
    this.annealStrategy = options.annealStrategy ?? "cos";
    this.divFactor = divFactor;
    this.finalDivFactor = options.finalDivFactor ?? 1e4;
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

  /** See the formula above. */
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

/** From one fraction of `maxLr` to another. */
interface Phase {
  /** The step that reaches `to`. */
  readonly end: number;
  readonly from: number;
  readonly to: number;
  readonly curve: (from: number, to: number, x: number) => number;
}

function stepCount(action: string, options: OneCycleLROptions): number {
  const { totalSteps, epochs, stepsPerEpoch } = options;
  if (totalSteps !== undefined) return totalSteps;
  if (epochs !== undefined && stepsPerEpoch !== undefined) {
    return epochs * stepsPerEpoch;
  }
  throw new TypeError(
    `Cannot ${action}: totalSteps, or both epochs and stepsPerEpoch, must be given: current values are ${totalSteps}, ${epochs}, ${stepsPerEpoch}`,
  );
}
