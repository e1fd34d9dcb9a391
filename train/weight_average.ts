/**
 * Averages of weights over steps, which often generalize better than the last
 * weights.
 *
 * @module
 */
import "../internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import { boolean, checkOptions, type OptionRules } from "../internal/check.ts";
import { nextOrOld } from "../backend/gate.ts";
import { gate } from "../internal/gate.ts";
import { counted, showAs } from "../internal/shown.ts";
import type { compile, Compiled } from "../compile.ts";
import { scope } from "../memory.ts";
import { type AnyState, LongTermState, type States } from "../state.ts";
import { mapNamed, type Named } from "../tensors.ts";

type Move = (share: tf.Scalar | "all", open: tf.Scalar | undefined) => void;

/**
 * The base of averages of weights.
 *
 * Give it to `fit` as `average`, or call {@linkcode WeightAverage.update} after
 * each step, and {@linkcode WeightAverage.swap} before and after evaluating.
 */
export abstract class WeightAverage {
  readonly #states: States;
  readonly #averages: Named<LongTermState>;
  readonly #updates = new LongTermState<number>(0);

  /**
   * Start with the current weights.
   *
   * @param states The states to average, by path.
   */
  constructor(states: States) {
    this.#states = states;
    this.#averages = mapNamed(states, ({ value }) => new LongTermState(value));
  }

  /** The share of the current weights in update `n`, counted from 0. */
  protected abstract share(n: number): number;

