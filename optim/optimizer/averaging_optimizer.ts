/**
 * What optimizers with an average of their points have in common: two points, of which
 * the parameters hold one.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { sameShape } from "../../backend/fusion/mod.ts";
import { refuse } from "../../internal/check.ts";
import { LongTermState } from "../../state.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import type { OptimizerOptions } from "../transforms/options.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import { coreOf } from "./core.ts";
import { Optimizer } from "./optimizer.ts";
import type { OptimizerState } from "./optimizer_state.ts";
import type { LoadOptions, StepOptions } from "./options.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  UnnamedOptimizer,
} from "./registered.ts";

/** The slot of the point where gradients are taken, while parameters hold another. */
const SLOT = "y";

/** Makes x of a parameter from y and its slots, by name. */
type Average = (
  y: tf.Tensor,
  slot: (name: string) => tf.Tensor,
) => tf.Tensor;

const averages = new WeakMap<GradientTransformation, Average>();

/**
 * Note how x follows with `tx`.
 *
 * @returns `tx`
 */
export function withAverage(
  tx: GradientTransformation,
  average: Average,
): GradientTransformation {
  averages.set(tx, average);
  return tx;
}

/** Whether `tx` is of an optimizer that averages its points. */
export function isAveraging(tx: object): boolean {
  return averages.has(tx as GradientTransformation);
}

/** Note that with `tx` the parameters y are `β x + (1 - β) z`, with the slot `z`. */
export function interpolates(
  tx: GradientTransformation,
  beta: number,
): GradientTransformation {
  // x = (y - (1 - β) z) / β
  return withAverage(
    tx,
    (y, slot) => tf.add(y, tf.mul(tf.sub(slot("z"), y), 1 - 1 / beta)),
  );
}

/**
 * The base of optimizers that average their points.
 *
 * Parameters hold the point y, where gradients are taken, while one trains. The average x
 * is the point to evaluate, save and use: {@linkcode AveragingOptimizer.swap} puts it in
 * their place, and y back again. `fit` does so for evaluations and at the end.
 *
 * Running statistics, as of `nn.BatchNorm2d`, are those of y. `fit` computes them again
 * for x at the end, if the option `model` has any; elsewhere call `nn.refreshStatistics`
 * after `swap`. Evaluations on the way take those of y.
 *
 * @typeParam O The options.
 */
export abstract class AveragingOptimizer<O extends OptimizerOptions>
  extends Optimizer<O> {
  /** A state, so that a compiled step knows. */
  readonly #isSwapped = new LongTermState<boolean>(false);
  /** The point y of each parameter, while parameters hold x. */
  #trained: Record<string, tf.Tensor> = {};

  /** Whether parameters hold x, the point to evaluate. */
  get isSwapped(): boolean {
    return this.#isSwapped.value;
  }

  /**
   * Exchange the points x and y; steps are taken at y only. Back at y, parameters have
   * the bits they had.
   */
  swap(): void {
    if (this.isSwapped) {
      const { paramStates } = this;
      mapNamed(this.#trained, (y, path) => paramStates[path]!.value = y);
      this.#forget();
      return;
    }
    const { states } = coreOf(this).registry;
    const averaged = tf.tidy(() => this.#averaged());
    mapNamed(averaged, (x, path) => {
      const state = states[path]!;
      this.#trained[path] = tf.tidy(() => tf.keep(tf.clone(state.value)));
      state.value = x;
      x.dispose();
    });
    this.#isSwapped.value = true;
  }

  /** The point x of each parameter that differs from y. */
  #averaged(): Record<string, tf.Tensor> {
    const { registry, engine } = coreOf(this), { steps, slots } = engine.state;
    const averaged: Record<string, tf.Tensor> = {};
    registry.groups.forEach(({ tx }, i) => {
      const average = averages.get(tx);
      if (!average) return;
      for (const path of registry.pathsOf(i)) {
        if (steps[path] === 0) continue; // x and y are the same
        const { value } = registry.states[path]!;
        averaged[path] = tf.clone(
          average(value, (name) => slots[name]![path]!),
        );
      }
    });
    return averaged;
  }

  #forget(): void {
    mapNamed(this.#trained, (y) => y.dispose());
    this.#trained = {};
    this.#isSwapped.value = false;
  }

  /**
   * Take a step, and dispose `grads`.
   *
   * @throws {Error} If parameters hold x.
   */
  override step(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: StepOptions,
  ): void;
  /** Take a step; the compiler knows the paths of the parameters. */
  override step<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): void;
  override step(grads: Tensors, options?: StepOptions): void {
    if (this.isSwapped) {
      throw new Error(
        `Cannot step ${this.constructor.name}: the parameters hold the point to evaluate: call swap() before training goes on`,
      );
    }
    super.step(grads, options);
  }

  /** The state; while parameters hold x, with a slot `y` of what they held before. */
  override stateDict(): OptimizerState {
    const state = super.stateDict();
    if (!this.isSwapped) return state;
    const y = mapNamed(this.#trained, (x) => tf.clone(x));
    return { ...state, slots: { ...state.slots, [SLOT]: y } };
  }

  /**
   * Continue from where `stateDict` was taken, where parameters held x or y as those of
   * the saved model do.
   */
  override loadStateDict(
    state: OptimizerState,
    options: LoadOptions = {},
  ): void {
    const { [SLOT]: trained, ...slots } = Object(state?.slots) as Record<
      string,
      Tensors
    >;
    if (!trained) {
      super.loadStateDict(state, options);
      return this.#forget();
    }
    this.#checkTrained(trained);
    super.loadStateDict({ ...state, slots }, options);
    this.#forget();
    this.#trained = mapNamed(trained, (y) => tf.keep(tf.clone(y)));
    this.#isSwapped.value = true;
  }

  #checkTrained(trained: Tensors): void {
    const action = `load ${this.constructor.name}`;
    for (const [path, y] of Object.entries(trained)) {
      const shape = this.paramStates[path]?.value.shape;
      const fits = shape && y instanceof tf.Tensor && y.dtype === "float32" &&
        sameShape(y.shape, shape);
      if (fits) continue;
      const rule = shape
        ? `a float32 tensor of shape [${shape}]`
        : "of a parameter of this optimizer";
      refuse(action, `slot "${SLOT}" of "${path}"`, rule, y);
    }
  }

  /** Free the slots. Parameters stay. */
  override dispose(): void {
    this.#forget();
    super.dispose();
  }
}
