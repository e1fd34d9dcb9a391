/**
 * {@linkcode Optimizer}: a transformation with parameters, rates and state.
 *
 * @module
 */
import "../../internal/dispose.ts";
import type * as tf from "@tensorflow/tfjs-core";
import { checkObject, checkOptions } from "../../internal/check.ts";
import type { AnyState, States } from "../../state.ts";
import type { Tensors } from "../../tensors.ts";
import type { OptimizerOptions } from "../transforms/options.ts";
import type {
  GradientTransformation,
  OptState,
} from "../transforms/transformation.ts";
import { Core, setCore } from "./core.ts";
import { txOf } from "./default_tx.ts";
import { LearningRates } from "./learning_rates.ts";
import { type Group, makeGroup } from "./group.ts";
import type { OptimizerState } from "./optimizer_state.ts";
import type {
  GradientsOf,
  NamedOptimizer,
  Registered,
  UnnamedOptimizer,
} from "./registered.ts";
import {
  type GroupOptions,
  LOAD_RULES,
  type LoadOptions,
  type ParamGroup,
  STEP_RULES,
  type StepOptions,
  type TxOptions,
} from "./options.ts";

/**
 * Updates parameters by a transformation of their gradients, and keeps the state
 * of the transformation.
 *
 * @example Any transformation
 * ```ts
 * import { optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const w = new ParamState(tf.tensor1d([3, 4]));
 * using optimizer = new optim.Optimizer({
 *   tx: optim.chain(optim.clipByGlobalNorm(1), optim.scaleByLearningRate()),
 *   lr: 0.5,
 * }).registerTrainableWeights({ w });
 * optimizer.step({ w: tf.tensor1d([0, 8]) });
 * assertEquals([...await w.value.data()], [3, 3.5]);
 * ```
 *
 * @typeParam O The options.
 */
