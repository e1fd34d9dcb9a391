/**
 * The factor of the loss in mixed precision.
 *
 * @module
 */
import "../internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import { check, type NumberRule, refuse } from "../internal/check.ts";
import { scope } from "../memory.ts";
import { State } from "../state.ts";

/** The first scale. */
const FIRST = 2 ** 16;
/** After this many steps in a row that were applied, the scale is doubled. */
const GROWTH_INTERVAL = 2000;
/** The least and the largest power of 2 whose inverse is a normal f32 as well. */
const [LEAST, LARGEST] = [2 ** -126, 2 ** 126];

/** The state of a {@linkcode LossScale}, as plain data. */
export interface LossScaleState {
  /** The scale. */
  readonly scale: number;
  /** Steps that were applied since the scale was changed. */
  readonly applied: number;
  /** Steps that were skipped. */
  readonly skipped: number;
}

const RULES: Readonly<Record<keyof LossScaleState, NumberRule>> = {
  scale: "a positive finite number",
  applied: "a nonnegative integer",
  skipped: "a nonnegative integer",
};

/** Throw unless `state`, called `name` in errors, is a state of a loss scale. */
export function checkLossScale(
  action: string,
  name: string,
  state: LossScaleState,
): void {
  if (typeof state !== "object" || state === null || Array.isArray(state)) {
    refuse(action, name, "a record", state, TypeError);
  }
  for (const key of ["scale", "applied", "skipped"] as const) {
    check(action, `${name}.${key}`, state[key], RULES[key]);
  }
  const { scale } = state;
  const isPower = Number.isInteger(Math.log2(scale));
  if (!isPower || scale < LEAST || scale > LARGEST) {
    const rule = "a power of 2 from 2^-126 to 2^126";
    refuse(action, `${name}.scale`, rule, scale);
  }
}

/**
 * The factor that keeps gradients in the range of f16 in mixed precision.
 *
 * The gradient of a step is that of the loss times the scale, divided by the scale
 * afterwards. The scale follows from what came of the steps:
 *
 * ```text
 * at first                             scale ← 65536
 * a gradient is not finite             scale ← scale / 2, and the step is skipped
 * 2000 steps in a row were applied     scale ← 2 scale
 * ```
 *
 * It stays between 2^-126 and 2^126. Since it is a power of 2, scaling rounds nothing
 * unless a value leaves the range of f32. The rule and its numbers are those of PyTorch's
 * {@link https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling | GradScaler};
 * {@link https://arxiv.org/abs/1710.03740 | Micikevicius et al., 2018}.
 *
 * `train.fit` has one of its own in mixed precision, and saves it in its checkpoints. Make
 * one for `train.step`. It can be a part of a checkpoint. It has one number on the device
 * until `dispose` is called.
 *
 * @example Steps in mixed precision, where there is a graphics card
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu"); // or "webgpu", { precision: "mixed" }
 * const model = new nn.Linear(1, 1);
 * const optimizer = new optim.SGD({ lr: 0.1 })
 *   .registerTrainableWeights(model.states(ParamState));
 * using lossScale = new train.LossScale();
 * const step = train.step(
 *   (x: tf.Tensor2D) => tf.mean<tf.Scalar>(tf.square(model.call(x))),
 *   optimizer,
 *   { lossScale },
 * );
 * step(tf.ones([4, 1])).dispose();
 * assertEquals([lossScale.value, lossScale.skipped], [65536, 0]);
 * ```
 */
export class LossScale {
  readonly #factor: State<tf.Scalar> = scope(() =>
    new State(tf.scalar(FIRST), { name: "the loss scale" })
  );
  #scale = FIRST;
  #applied = 0;
  #skipped = 0;

  /** The scale of the next step. */
  get value(): number {
    return this.#scale;
  }

  /** Steps that were skipped since a gradient was not finite. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The scale on the device. */
  get factor(): tf.Scalar {
    return this.#factor.value;
  }

  /**
   * Take note of a step: change the scale as the rule says.
   *
   * @param isFinite Whether all gradients of the step are finite, so that it is applied.
   */
  update(isFinite: boolean): void {
    if (isFinite) {
      if (++this.#applied < GROWTH_INTERVAL) return;
      this.#set(Math.min(2 * this.#scale, LARGEST));
    } else {
      this.#skipped++;
      this.#set(Math.max(this.#scale / 2, LEAST));
    }
    this.#applied = 0;
  }

  /** The state, as plain data. */
  stateDict(): LossScaleState {
    return {
      scale: this.#scale,
      applied: this.#applied,
      skipped: this.#skipped,
    };
  }

  /**
   * Throw if a state cannot be loaded.
   *
   * @param state What `stateDict` returned.
   * @throws {TypeError} If it is no record of numbers.
   * @throws {RangeError} If a number is out of range.
   */
  checkStateDict(state: LossScaleState): void {
    checkLossScale("load the loss scale", "state", state);
  }

  /**
   * Continue from a state.
   *
   * @param state What `stateDict` returned.
   * @throws {TypeError} If it is no record of numbers.
   * @throws {RangeError} If a number is out of range. Nothing has changed then.
   */
  loadStateDict(state: LossScaleState): void {
    this.checkStateDict(state);
    this.#set(state.scale);
    this.#applied = state.applied;
    this.#skipped = state.skipped;
  }

  #set(scale: number): void {
    if (scale === this.#scale) return;
    scope(() => {
      this.#factor.value = tf.scalar(scale);
    });
    this.#scale = scale;
  }

  /** Free the number on the device. */
  dispose(): void {
    this.#factor.dispose();
  }

  /** See `dispose`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
