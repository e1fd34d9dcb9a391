import {
  checkFunction,
  checkLength,
  checkNumber,
  checkOneOf,
  rates,
} from "./checks.ts";
import { LRScheduler, type LRSchedulerOptions } from "./scheduler.ts";

/** Options of {@linkcode CyclicLR}. */
export interface CyclicLROptions extends LRSchedulerOptions {
  /** The top of a cycle; a list has one per parameter group. Default: 1e-2. */
  readonly maxLr?: number | readonly number[] | undefined;
  /** Steps from the base rate to the top. Default: 2000. */
  readonly stepSizeUp?: number | undefined;
  /** Steps from the top to the base rate; `stepSizeUp` by default. */
  readonly stepSizeDown?: number | undefined;
  /**
   * How the tops change: not at all, by half each cycle, or by `gamma` each
   * step. Default: "triangular".
   */
  readonly mode?: CyclicMode | undefined;
  /** The factor of mode `"exp_range"`. Default: 1. */
  readonly gamma?: number | undefined;
  /** The share of the height that is left, in place of `mode`. */
  readonly scaleFn?: ((x: number) => number) | undefined;
  /**
   * What `scaleFn` is called with: the number of the cycle, from 1, or the
   * step. Default: "cycle".
   */
  readonly scaleMode?: "cycle" | "iterations" | undefined;
}

/** How the tops of {@linkcode CyclicLR} change. */
export type CyclicMode = "triangular" | "triangular2" | "exp_range";

/**
 * Straight lines up to `maxLr` and down to the base rate, again and again.
 *
 * ```text
 * x     = e modulo (up + down)
 * h     = x / up               where x ≤ up
 *         (up + down - x) / down   after
 * lr(e) = baseLr + (maxLr - baseLr) · h · scale
 *
 * scale = 1                    "triangular"
 *         2^-(cycle - 1)       "triangular2"
 *         gamma^e              "exp_range"
 *         scaleFn(cycle or e)  where given
 * ```
 *
 * `scaleFn` is not part of `stateDict`. A group with a base rate of its own has
 * the whole cycle scaled.
 *
 * From Smith, "Cyclical Learning Rates for Training Neural Networks" (2017),
 * https://arxiv.org/abs/1506.01186; the rule of
 * `torch.optim.lr_scheduler.CyclicLR`, without the cycle of momentum.
 */
export class CyclicLR extends LRScheduler {
  /** The top of a cycle for each parameter group. */
  readonly maxLrs: readonly number[];
  /** Steps from the base rate to the top. */
  readonly stepSizeUp: number;
  /** Steps from the top to the base rate. */
  readonly stepSizeDown: number;
  /** How the tops change. */
  readonly mode: CyclicMode;
  /** The factor of mode `"exp_range"`. */
  readonly gamma: number;
  readonly #scale: (cycle: number, epoch: number) => number;
  /** The base rates that `maxLrs` belong to. */
  readonly #bottoms: readonly number[];

  /**
   * Make the schedule.
   *
   * @param options The settings.
   */
  constructor(
    {
      baseLr = 1e-3,
      maxLr = 1e-2,
      stepSizeUp = 2000,
      stepSizeDown = stepSizeUp,
      mode = "triangular",
      gamma = 1,
      scaleFn,
      scaleMode = "cycle",
      lastEpoch = 0,
    }: CyclicLROptions = {},
  ) {
    const action = `create ${new.target.name}`;
    const maxLrs = rates(action, "maxLr", maxLr);
    const isShared = typeof maxLr === "number";
    super({
      baseLr: typeof baseLr === "number" && !isShared
        ? maxLrs.map(() => baseLr)
        : baseLr,
      lastEpoch,
    });
    if (!isShared) {
      const groups = this.baseLrs.length;
      checkLength(action, "maxLr", maxLrs, groups, "one rate per base rate");
    }
    checkNumber(action, "stepSizeUp", stepSizeUp, "a positive integer");
    checkNumber(action, "stepSizeDown", stepSizeDown, "a positive integer");
    checkOneOf(action, "mode", mode, [
      "triangular",
      "triangular2",
      "exp_range",
    ]);
    checkNumber(action, "gamma", gamma, "a nonnegative finite number");
    checkOneOf(action, "scaleMode", scaleMode, ["cycle", "iterations"]);
    if (scaleFn !== undefined) checkFunction(action, "scaleFn", scaleFn);
    this.maxLrs = maxLrs;
    this.#bottoms = this.baseLrs;
    this.stepSizeUp = stepSizeUp;
    this.stepSizeDown = stepSizeDown;
    this.mode = mode;
    this.gamma = gamma;
    this.#scale = scaleFn === undefined
      ? SCALES[mode](gamma)
      : (cycle, epoch) => scaleFn(scaleMode === "cycle" ? cycle : epoch);
  }

  /** The rate: see the formula above. */
  protected override rate(
    epoch: number,
    baseLr: number,
    group: number,
  ): number {
    const { stepSizeUp: up, stepSizeDown: down } = this;
    const bottom = this.#bottoms[group] ?? this.#bottoms.at(-1)!;
    const top = this.maxLrs[group] ?? this.maxLrs.at(-1)!;
    const maxLr = baseLr === bottom || bottom === 0
      ? top
      : top * (baseLr / bottom);
    const x = epoch % (up + down);
    const height = x <= up ? x / up : (up + down - x) / down;
    const cycle = 1 + Math.floor(epoch / (up + down));
    return baseLr + (maxLr - baseLr) * height * this.#scale(cycle, epoch);
  }
}

const SCALES = {
  triangular: () => () => 1,
  triangular2: () => (cycle: number) => 2 ** (1 - cycle),
  exp_range: (gamma: number) => (_cycle: number, epoch: number) =>
    gamma ** epoch,
} satisfies Record<
  CyclicMode,
  (gamma: number) => (cycle: number, epoch: number) => number
>;