export class Optimizer<O extends OptimizerOptions = TxOptions>
  extends LearningRates {
  readonly #options: O;
  readonly #make: ((options: never) => GradientTransformation) | undefined;
  readonly #main: Group;
  readonly #core: Core;

  /**
   * Create an optimizer; it has no parameters yet.
   *
   * @param options The options of the class.
   * @param make The transformation of the class, from options without the rate and
   * clipping. A class whose transformation depends on more overrides `defaultTx`.
   */
  constructor(
    options: NoInfer<O> = {} as O,
    make?: (options: O) => GradientTransformation,
  ) {
    super();
    checkObject(`create ${new.target.name}`, options);
    this.#options = options;
    this.#make = make;
    this.#main = this.#makeGroup({} as GroupOptions<O>);
    const { tx }: TxOptions = options;
    const defaultLr = tx ? undefined : this.#main.tx.defaultLr;
    this.#core = new Core(options.lr ?? defaultLr ?? 1e-3);
    setCore(this, this.#core);
  }

  /**
   * The transformation of the class, without clipping.
   *
   * @param options The options of the optimizer or group, but for the rate and
   * clipping, which the optimizer handles.
   * @param _lr The rate as it was given.
   */
  protected defaultTx(options: O, _lr: O["lr"]): GradientTransformation {
    return this.#make ? this.#make(options as never) : txOf(options);
  }

  #makeGroup(own: GroupOptions<O>): Group {
    const defaultTx = this.defaultTx.bind(this);
    return makeGroup(this.constructor.name, this.#options, own, defaultTx);
  }

  /**
   * Optimize `params`: a record of states, such as `model.states(ParamState)`.
   *
   * Called again, it adds to the first group and keeps the state of the others. A state under two paths is one parameter.
   *
   * @typeParam P The record.
   * @param params States that hold float32 tensors, by path.
   * @returns This; to the compiler, its steps take gradients of these paths only.
   * @throws {TypeError} If something is not a state of a float32 tensor.
   * @throws {RangeError} If a path belongs to another state, or a state to
   * another group.
   */
  registerTrainableWeights<P extends States<AnyState>>(
    params: P,
  ): this & Registered<keyof P> {
    const action = `register the weights of ${this.constructor.name}`;
    this.#core.register(action, params, this.#main);
    return this as this & Registered<keyof P>;
  }

  /**
   * Optimize `params` in another way: with a rate or options of their own, or
   * another algorithm.
   *
   * @typeParam P The record.
   * @param params States by path, none of which is registered yet.
   * @param options What differs from the optimizer. `lr` as a number is a base
   * rate under the optimizer's scheduler; a scheduler is the group's own.
   * @returns This; to the compiler, its steps take gradients of these paths too.
   * @throws {Error} If no parameters have been registered before.
   * @throws {RangeError} If a state is registered already.
   */
  addParamGroup<P extends States<AnyState>>(
    params: P,
    options: GroupOptions<O> = {},
  ): this & Registered<keyof P> {
    const action = `add a group to ${this.constructor.name}`;
    if (this.#core.registry.groups.length === 0) {
      throw new Error(
        `Cannot ${action}: call registerTrainableWeights(params) first`,
      );
    }
    this.#core.addGroup(action, params, this.#makeGroup(options), options.lr);
    return this as this & Registered<keyof P>;
  }

  /**
   * Take a step, and dispose `grads`.
   *
   * Parameters without a gradient keep their values and their state, and so do
   * frozen ones (see `nn.freeze`), whose gradients are ignored.
   *
   * @param grads Gradients by the paths of their parameters.
   * @param options See {@linkcode StepOptions}.
   * @throws {RangeError} If a gradient has no parameter, or another shape.
   * @throws {Error} If no parameters are registered.
   */
  step(this: UnnamedOptimizer, grads: Tensors, options?: StepOptions): void;
  /** Take a step; the compiler knows the paths of the parameters. */
  step<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): void;
  step(grads: Tensors, options: StepOptions = {}): void {
    const action = `step ${this.constructor.name}`;
    checkOptions(action, options, STEP_RULES);
    this.#core.step(action, grads);
    if (!options.keep) { for (const path in grads) grads[path]!.dispose(); }
  }

  /** The same as {@linkcode Optimizer.step}. */
  update(this: UnnamedOptimizer, grads: Tensors, options?: StepOptions): void;
  /** The same as {@linkcode Optimizer.step}. */
  update<N>(
    this: NamedOptimizer<N>,
    grads: GradientsOf<N>,
    options?: StepOptions,
  ): void;
  update(grads: Tensors, options?: StepOptions): void {
    this.step(grads, options);
  }

  /**
   * The update that a step would add to the parameters, for subclasses that scale
   * it. State and counts change as in a step.
   *
   * @param grads Gradients by path; they stay the caller's.
   * @param options Whether it is another proposal for the same step, which does not
   * count once more.
   * @returns Updates by path, the caller's to dispose.
   */
  protected propose(
    grads: Tensors,
    { isRetry = false }: { readonly isRetry?: boolean } = {},
  ): Record<string, tf.Tensor> {
    return this.#core.propose(`step ${this.constructor.name}`, grads, isRetry);
  }

  /** Start the state anew. Parameters, rates and the count of steps stay. */
  protected restart(): void {
    this.#core.engine.restart();
  }

  /** The transformation of the first group, clipping included. */
  get tx(): GradientTransformation {
    return (this.#core.registry.groups[0] ?? this.#main).clipped;
  }

  /** The parameters, by path. */
  get paramStates(): States {
    return this.#core.registry.states;
  }

  /** The state of the transformations; valid until the next step. */
  get optState(): OptState {
    return this.#core.engine.state;
  }

  /** The number of calls of `step`. */
  get stepCount(): number {
    return this.#core.stepCount;
  }

  /** The parameter groups, in the order of their making. */
  get paramGroups(): readonly ParamGroup[] {
    return this.#core.groups;
  }

  /**
   * The state: plain data, and clones of the slots, which are the caller's to
   * dispose.
   *
   * @returns The argument of {@linkcode Optimizer.loadStateDict}.
   */
  stateDict(): OptimizerState {
    return this.#core.stateDict();
  }

  /**
   * Continue from where {@linkcode Optimizer.stateDict} was taken. Parameters are not
   * part of it. Everything is checked before anything changes.
   *
   * @param state Of an optimizer with the same algorithm and parameters. Its
   * tensors stay the caller's.
   * @param options What is not to be as it was: a new rate or weight decay.
   * @throws {RangeError} If it is the state of another kind of optimizer.
   */
  loadStateDict(state: OptimizerState, options: LoadOptions = {}): void {
    const action = `load ${this.constructor.name}`;
    checkOptions(action, options, LOAD_RULES);
    const { lr, weightDecay } = options;
    const groups = weightDecay === undefined
      ? undefined
      : this.#core.registry.groups.map((group) =>
        group.isOwn
          ? group
          : this.#makeGroup({ ...group.options, weightDecay } as object)
      );
    this.#core.loadStateDict(action, state, groups);
    if (lr !== undefined) this.#core.rates.apply(() => lr);
  }

  /** Free the slots. Parameters stay. */
  dispose(): void {
    this.#core.dispose();
  }

  /** As {@linkcode Optimizer.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