  /** Update the average with the current weights; call it after each step. */
  update(): void {
    const n = this.#updates.value;
    const share = this.share(n);
    this.#updates.value = n + 1;
    gate.undo?.(() => this.#updates.value = n);
    if (share === 0) return;
    const move = this.#compiled ?? this.#move;
    scope(() => move(share === 1 ? "all" : tf.scalar(share), gate.open));
  }

  /** Move the averages a share of the way to the weights, unless `open` is 0. */
  readonly #move: Move = (share, open) => {
    for (const [path, average] of Object.entries(this.#averages)) {
      scope(() => {
        const { value } = this.#states[path]!, old = average.value;
        const next = share === "all"
          ? value
          : tf.add(old, tf.mul(tf.sub(value, old), share));
        average.value = open ? nextOrOld(open, next, old) : next;
      });
    }
  };

  #compiled: Compiled<Parameters<Move>, void> | undefined;

  /**
   * Record updates once and replay them, with the same bits, until the result is
   * disposed. The option `compile` of `fit` does it.
   *
   * @param by The function `compile`, which scripts that do not call this need not load.
   */
  compile(by: typeof compile): Disposable {
    const compiled = by(this.#move, { onFallback: "ignore" });
    this.#compiled = compiled;
    return {
      [Symbol.dispose]: () => {
        compiled.dispose();
        if (this.#compiled === compiled) this.#compiled = undefined;
      },
    };
  }

  /** Exchange the averaged and the trained weights. */
  swap(): void {
    for (const [path, average] of Object.entries(this.#averages)) {
      const state = this.#states[path]!;
      scope(() => {
        const trained = tf.clone(state.value);
        state.value = average.value;
        average.value = trained;
      });
    }
  }

  /** The states for a checkpoint: the averages, and the number of updates. */
  states(): States<AnyState> {
    return { ...this.#averages, "#updates": this.#updates };
  }

  /** Free the averages. */
  dispose(): void {
    this.#compiled?.dispose();
    for (const average of Object.values(this.#averages)) average.dispose();
  }

  /** As {@linkcode WeightAverage.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

showAs<WeightAverage>(WeightAverage, (average) => {
  const { "#updates": updates, ...averages } = average.states();
  const states = counted(Object.keys(averages).length, "state");
  const done = counted(updates!.value as number, "update");
  return `${average.constructor.name} of ${states} after ${done}`;
});

/** Options of {@linkcode ExponentialMovingAverage}. */
export interface ExponentialMovingAverageOptions {
  /** The share of the old average that each update keeps, in [0, 1). @default {0.999} */
  readonly decay?: number;
  /**
   * Whether to limit `decay` to `(1 + n) / (10 + n)` in update `n`, so that the
   * initial weights fade faster.
   *
   * @default {true}
   */
  readonly warmup?: boolean;
}

const EMA_RULES: OptionRules<ExponentialMovingAverageOptions> = {
  decay: "in [0, 1)",
  warmup: boolean,
};

/**
 * The exponential moving average of weights.
 *
 * ```text
 * average ← average + (1 - d) (weights - average)
 * d = decay, or with warmup min(decay, (1 + n) / (10 + n)) in update n = 0, 1, ...
 * ```
 *
 * Sources: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by
 * Averaging"; `torch.optim.swa_utils.get_ema_avg_fn`, whose average begins with the weights
 * of its first update; the warmup is that of
 * TensorFlow's `ExponentialMovingAverage`.
 *
 * @example Usage
 * ```ts
 * import { ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.scalar(0));
 * const options = { decay: 0.5, warmup: false };
 * using average = new train.ExponentialMovingAverage({ w }, options);
 * for (const value of [8, 4]) {
 *   w.value = tf.scalar(value);
 *   average.update(); // 4, then 4
 * }
 * w.value = tf.scalar(10);
 * average.swap();
 * assertEquals([...await w.value.data()], [4]);
 * average.swap();
 * assertEquals([...await w.value.data()], [10]);
 * ```
 */
export class ExponentialMovingAverage extends WeightAverage {
  readonly #decay: number;
  readonly #warmup: boolean;

  /**
   * Start with the current weights.
   *
   * @param states The states to average, by path.
   * @param options See {@linkcode ExponentialMovingAverageOptions}.
   * @throws {RangeError} If `decay` is not in [0, 1).
   */
  constructor(
    states: States,
    options: ExponentialMovingAverageOptions = {},
  ) {
    checkOptions("create ExponentialMovingAverage", options, EMA_RULES);
    const { decay = 0.999, warmup = true } = options;
    super(states);
    this.#decay = decay;
    this.#warmup = warmup;
  }

  /** `1 - d` of update `n`. */
  protected override share(n: number): number {
    const limit = this.#warmup ? (1 + n) / (10 + n) : 1;
    return 1 - Math.min(this.#decay, limit);
  }
}

/** Options of {@linkcode StochasticWeightAverage}. */
export interface StochasticWeightAverageOptions {
  /** The first update in the mean, counted from 0. @default {0} */
  readonly start?: number;
  /** Include every `every`-th update from there on. @default {1} */
  readonly every?: number;
}

const SWA_RULES: OptionRules<StochasticWeightAverageOptions> = {
  start: "a nonnegative integer",
  every: "a positive integer",
};

/**
 * The mean of the weights at some steps, usually one in each epoch of the last
 * quarter of training at a high learning rate.
 *
 * ```text
 * average ← average + (weights - average) / k    in the k-th included update
 * ```
 *
 * Before `start` the average equals the weights. The running statistics of
 * normalization layers do not belong to the averaged weights: `fit` computes them
 * again at the end; in a loop of your own use `nn.refreshStatistics`. Source: Izmailov et al. 2018,
 * "Averaging Weights Leads to Wider Optima and Better Generalization", as
 * `torch.optim.swa_utils.AveragedModel`. The rate of its `SWALR` is that of
 * `optim.WSDSchedule` without a warmup.
 */
export class StochasticWeightAverage extends WeightAverage {
  readonly #start: number;
  readonly #every: number;

  /**
   * Start with the current weights.
   *
   * @param states The states to average, by path.
   * @param options See {@linkcode StochasticWeightAverageOptions}.
   * @throws {RangeError} If an option is not an integer, or is too small.
   */
  constructor(
    states: States,
    options: StochasticWeightAverageOptions = {},
  ) {
    checkOptions("create StochasticWeightAverage", options, SWA_RULES);
    const { start = 0, every = 1 } = options;
    super(states);
    this.#start = start;
    this.#every = every;
  }

  /** `1 / k` in the `k`-th included update; 1 before `start`. */
  protected override share(n: number): number {
    if (n < this.#start) return 1;
    const since = n - this.#start;
    return since % this.#every === 0 ? 1 / (since / this.#every + 1) : 0;
  }
}
