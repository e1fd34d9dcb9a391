/**
 * What SOFO and SOFOScan share.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  boolean,
  checkOptions,
  oneOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { normal, type RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import { type AnyState, ParamState, type States } from "../../state.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import { noteNeedsLoss } from "../optimizer/needs_loss.ts";
import { Optimizer } from "../optimizer/optimizer.ts";
import type { GroupOptions, StepOptions } from "../optimizer/options.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  Registered,
  UnnamedOptimizer,
} from "../optimizer/registered.ts";
import * as tx from "../transforms/mod.ts";
import { descent } from "./direction.ts";

/** Options of {@linkcode SOFO} and {@linkcode SOFOScan}, but for the model. */
export interface ForwardModeOptions
  extends tx.OptimizerOptions, tx.WeightDecayOptions {
  /**
   * Which loss `lossFn` computes: `"mse"`, a mean of squares, or `"ce"`, the
   * cross-entropy of logits. Its curvature in the predictions is taken. Default: "mse".
   */
  readonly loss?: "mse" | "ce" | undefined;
  /** The number of random directions in each step. Default: 100. */
  readonly tangentSize?: number | undefined;
  /**
   * What is added to the eigenvalues of the curvature, as a share of the largest.
   * Default: 1e-5.
   */
  readonly damping?: number | undefined;
  /** The decay rate of the velocity. Default: 0. */
  readonly momentum?: number | undefined;
  /** Whether to look one step ahead; needs momentum. Default: false. */
  readonly nesterov?: boolean | undefined;
  /** The stream that directions are drawn from. Default: the default stream. */
  readonly random?: RandomState | undefined;
}

/** What {@linkcode ForwardModeOptions} must be. */
export const FORWARD_MODE_RULES: OptionRules<ForwardModeOptions> = {
  ...tx.OPTIMIZER_RULES,
  ...tx.DECAY_RULES,
  loss: oneOf("mse", "ce"),
  tangentSize: "a positive integer",
  damping: "a nonnegative finite number",
  momentum: "a nonnegative finite number",
  nesterov: boolean,
  random: stream,
};

/** Options that a group may have of its own: those of the update. */
const OF_GROUPS = [
  ...["lr", "gradClipNorm", "gradClipValue", "weightDecay", "decayMask"],
  ...["momentum", "nesterov", "tx"],
];

/**
 * What is done with a direction: momentum, decoupled weight decay and the rate.
 *
 * @param name The class, for errors.
 * @param rules What the options of the class must be.
 * @param needed Those that must be given.
 */
export function updateOf<O extends ForwardModeOptions>(
  name: string,
  rules: OptionRules<O>,
  needed: readonly (keyof O & string)[],
): (options: O) => tx.GradientTransformation {
  return (options) => {
    checkOptions(`create ${name}`, options, rules);
    for (const option of needed) {
      if (options[option] !== undefined) continue;
      refuse(`create ${name}`, option, "given", undefined, TypeError);
    }
    const { momentum = 0, nesterov = false } = options;
    if (nesterov && momentum === 0) {
      refuse(`create ${name}`, "momentum", "above 0 with nesterov", momentum);
    }
    return tx.pipeline(
      options,
      1e-3,
      ...(momentum ? [tx.trace({ decay: momentum, nesterov })] : []),
      ...tx.decayed(options),
    );
  };
}

/** How to evaluate the model in a step. */
export interface ModelEvaluation {
  /** Runs the model: its predictions, `[samples, outputs]`. */
  readonly predict: () => tf.Tensor;
  /** The loss of the predictions. */
  readonly lossFn: (predictions: tf.Tensor2D) => tf.Scalar;
}

/**
 * An optimizer that runs the model itself.
 *
 * @typeParam O The options.
 * @typeParam A What a step takes.
 */
export abstract class ForwardMode<
  O extends ForwardModeOptions,
  A extends readonly unknown[],
