/**
 * Sharpness-aware minimization.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  callable,
  checkOptions,
  type OptionRules,
} from "../../internal/check.ts";
import type { AnyState, States } from "../../state.ts";
import type { Tensors } from "../../tensors.ts";
import { type Closure, disposeAll, evaluationOf } from "../line_search/line.ts";
import {
  AroundOptimizer,
  BASE_RULES,
  type BaseOptions,
  baseTx,
} from "../optimizer/around_optimizer.ts";
import { coreOf } from "../optimizer/core.ts";
import { noteNeedsLoss } from "../optimizer/needs_loss.ts";
import {
  checkOfAll,
  type GroupOptions,
  type StepOptions,
} from "../optimizer/options.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  Registered,
  UnnamedOptimizer,
} from "../optimizer/registered.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode Sam}. */
export interface SamOptions extends tx.OptimizerOptions, BaseOptions {
  /** The distance ρ to the point where gradients are taken. Default: 0.05. */
  readonly rho?: number | undefined;
  /**
   * Whether the distance is in proportion to each parameter: ASAM, whose authors take a
   * ρ about ten times as large. Default: false.
   */
  readonly adaptive?: boolean | undefined;
  /** Added to the norm of the gradients. Default: 1e-12. */
  readonly eps?: number | undefined;
}

const RULES: OptionRules<SamOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...BASE_RULES,
  rho: "a nonnegative finite number",
  adaptive: boolean,
  eps: "a nonnegative finite number",
};

/** What `step` of {@linkcode Sam} takes besides gradients. */
export interface SamStepOptions extends StepOptions {
  /** Computes loss and gradients at the parameters as they are when it is called. */
  readonly valueFn?: Closure | undefined;
}

const STEP_RULES: OptionRules<SamStepOptions> = {
  keep: boolean,
  valueFn: callable,
};

function baseOf(options: SamOptions): tx.GradientTransformation {
  checkOptions("create Sam", options, RULES);
  return baseTx("create Sam", options);
}

/** From gradients to where the next ones are taken, relative to the parameters. */
function ascent(
  { rho = 0.05, adaptive = false, eps = 1e-12 }: SamOptions,
): tx.GradientTransformation {
  return tx.elementwise({
    update({ update: g, param }) {
      const scaled = adaptive ? param.abs().mul(g) : g;
      const norm = scaled.square().sumAll("ascent").sqrt();
      const way = adaptive ? param.abs().mul(scaled) : scaled;
      const length = norm.add(eps);
      return { update: length.select(way.mul(rho).div(length), 0) };
    },
  });
}

/**
 * Steps of another optimizer, with the gradients at the worst point nearby: minima that
 * are flat, rather than sharp, attract it.
 *
 * ```text
 * e = ρ g / (‖g‖ + ε)      or with `adaptive` ρ θ² g / (‖ |θ| g ‖ + ε)
 * the step of the base optimizer at θ, with the gradients at θ + e
 * ```
 *
 * The norms are of all parameters of a step together. A step takes two evaluations of
 * loss and gradients.
 *
 * {@link https://arxiv.org/abs/2010.01412 | Foret et al., 2020};
 * {@link https://arxiv.org/abs/2102.11600 | Kwon et al., 2021} for `adaptive`. As in the
 * implementation of David Samuel.
 *
 * Take it around {@linkcode Momentum} or {@linkcode AdamW} where a model fits the training
 * data and not others, and twice the time for each step can be spent. It keeps what the
 * base optimizer keeps.
 *
 * `fit` and `train.step` evaluate the second time by themselves, on the same batch; what
 * that writes to states, such as running statistics, is taken back.
 *
 * @example A loop by hand
 * ```ts
 * import { autodiff, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.tensor1d([3, 4]));
 * const closure = autodiff.grad(
 *   () => tf.sum<tf.Scalar>(tf.square(w.value)),
 *   { states: { w }, returnValue: true },
 * );
 * using optimizer = new optim.Sam({ baseOptimizer: new optim.SGD({ lr: 0.1 }) })
 *   .registerTrainableWeights({ w });
 * for (let k = 0; k < 20; k++) optimizer.step(closure).dispose();
 * assertLess(Math.abs((await w.value.data())[0]!), 0.1);
 * ```
 */
