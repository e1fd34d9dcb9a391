import {
  callable,
  check,
  checkObject,
  oneOf,
  oneOrMore,
  refuse,
} from "../../internal/check.ts";
import { LRScheduler } from "./scheduler.ts";
import { configure, type SchedulerOptions } from "./settings.ts";

/** How the tops of {@linkcode CyclicLR} change. */
export type CyclicMode = "triangular" | "triangular2" | "exp_range";

/** Options of {@linkcode CyclicLR}. */
export type CyclicLROptions =
  & SchedulerOptions<
    CyclicLR,
    | "stepSizeUp"
    | "stepSizeDown"
    | "mode"
    | "gamma"
    | "scaleFn"
    | "scaleMode"
  >
  & {
    /** The top of a cycle; a list has one per parameter group. Default: 1e-2. */
    readonly maxLr?: number | readonly number[] | undefined;
  };

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
 * {@link https://arxiv.org/abs/1506.01186 | Smith, 2017}; the rule of
 * `torch.optim.lr_scheduler.CyclicLR`, without the cycle of momentum.
 *
 * Take it where you know the range of good rates but not which is best; `train.findLr`
 * finds the range.
 */
export class CyclicLR extends LRScheduler {
  /** The top of a cycle for each parameter group. */
  readonly maxLrs: readonly number[];
  /** Steps from the base rate to the top. Default: 2000. */
  readonly stepSizeUp: number = 2000;
  /** Steps from the top to the base rate. Default: `stepSizeUp`. */
  readonly stepSizeDown: number;
  /**
   * How the tops change: not at all, by half each cycle, or by `gamma` each
   * step. Default: "triangular".
   */
  readonly mode: CyclicMode = "triangular";
  /** The factor of mode `"exp_range"`. Default: 1. */
  readonly gamma: number = 1;
  /** A function in place of `mode`: the factor of a top. Default: none. */
  readonly scaleFn: ((x: number) => number) | undefined;
  /**
   * What `scaleFn` is called with: the number of the cycle, from 1, or the
   * step. Default: "cycle".
   */
  readonly scaleMode: "cycle" | "iterations" = "cycle";
  /** The base rates that `maxLrs` belong to. */
  readonly #bottoms: readonly number[];

  /** Create the scheduler; the fields tell the options and their defaults. */
  constructor(options: CyclicLROptions = {}) {
    const action = `create ${new.target.name}`;
    checkObject(action, options);
    const { baseLr = 1e-3, maxLr = 1e-2 } = options;
    check(action, "maxLr", maxLr, oneOrMore("a nonnegative finite number"));
    const maxLrs = typeof maxLr === "number" ? [maxLr] : [...maxLr];
    const isShared = typeof maxLr === "number";
    const spread = typeof baseLr === "number" && !isShared;
    super({
      ...options,
      baseLr: spread ? maxLrs.map(() => baseLr) : baseLr,
    });
    const groups = this.baseLrs.length;
    if (!isShared && maxLrs.length !== groups) {
      const rule = `a list with one rate per base rate (${groups})`;
      refuse(action, "maxLr", rule, maxLr);
    }
    this.stepSizeDown = options.stepSizeUp ?? this.stepSizeUp;
    configure(this, options, {
      stepSizeUp: "a positive integer",
      stepSizeDown: "a positive integer",
      mode: oneOf("triangular", "triangular2", "exp_range"),
      gamma: "a nonnegative finite number",
      scaleMode: oneOf("cycle", "iterations"),
      scaleFn: callable,
    }, ["maxLr"]);
    this.maxLrs = maxLrs;
    this.#bottoms = this.baseLrs;
  }

  /** See the formula above. */
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

  #scale(cycle: number, epoch: number): number {
    if (this.scaleFn) {
      return this.scaleFn(this.scaleMode === "cycle" ? cycle : epoch);
    }
    if (this.mode === "triangular2") return 2 ** (1 - cycle);
    return this.mode === "exp_range" ? this.gamma ** epoch : 1;
  }
}