> extends Optimizer<O> {
  readonly #options: O;

  /** Create an optimizer with the options of a class. */
  constructor(
    options: NoInfer<O>,
    make: (options: O) => tx.GradientTransformation,
  ) {
    super(options, make);
    this.#options = options;
    noteNeedsLoss(this, "model");
  }

  /** What a step evaluates, from what it takes. */
  protected abstract evaluation(...args: A): ModelEvaluation;

  /** What a step takes, in errors. */
  protected abstract readonly call: string;

  /**
   * Optimize `params` with a rate, clipping, momentum or weight decay of their own. The
   * direction is one of all parameters.
   *
   * @typeParam P The record.
   * @param params States by path, none of which is registered yet.
   * @param options What differs from the optimizer.
   * @returns This.
   */
  override addParamGroup<P extends States<AnyState>>(
    params: P,
    options: GroupOptions<O> = {},
  ): this & Registered<keyof P> {
    for (const name of Object.keys(options)) {
      if (OF_GROUPS.includes(name) || !(name in FORWARD_MODE_RULES)) continue;
      throw new TypeError(
        `Cannot add a group to ${this.constructor.name}: ${name} must be left out, since the direction is one of all groups`,
      );
    }
    return super.addParamGroup(params, options);
  }

  /**
   * The directions of a step; each is divided by its norm over all parameters. Override
   * it to choose others.
   *
   * @param params The parameters that are not frozen, by path.
   * @param count The number of directions.
   * @returns For each parameter a tensor `[count, ...shape]`. Default: normal numbers.
   */
  protected drawTangents(
    params: States,
    count: number,
  ): Record<string, tf.Tensor> {
    const { random } = this.#options;
    return mapNamed(
      params,
      ({ shape }) =>
        normal([count, ...shape] as [number], random ? { random } : {}),
    );
  }

  /**
   * Take a step. What the model writes to states is kept.
   *
   * @param args What the class evaluates the model with.
   * @returns The loss before the step.
   * @throws {RangeError} If the predictions are not of rank 2, or the loss or a
   * derivative is not finite; parameters stay as they are.
   */
  override step(...args: A): Promise<number>;
  /** Throws: it takes no gradients, since it computes its direction itself. */
  override step(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: StepOptions,
  ): never;
  /** Throws: it takes no gradients, since it computes its direction itself. */
  override step<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): never;
  override step(...args: readonly unknown[]): Promise<number> {
    if (args.length < 2 || isStepOptions(args[1])) {
      const { name } = this.constructor;
      throw new TypeError(
        `Cannot step ${name}: it takes no gradients, since it computes its direction itself: ${this.call}`,
      );
    }
    return this.#descend(args as unknown as A);
  }

  /** The same as `step`. */
  override update(...args: A): Promise<number>;
  /** Throws, as `step` does. */
  override update(
    this: UnnamedOptimizer,
    grads: Tensors,
    options?: StepOptions,
  ): never;
  /** Throws, as `step` does. */
  override update<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): never;
  override update(...args: readonly unknown[]): Promise<number> {
    return this.step(...args as unknown as A);
  }

  async #descend(args: A): Promise<number> {
    const { predict, lossFn } = this.evaluation(...args);
    const action = `step ${this.constructor.name}`;
    const { loss = "mse", tangentSize = 100, damping = 1e-5 } = this.#options;
    const params: States = Object.fromEntries(
      Object.entries(this.paramStates)
        .filter(([, state]) => !(state instanceof ParamState && state.frozen)),
    );
    if (Object.keys(params).length === 0) {
      throw new Error(
        `Cannot ${action}: there must be a parameter that is not frozen: call registerTrainableWeights(params) first`,
      );
    }
    const { direction, loss: value } = await descent({
      action,
      params,
      draw: () => this.drawTangents(params, tangentSize),
      predict,
      lossFn,
      loss,
      damping,
    });
    super.step(direction);
    return value;
  }
}

/** Whether `x` are the options of a step with gradients. */
function isStepOptions(x: unknown): boolean {
  return typeof x === "object" && x !== null &&
    Object.keys(x).every((key) => key === "keep");
}
