/**
 * Sophia.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  checkOptions,
  oneOf,
  type OptionRules,
  pick,
  refuse,
} from "../../internal/check.ts";
import { gate } from "../../internal/gate.ts";
import { recording } from "../../internal/recording.ts";
import { bernoulli, normal, type RandomState } from "../../random.ts";
import { defaultState } from "../../random/default.ts";
import { stream } from "../../random/state.ts";
import { sameShape } from "../../backend/fusion/mod.ts";
import type { AnyState, States } from "../../state.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import { coreOf } from "../optimizer/core.ts";
import { noteNeedsLoss } from "../optimizer/needs_loss.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import type { OptimizerState } from "../optimizer/optimizer_state.ts";
import {
  checkOfAll,
  type GroupOptions,
  type LoadOptions,
  type StepOptions,
} from "../optimizer/options.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  Registered,
  UnnamedOptimizer,
} from "../optimizer/registered.ts";
import * as tx from "../transforms/mod.ts";
import { nextMean } from "../transforms/run_kernel.ts";

/** Options of {@linkcode scaleBySophia}. */
export interface ScaleBySophiaOptions {
  /**
   * Decay rates of the mean gradient, and of the mean estimate of the Hessian.
   * Default: [0.96, 0.99].
   */
  readonly betas?: readonly [number, number] | undefined;
  /** The factor γ of the Hessian; with a smaller one fewer steps are clipped. Default: 0.01. */
  readonly gamma?: number | undefined;
  /** The least denominator. Default: 1e-12. */
  readonly eps?: number | undefined;
}

const SCALE_RULES: OptionRules<ScaleBySophiaOptions> = {
  betas: tx.betas,
  gamma: "a positive finite number",
  eps: "a positive finite number",
};

/**
 * Divide the mean gradient by the mean diagonal of the Hessian, and clip the result.
 *
 * ```text
 * m ← β₁ m + (1 - β₁) g      u = clip(m / max(γ h, ε), 1)
 * ```
 *
 * The slot `h` starts at 0 and is what {@linkcode Sophia.updateHessian} makes of it; alone
 * this transformation takes the sign of m.
 *
 * {@link https://arxiv.org/abs/2305.14342 | Liu et al., 2023}.
 *
 * @param options See {@linkcode ScaleBySophiaOptions}.
 * @returns The transformation.
 */
export function scaleBySophia(
  options: ScaleBySophiaOptions = {},
): tx.GradientTransformation {
  checkOptions("create scaleBySophia", options, SCALE_RULES);
  const { betas: [b1] = [0.96, 0.99], gamma = 0.01, eps = 1e-12 } = options;
  return tx.elementwise({
    slots: { m: 0, h: 0 },
    update({ update: g, m, h }) {
      m = tx.runningMean(m, g, b1);
      const u = m.div(h.mul(gamma).max(eps));
      return { update: u.max(-1).min(1), m, h };
    },
  });
}

/** Options of {@linkcode sophia}. */
export interface SophiaOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions, ScaleBySophiaOptions {
  /** Steps from one estimate of the Hessian to the next. Default: 10. */
  readonly updatePeriod?: number | undefined;
  /**
   * What estimates are made of: random numbers with a normal distribution, or 1 and -1
   * with equal probability. Default: "gaussian".
   */
  readonly distribution?: "gaussian" | "rademacher" | undefined;
  /** The stream that these are drawn from. Default: the default stream. */
  readonly random?: RandomState | undefined;
}

const RULES: OptionRules<SophiaOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  ...SCALE_RULES,
  updatePeriod: "a positive integer",
  distribution: oneOf("gaussian", "rademacher"),
  random: stream,
};

/**
 * Sophia with decoupled weight decay.
 *
 * ```text
 * θ ← θ - α (u + λ θ)      u as in scaleBySophia
 * ```
 *
 * @param options `lr` is 6e-4 by default, `weightDecay` 0; `updatePeriod`, `distribution`
 * and `random` are for the class.
 * @returns The transformation.
 */
export function sophia(options: SophiaOptions = {}): tx.GradientTransformation {
  checkOptions("create Sophia", options, RULES);
  return tx.pipeline(
    options,
    6e-4,
    scaleBySophia(pick(options, SCALE_RULES)),
    ...tx.decayed(options),
  );
}

/**
 * The optimizer of {@linkcode sophia}, with Hutchinson's estimate of the diagonal of the
 * Hessian H.
 *
 * ```text
 * every updatePeriod steps, with random numbers r: h ← β₂ h + (1 - β₂) r H r
 * ```
 *
 * Take it for language models, where the curvature of parameters differs much and a
 * product with the Hessian, about three gradients, can be spent every ten steps. It keeps
 * two tensors for each parameter.
 *
 * `fit` and `train.step` compute the products by themselves, on the batch of the step.
 *
 * @example A loop by hand
 * ```ts
 * import { autodiff, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const params = { w: new ParamState(tf.tensor1d([3, 4])) };
 * const loss = () => tf.sum<tf.Scalar>(tf.square(params.w.value));
 * const lossGrad = autodiff.grad(loss, { states: params });
 * const product = autodiff.hessianVectorProduct(loss, params);
 * using optimizer = new optim.Sophia({ lr: 0.1 })
 *   .registerTrainableWeights(params);
 * for (let k = 0; k < 60; k++) {
 *   if (optimizer.isHessianDue) optimizer.updateHessian(product);
 *   optimizer.step(lossGrad());
 * }
 * assertLess(Math.abs((await params.w.value.data())[0]!), 0.5);
 * ```
 */
