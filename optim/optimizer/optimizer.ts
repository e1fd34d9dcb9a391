/**
 * {@linkcode Optimizer}: a transformation with parameters, rates and state.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { checkObject, checkOptions, refuse } from "../../check.ts";
import type { States } from "../../state.ts";
import { fromNames, type Tensors } from "../../tensors.ts";
import type { LRScheduler } from "../schedulers/mod.ts";
import { chain } from "../transforms/chain.ts";
import { decayed } from "../transforms/decay.ts";
import { scaleByLearningRate } from "../transforms/learning_rate.ts";
import type { OptimizerOptions } from "../transforms/pipeline.ts";
import { scaleByAdam } from "../transforms/scale_by_adam.ts";
import type {
  GradientTransformation,
  OptState,
} from "../transforms/transformation.ts";
import { Engine } from "./engine.ts";
import { type Group, makeGroup } from "./group.ts";
import {
  checkState,
  copyState,
  type OptimizerState,
} from "./optimizer_state.ts";
import {
  type GroupOptions,
  type ParamGroup,
  type StepOptions,
  TX_RULES,
  type TxOptions,
} from "./options.ts";
import { Rates } from "./rates.ts";
import { Registry } from "./registry.ts";

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
export class Optimizer<O extends OptimizerOptions = TxOptions> {
  #stepCount = 0;
  readonly #options: O;
  readonly #make: ((options: never) => GradientTransformation) | undefined;
  readonly #main: Group;
  readonly #rates: Rates;
  readonly #registry = new Registry();
  readonly #engine: Engine;

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
    checkObject(`create ${new.target.name}`, options);
    this.#options = options;
    this.#make = make;
    this.#main = this.#makeGroup({} as GroupOptions<O>);
    const { tx }: TxOptions = options;
    const defaultLr = tx ? undefined : this.#main.tx.defaultLr;
    this.#rates = new Rates(options.lr ?? defaultLr ?? 1e-3);
    this.#engine = new Engine(this.#registry, this.#rates);
  }

  /**
   * The transformation of the class, without clipping.
   *
   * @param options The options of the optimizer or group, but for the rate and
   * clipping, which the optimizer handles.
   * @param _lr The rate as it was given.
   */
  protected defaultTx(options: O, _lr: O["lr"]): GradientTransformation {
    if (this.#make) return this.#make(options as never);
    checkOptions<TxOptions>("create Optimizer", options, TX_RULES);
    const { tx, ...rest }: TxOptions = options;
    if (!tx) {
      return chain(...decayed(rest), scaleByAdam(), scaleByLearningRate());
    }
    if (rest.weightDecay !== undefined) {
      const action = "create Optimizer", rule = "part of tx where tx is given";
      refuse(action, "weightDecay", rule, rest.weightDecay, TypeError);
    }
    return tx;
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
   * @param params States that hold float32 tensors, by path.
   * @returns This.
   * @throws {TypeError} If something is not a state of a float32 tensor.
   * @throws {RangeError} If a path belongs to another state, or a state to
   * another group.
   */
  registerTrainableWeights(params: States): this {
    const action = `register the weights of ${this.constructor.name}`;
    const found = this.#registry.sort(action, params, 0);
    const isFirst = this.#registry.groups.length === 0;
    const group = isFirst ? this.#main : this.#registry.groups[0]!;
    this.#engine.start(group.tx, found.fresh);
    this.#registry.add(0, found, isFirst ? group : undefined);
    if (isFirst) this.#rates.addGroup(undefined);
    return this;
  }

  /**
   * Optimize `params` in another way: with a rate or options of their own, or
   * another algorithm.
   *
   * @param params States by path, none of which is registered yet.
   * @param options What differs from the optimizer. `lr` as a number is a base
   * rate under the optimizer's scheduler; a scheduler is the group's own.
   * @returns This.
   * @throws {Error} If no parameters have been registered before.
   * @throws {RangeError} If a state is registered already.
   */
  addParamGroup(params: States, options: GroupOptions<O> = {}): this {
    const action = `add a group to ${this.constructor.name}`;
    const index = this.#registry.groups.length;
    if (index === 0) {
      throw new Error(
        `Cannot ${action}: call registerTrainableWeights(params) first`,
      );
    }
    const group = this.#makeGroup(options);
    const found = this.#registry.sort(action, params, index);
    this.#rates.checkGroup(options.lr);
    this.#engine.start(group.tx, found.fresh);
    this.#registry.add(index, found, group);
    this.#rates.addGroup(options.lr);
    return this;
  }

  /**
   * Take a step, and dispose `grads`.
   *
   * Parameters without a gradient keep their values and their state.
   *
   * @param grads Gradients by the paths of their parameters.
   * @param options See {@linkcode StepOptions}.
   * @throws {RangeError} If a gradient has no parameter, or another shape.
   * @throws {Error} If no parameters are registered.
   */
  step(grads: Tensors, { keep = false }: StepOptions = {}): void {
    const action = `step ${this.constructor.name}`;
    const matched = this.#registry.match(action, grads);
    this.#engine.step(matched);
    this.#stepCount++;
    this.#rates.stepped(this.#stepCount);
    if (!keep) { for (const path in grads) grads[path]!.dispose(); }
  }

  /** The same as {@linkcode Optimizer.step}. */
  update(grads: Tensors, options?: StepOptions): void {
    this.step(grads, options);
  }

  /**
   * The update that a step would add to the parameters, for subclasses that scale
   * it. State and counts change as in a step.
   *
   * @param grads Gradients by path; they stay the caller's.
   * @returns Updates by path, the caller's to dispose.
   */
  protected propose(grads: Tensors): Record<string, tf.Tensor> {
    const action = `step ${this.constructor.name}`;
    const matched = this.#registry.match(action, grads);
    const updates = this.#engine.propose(matched);
    this.#stepCount++;
    this.#rates.stepped(this.#stepCount);
    return updates;
  }

  /** Start the state anew. Parameters, rates and the count of steps stay. */
  protected restart(): void {
    this.#engine.restart();
  }

  /** The transformation of the first group, clipping included. */
  get tx(): GradientTransformation {
    return this.#main.clipped;
  }

  /** The parameters, by path. */
  get paramStates(): States {
    return this.#registry.states;
  }

  /** The state of the transformations; valid until the next step. */
  get optState(): OptState {
    return this.#engine.state;
  }

  /** The number of calls of `step`. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** The parameter groups, in the order of their making. */
  get paramGroups(): readonly ParamGroup[] {
    return this.#registry.groups.map(({ options }, i) => ({
      params: fromNames(
        this.#registry.pathsOf(i),
        (path) => this.#registry.states[path]!,
      ),
      options,
      ...this.#rates.current[i]!,
    }));
  }

  /** The scheduler. */
  get lrScheduler(): LRScheduler {
    return this.#rates.schedulers[0]!;
  }

  /** The same as `lrScheduler`. */
  get lr(): LRScheduler {
    return this.lrScheduler;
  }

  /** The scheduler, and those that {@linkcode Optimizer.addScheduler} added. */
  get schedulers(): readonly LRScheduler[] {
    return this.#rates.schedulers;
  }

  /** The rate that the schedule of the first group starts from. */
  get baseLr(): number {
    return this.#rates.current[0]!.baseLr;
  }

  /** The rate that the next step applies to the first group. */
  get currentLr(): number {
    return this.#rates.current[0]!.lr;
  }

  /** Set the rate of all groups until the next step of the scheduler. */
  set currentLr(lr: number) {
    this.#rates.apply(() => lr);
  }

  /**
   * Change the rates of all groups until the next step of the scheduler.
   *
   * @param fn From a rate to the one to put in its place.
   */
  lrApply(fn: (lr: number) => number): void {
    this.#rates.apply(fn);
  }

  /** The rates that the last step applied, by group. */
  getLastLr(): number[] {
    return this.#rates.last;
  }

  /**
   * Multiply the schedule by another one: its rates, relative to its base rates.
   *
   * @param scheduler Advanced by its own `step`.
   * @returns This.
   */
  addScheduler(scheduler: LRScheduler): this {
    this.#rates.multiply(scheduler);
    return this;
  }

  /**
   * The state: plain data, and clones of the slots, which are the caller's to
   * dispose.
   *
   * @returns The argument of {@linkcode Optimizer.loadStateDict}.
   */
  stateDict(): OptimizerState {
    return {
      stepCount: this.#stepCount,
      ...copyState(this.optState),
      groups: this.#groupPaths(),
      schedulers: this.#rates.stateDict(),
    };
  }

  #groupPaths(): string[][] {
    return this.#registry.groups.map((_, i) => this.#registry.pathsOf(i));
  }

  /**
   * Continue from where {@linkcode Optimizer.stateDict} was taken. Parameters are not
   * part of it. Everything is checked before anything changes.
   *
   * @param state Of an optimizer with the same algorithm and parameters. Its
   * tensors stay the caller's.
   * @throws {RangeError} If it is the state of another kind of optimizer.
   */
  loadStateDict(state: OptimizerState): void {
    const action = `load ${this.constructor.name}`;
    const own = { ...this.optState, groups: this.#groupPaths() };
    checkState(action, own, state);
    this.#rates.checkStateDict(action, state.schedulers);
    this.#stepCount = state.stepCount;
    this.#engine.load(state);
    this.#rates.loadStateDict(state.schedulers, state.stepCount);
  }

  /** Free the slots. Parameters stay. */
  dispose(): void {
    this.#engine.dispose();
  }

  /** As {@linkcode Optimizer.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
