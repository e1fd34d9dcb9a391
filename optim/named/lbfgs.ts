/**
 * L-BFGS.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  callable,
  checkOptions,
  either,
  type OptionRules,
  pick,
  rule,
  tensor,
} from "../../internal/check.ts";
import { ParamState } from "../../state.ts";
import type { Tensors } from "../../tensors.ts";
import {
  type Closure,
  disposeAll,
  evaluationOf,
  Line,
  type LineFunction,
  numberOf,
} from "../line_search/line.ts";
import {
  backtracking,
  type LineSearch,
  zoom,
} from "../line_search/line_search.ts";
import { noteNeedsLoss } from "../optimizer/needs_loss.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import type { StepOptions } from "../optimizer/options.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  UnnamedOptimizer,
} from "../optimizer/registered.ts";
import * as tx from "../transforms/mod.ts";

/** Options of {@linkcode lbfgs}. */
export interface LBFGSOptions
  extends tx.OptimizerOptions, tx.ScaleByLbfgsOptions {
  /**
   * The line search that finds the length of a step, by name or as a function;
   * `null`: none, the length is `lr`. Default: null.
   */
  readonly linesearch?: "zoom" | "backtracking" | LineSearch | null | undefined;
}

const RULES: OptionRules<LBFGSOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.LBFGS_RULES,
  linesearch: rule(
    '"zoom", "backtracking", a function or null',
    (x) =>
      x === null || typeof x === "function" || x === "zoom" ||
      x === "backtracking",
    RangeError,
  ),
};

/** What `update` of {@linkcode LBFGS} takes besides gradients. */
export interface LBFGSUpdateOptions extends StepOptions {
  /** The loss that the gradients are of. */
  readonly value?: tf.Tensor | number | undefined;
  /** Computes the loss elsewhere; `"zoom"` wants gradients too. */
  readonly valueFn?: LineFunction | undefined;
}

const UPDATE_RULES: OptionRules<LBFGSUpdateOptions> = {
  keep: boolean,
  value: either("a number", tensor),
  valueFn: callable,
};

const SEARCHES = { zoom, backtracking };

/**
 * L-BFGS without a line search: see {@linkcode scaleByLbfgs}.
 *
 * @param options `lr` is 1 by default; `linesearch` is for the class.
 * @returns The transformation.
 */
export function lbfgs(options: LBFGSOptions = {}): tx.GradientTransformation {
  checkOptions("create LBFGS", options, RULES);
  return tx.pipeline(
    options,
    1,
    tx.scaleByLbfgs(pick(options, tx.LBFGS_RULES)),
  );
}

function searchOf(
  linesearch: LBFGSOptions["linesearch"],
): LineSearch | undefined {
  return typeof linesearch === "string"
    ? SEARCHES[linesearch]
    : linesearch ?? undefined;
}