export class Sam extends AroundOptimizer<SamOptions> {
  readonly #ascent: tx.GradientTransformation;

  /**
   * Create the optimizer.
   *
   * @param options `lr` is that of the base optimizer by default, or 1e-3 for a
   * transformation without a rate of its own.
   */
  constructor(options: SamOptions) {
    super(options, baseOf);
    this.#ascent = ascent(options);
    noteNeedsLoss(this, (grads, { gradients }) => {
      this.step(grads, { valueFn: gradients });
    });
  }

  /**
   * Optimize `params` in another way. The point where gradients are taken is one of all
   * parameters, and has the options of the optimizer.
   *
   * @typeParam P The record.
   * @param params States by path, none of which is registered yet.
   * @param options What differs from the optimizer.
   * @returns This.
   * @throws {TypeError} If `rho`, `adaptive` or `eps` are among the options.
   */
  override addParamGroup<P extends States<AnyState>>(
    params: P,
    options: GroupOptions<SamOptions> = {},
  ): this & Registered<keyof P> {
    checkOfAll("Sam", options, ["rho", "adaptive", "eps"]);
    return super.addParamGroup(params, options);
  }

  /**
   * Take a step.
   *
   * @param closure Computes loss and gradients; called twice.
   * @returns The loss before the step, the caller's to dispose.
   */
  override step(closure: Closure): tf.Scalar;
  /**
   * Take a step with gradients at hand, and dispose them.
   *
   * @param grads Gradients by path.
   * @param options `valueFn` computes them elsewhere; it must be given.
   * @throws {TypeError} Without `valueFn`.
   */
  override step(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: SamStepOptions,
  ): void;
  /** Take a step; the compiler knows the paths of the parameters. */
  override step<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: SamStepOptions,
  ): void;
  override step(
    given: object,
    options: SamStepOptions = {},
  ): void | tf.Scalar {
    if (typeof given === "function") {
      const { value, grads } = evaluationOf("step Sam", (given as Closure)());
      try {
        this.step(grads, { valueFn: given as Closure });
      } catch (error) {
        value.dispose();
        disposeAll(grads);
        throw error;
      }
      return value as tf.Scalar;
    }
    checkOptions("step Sam", options, STEP_RULES);
    const { valueFn, keep } = options;
    if (!valueFn) {
      throw new TypeError(
        "Cannot step Sam: it needs gradients at a second point: step(closure), or step(grads, { valueFn })",
      );
    }
    const { registry } = coreOf(this);
    const live = registry.match("step Sam", given as Tensors);
    const elsewhere = this.#gradientsElsewhere(live, valueFn);
    if (!keep) disposeAll(given as Tensors);
    super.step(elsewhere);
  }

  /** The gradients at θ + e; parameters are as before then. */
  #gradientsElsewhere(grads: Tensors, valueFn: Closure): Tensors {
    const states = this.paramStates;
    const paths = Object.keys(grads);
    const origin = Object.fromEntries(
      paths.map((path) => [path, tf.clone(states[path]!.value)]),
    );
    try {
      tf.tidy(() => {
        const { init, update } = this.#ascent;
        const [ways] = update(grads, init(origin), origin);
        for (const path of paths) {
          states[path]!.value = tf.add(origin[path]!, ways[path]!);
        }
      });
      const { value, grads: elsewhere } = evaluationOf("step Sam", valueFn());
      value.dispose();
      try {
        coreOf(this).registry.match("step Sam", elsewhere);
      } catch (error) {
        disposeAll(elsewhere);
        throw error;
      }
      return elsewhere;
    } finally {
      for (const path of paths) states[path]!.value = origin[path]!;
      disposeAll(origin);
    }
  }
}
