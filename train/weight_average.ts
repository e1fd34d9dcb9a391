/**
 * Averages of weights over steps, which are better to evaluate than the last
 * weights.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { type AnyState, LongTermState, type States } from "../state.ts";
import { mapNamed, type Named } from "../tensors.ts";

/**
 * A second set of weights: an average of those trained.
 *
 * Give it to `fit` as `average`, or call {@linkcode WeightAverage.update} after
 * each step, and {@linkcode WeightAverage.swap} before and after evaluating.
 */
export abstract class WeightAverage {
  readonly #states: States;
  readonly #averages: Named<LongTermState>;
  readonly #updates = new LongTermState<number>(0);

  /**
   * Begin with the weights as they are.
   *
   * @param states What to average, by path.
   */
  constructor(states: States) {
    this.#states = states;
    this.#averages = mapNamed(states, ({ value }) => new LongTermState(value));
  }

  /** How much the weights of now count in update `n`, from 0; 0 leaves them out. */
  protected abstract share(n: number): number;

  /** Take in the weights after a step. */
  update(): void {
    const n = this.#updates.value;
    const share = this.share(n);
    this.#updates.value = n + 1;
    if (share === 0) return;
    for (const [path, average] of Object.entries(this.#averages)) {
      scope(() => {
        const { value } = this.#states[path]!;
        const change = tf.mul(tf.sub(value, average.value), share);
        average.value = share === 1 ? value : tf.add(average.value, change);
      });
    }
  }

  /** Exchange the average and the trained weights. */
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

  /** What a checkpoint holds: the averages, and how many updates there were. */
  states(): States<AnyState> {
    return { ...this.#averages, "#updates": this.#updates };
  }

  /** Free the averages. */
  dispose(): void {
    for (const average of Object.values(this.#averages)) average.dispose();
  }

  /** As {@linkcode WeightAverage.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Options of {@linkcode ExponentialMovingAverage}. */
export interface ExponentialMovingAverageOptions {
  /** How much of the average each step keeps, in [0, 1). @default {0.999} */
  readonly decay?: number;
  /**
   * Keep less in the first steps, `(1 + n) / (10 + n)` at most, so that the
   * average soon forgets the initial weights.
   *
   * @default {true}
   */
  readonly warmup?: boolean;
}

/**
 * The exponential moving average of weights.
 *
 * ```text
 * average ← average + (1 - d) (weights - average)
 * d = decay, or with warmup min(decay, (1 + n) / (10 + n)) in update n = 0, 1, ...
 * ```
 *
 * The rule of `torch.optim.swa_utils.get_ema_avg_fn`, with the warmup of
 * TensorFlow's `ExponentialMovingAverage`. (Polyak and Juditsky 1992.)
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
   * Begin with the weights as they are.
   *
   * @param states What to average, by path.
   * @param options See {@linkcode ExponentialMovingAverageOptions}.
   * @throws {RangeError} If `decay` is not in [0, 1).
   */
  constructor(
    states: States,
    { decay = 0.999, warmup = true }: ExponentialMovingAverageOptions = {},
  ) {
    if (!(decay >= 0 && decay < 1)) {
      throw new RangeError(
        `Cannot create ExponentialMovingAverage: decay must be in [0, 1): current value is ${decay}`,
      );
    }
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
  /** The first update that counts, from 0. @default {0} */
  readonly start?: number;
  /** Updates from one that counts to the next. @default {1} */
  readonly every?: number;
}

/**
 * The plain mean of the weights at some steps, usually one in each epoch of the
 * last quarter, at a rate that stays high.
 *
 * Before `start` it follows the weights. (Izmailov et al. 2018, "Averaging Weights
 * Leads to Wider Optima and Better Generalization".) Running statistics of
 * normalization layers are not those of the mean; let a pass with `fit` true
 * gather them anew.
 */
export class StochasticWeightAverage extends WeightAverage {
  readonly #start: number;
  readonly #every: number;

  /**
   * Begin with the weights as they are.
   *
   * @param states What to average, by path.
   * @param options See {@linkcode StochasticWeightAverageOptions}.
   * @throws {RangeError} If an option is not an integer, or is too small.
   */
  constructor(
    states: States,
    { start = 0, every = 1 }: StochasticWeightAverageOptions = {},
  ) {
    for (
      const [name, value, min] of [["start", start, 0], ["every", every, 1]]
    ) {
      if (Number.isSafeInteger(value) && value! >= min!) continue;
      throw new RangeError(
        `Cannot create StochasticWeightAverage: ${name} must be an integer of at least ${min}: current value is ${value}`,
      );
    }
    super(states);
    this.#start = start;
    this.#every = every;
  }

  /** One part in as many as there are so far; 1 before `start`. */
  protected override share(n: number): number {
    if (n < this.#start) return 1;
    const since = n - this.#start;
    return since % this.#every === 0 ? 1 / (since / this.#every + 1) : 0;
  }
}