/**
 * L-BFGS, with a line search if asked for.
 *
 * Where a line search fails, or the direction does not descend, it forgets the
 * curvature and searches along the gradient instead.
 *
 * Take it for a few thousand parameters and a loss of all data at once: it needs few
 * steps and comes close to the minimum. Noise of small batches spoils its curvature.
 *
 * @example Rosenbrock's valley
 * ```ts
 * import { autodiff, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const x = new ParamState(tf.tensor1d([-1.2, 1]));
 * const loss = () => {
 *   const [a, b] = tf.unstack(x.value);
 *   const valley = tf.square(tf.sub(b!, tf.square(a!)));
 *   return tf.add(tf.square(tf.sub(1, a!)), tf.mul(100, valley)) as tf.Scalar;
 * };
 * const closure = autodiff.grad(loss, { states: { x }, returnValue: true });
 * using optimizer = new optim.LBFGS({ linesearch: "zoom" })
 *   .registerTrainableWeights({ x });
 * let value = Infinity;
 * for (let i = 0; i < 40; i++) value = await optimizer.step(closure);
 * assertLess(value, 1e-6);
 * ```
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  readonly #search: LineSearch | undefined;
  /** The paths of frozen parameters in the last step. */
  #frozen: string | undefined;

  /** Create the optimizer. `lr` is 1 by default. */
  constructor(options: LBFGSOptions = {}) {
    super(options, lbfgs);
    this.#search = searchOf(options.linesearch);
    if (this.#search) noteNeedsLoss(this, "closure");
  }

  /** Whether a step needs a function that computes the loss at other points. */
  get hasLineSearch(): boolean {
    return this.#search !== undefined;
  }

  /**
   * Take a step with gradients at hand; not with a line search, which needs the
   * closure.
   */
  override step(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: StepOptions,
  ): void;
  /** Take a step with gradients; the compiler knows the paths of the parameters. */
  override step<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): void;
  /**
   * Take a step.
   *
   * @param closure Computes loss and gradients; called at least once.
   * @returns The loss before the step.
   */
  override step(closure: Closure): Promise<number>;
  override step(
    given: object,
    options?: StepOptions,
  ): void | Promise<number> {
    this.#noteFrozen();
    if (typeof given === "function") return this.#stepWith(given as Closure);
    if (!this.#search) return super.step(given as Tensors, options);
    throw new TypeError(
      "Cannot step LBFGS: with a line search it needs a function: await step(closure), or await update(grads, { value, valueFn })",
    );
  }

  /**
   * Take a step with gradients at hand, and a function for the line search.
   *
   * @param grads Gradients by path, which are disposed.
   * @param options The loss, and how to compute it elsewhere.
   */
  override update(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: LBFGSUpdateOptions,
  ): Promise<void>;
  /** Take a step with gradients; the compiler knows the paths of the parameters. */
  override update<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: LBFGSUpdateOptions,
  ): Promise<void>;
  override async update(
    grads: Tensors,
    options: LBFGSUpdateOptions = {},
  ): Promise<void> {
    checkOptions("update LBFGS", options, UPDATE_RULES);
    const { value, valueFn, keep } = options;
    this.#noteFrozen();
    if (!this.#search) return super.step(grads, { keep });
    if (value === undefined || !valueFn) {
      throw new TypeError(
        "Cannot update LBFGS: with a line search it needs value and valueFn",
      );
    }
    const start = typeof value === "number" ? value : await numberOf(value);
    await this.#descend(start, grads, valueFn);
    if (!keep) disposeAll(grads);
  }

  /** Curvature says nothing about a vector of other parameters. */
  #noteFrozen(): void {
    const frozen = Object.entries(this.paramStates)
      .filter(([, state]) => state instanceof ParamState && state.frozen)
      .map(([path]) => path).join();
    if (frozen !== (this.#frozen ?? frozen)) this.restart();
    this.#frozen = frozen;
  }

  async #stepWith(closure: Closure): Promise<number> {
    const { value: loss, grads } = evaluationOf(
      "step LBFGS",
      closure(),
    );
    const value = await numberOf(loss);
    loss.dispose();
    if (!this.#search) super.step(grads);
    else {
      await this.#descend(value, grads, closure);
      disposeAll(grads);
    }
    return value;
  }

  /** Search the direction of L-BFGS; where that fails, along the gradient. */
  async #descend(
    value: number,
    grads: Tensors,
    valueFn: LineFunction,
  ): Promise<void> {
    if (await this.#searchAlong(value, grads, valueFn)) return;
    this.restart();
    if (await this.#searchAlong(value, grads, valueFn, true)) return;
    this.restart();
  }

  async #searchAlong(
    value: number,
    grads: Tensors,
    valueFn: LineFunction,
    isRetry = false,
  ): Promise<boolean> {
    const direction = this.propose(grads, { isRetry });
    const line = new Line(this.paramStates, direction, valueFn);
    try {
      const start = { alpha: 0, value, slope: await line.slope(grads) };
      if (!(start.slope < 0)) return false;
      const at = async (alpha: number) => {
        const point = await line.at(alpha);
        if (this.#search !== zoom || !Number.isNaN(point.slope)) return point;
        if (Number.isNaN(point.value)) return point;
        throw new TypeError(
          "Cannot update LBFGS: zoom needs gradients: valueFn must return { value, grads }",
        );
      };
      const alpha = await this.#search!({ start, at });
      const succeeds = Number.isFinite(alpha) && alpha > 0;
      line.goTo(succeeds ? alpha : 0);
      return succeeds;
    } catch (error) {
      line.goTo(0);
      throw error;
    } finally {
      line.dispose();
    }
  }
}