export class Sophia extends Optimizer<SophiaOptions> {
  readonly #options: SophiaOptions;
  /** The count of steps at the last estimate. */
  #updatedAt = -1;

  /** Create the optimizer. `lr` is 6e-4 by default, `weightDecay` 0. */
  constructor(options: SophiaOptions = {}) {
    super(options, sophia);
    this.#options = options;
    noteNeedsLoss(this, (grads, { hessianProduct }) => {
      if (this.isHessianDue) this.updateHessian(hessianProduct);
      this.step(grads);
    });
  }

  /**
   * Optimize `params` in another way. The Hessian is estimated at once for all parameters.
   *
   * @typeParam P The record.
   * @param params States by path, none of which is registered yet.
   * @param options What differs from the optimizer.
   * @returns This.
   * @throws {TypeError} If `updatePeriod`, `distribution` or `random` are among the options.
   */
  override addParamGroup<P extends States<AnyState>>(
    params: P,
    options: GroupOptions<SophiaOptions> = {},
  ): this & Registered<keyof P> {
    checkOfAll("Sophia", options, ["updatePeriod", "distribution", "random"]);
    return super.addParamGroup(params, options);
  }

  /** Whether the Hessian is to be estimated before the next step. */
  get isHessianDue(): boolean {
    const { updatePeriod = 10 } = this.#options, { stepCount } = this;
    return stepCount % updatePeriod === 0 && this.#updatedAt !== stepCount;
  }

  /**
   * Take an estimate of the Hessian's diagonal into its mean.
   *
   * @typeParam V Tensors by the paths of the parameters.
   * @param product Computes the product of the Hessian with a vector, both tensors by
   * path, as `autodiff.hessianVectorProduct` does; called once. What it returns is
   * disposed.
   * @throws {RangeError} If a product is missing, or has another shape.
   */
  updateHessian<V extends Tensors>(product: (vector: V) => Tensors): void {
    const action = "update the Hessian of Sophia";
    check(action, "product", product, callable);
    recording.now?.onlyIf(() => false);
    const { registry, engine } = coreOf(this), { h = {} } = engine.state.slots;
    const vector = this.#draw();
    let products: Tensors = {};
    try {
      products = product(vector as Tensors as V);
      const paths = Object.keys(h).filter((path) => !registry.isFrozen(path));
      for (const path of paths) {
        const x: unknown = products[path], { shape } = h[path]!;
        if (x instanceof tf.Tensor && sameShape(x.shape, shape)) continue;
        const rule = `a tensor of shape [${shape}]`;
        refuse(action, `the product of "${path}"`, rule, x);
      }
      tf.tidy(() => {
        for (const path of paths) {
          const group = registry.groupOf(path).options as SophiaOptions;
          const [, b2] = group.betas ?? [0.96, 0.99];
          const estimate = tf.mul(products[path]!, vector[path]!);
          engine.setSlot("h", path, nextMean(h[path]!, estimate, b2));
        }
      });
    } finally {
      tf.dispose([vector, { ...products }]);
    }
    const before = this.#updatedAt;
    this.#updatedAt = this.stepCount;
    gate.undo?.(() => this.#updatedAt = before);
  }

  /** Random numbers for each parameter; 0 for those that are frozen. */
  #draw(): Record<string, tf.Tensor> {
    const { random = defaultState, distribution = "gaussian" } = this.#options;
    const { registry } = coreOf(this), before = random.value;
    gate.undo?.(() => random.value = before);
    return mapNamed(this.paramStates, ({ shape }, path) => {
      if (registry.isFrozen(path)) return tf.zeros([...shape]);
      const sizes = [...shape] as [number];
      return distribution === "gaussian"
        ? normal(sizes, { random })
        : tf.tidy(() => {
          const isPositive = bernoulli(sizes, { random });
          return tf.sub(tf.mul(tf.cast(isPositive, "float32"), 2), 1);
        });
    });
  }

  /** Continue from where `stateDict` was taken. */
  override loadStateDict(state: OptimizerState, options?: LoadOptions): void {
    super.loadStateDict(state, options);
    this.#updatedAt = -1; // what was estimated here is not in that state
  }

  /**
   * Take a step, and dispose `grads`.
   *
   * @throws {Error} If the Hessian is to be estimated first.
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
    if (this.isHessianDue) {
      throw new Error(
        "Cannot step Sophia: its Hessian is due: call updateHessian(product) before this step",
      );
    }
    recording.now?.onlyIf(() => !this.isHessianDue);
    super.step(grads, options);
  }
}
