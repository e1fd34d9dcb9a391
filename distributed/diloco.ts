/**
 * Training that seldom communicates.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  checkOptions,
  instanceOf,
  type OptionRules,
  refuse,
} from "../internal/check.ts";
import { scope } from "../memory.ts";
import {
  MomentumNesterov,
  Optimizer,
  type OptimizerState,
} from "../optim/mod.ts";
import type { States } from "../state.ts";
import { mapNamed, type Tensors } from "../tensors.ts";
import type { World } from "./world.ts";

/** Options of {@linkcode DiLoCo}. */
export interface DiLoCoOptions {
  /** Steps that each rank takes by itself between two meetings. @default {20} */
  readonly every?: number;
  /**
   * The optimizer that moves the common parameters at a meeting, without parameters.
   * Default: `new optim.MomentumNesterov({ lr: 0.7, momentum: 0.9 })`.
   */
  readonly outer?: Optimizer;
}

/** The rules of {@linkcode DiLoCoOptions}. */
export const DILOCO_RULES: OptionRules<DiLoCoOptions> = {
  every: "a positive integer",
  outer: instanceOf(Optimizer, "an Optimizer"),
};

/** The state of {@linkcode DiLoCo} between two meetings. */
export interface DiLoCoState {
  /** Steps since the last meeting. */
  readonly steps: number;
  /** The parameters at the last meeting, by path. */
  readonly common: Tensors;
  /** The state of the outer optimizer. */
  readonly outer: OptimizerState;
}

/**
 * Distributed low-communication training: each rank takes steps of its own, and now and
 * then all move on together. What the ranks moved away from the common parameters is a
 * gradient, whose mean an outer optimizer follows.
 *
 * ```text
 * Δ ← mean over ranks of (θ - θ of the rank)
 * θ ← outer(θ, Δ), and all ranks go on from θ
 * ```
 *
 * Optimizers of ranks keep their slots at meetings. `every: 1` and an outer `SGD` with rate
 * 1 average the parameters after each step. (Douillard et al. 2023, "DiLoCo: Distributed
 * Low-Communication Training of Language Models", arXiv:2311.08105.)
 *
 * @example With a loop of one's own
 * ```ts
 * import { DiLoCo, mpi } from "@braintape/braintape/distributed";
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 *
 * await useBackend("cpu");
 * const world = mpi();
 * const model = new nn.Linear(1, 1);
 * const params = model.states(ParamState);
 * await world.broadcast({ model });
 * const step = train.step(
 *   (x: tf.Tensor2D) => tf.mean<tf.Scalar>(tf.square(model.call(x))),
 *   new optim.Adam({ lr: 0.1 }).registerTrainableWeights(params),
 * );
 * using diloco = new DiLoCo(world, params, { every: 5 });
 * for (let i = 0; i < 20; i++) {
 *   const x = tf.tensor2d([[world.rank]]);
 *   tf.dispose([step(x), x]);
 *   await diloco.update();
 * }
 * ```
 */
export class DiLoCo {
  /** Steps between two meetings. */
  readonly every: number;
  readonly #world: World;
  readonly #states: States;
  readonly #outer: Optimizer;
  /** The parameters at the last meeting. */
  #common: Tensors;
  #steps = 0;

  /**
   * Start with the parameters as they are, which must be the same on all ranks.
   *
   * @param world The ranks.
   * @param states The parameters by path, such as `optimizer.paramStates`.
   * @param options See {@linkcode DiLoCoOptions}.
   * @throws {TypeError} If an option is unknown or of the wrong kind.
   */
  constructor(world: World, states: States, options: DiLoCoOptions = {}) {
    checkOptions("create DiLoCo", options, DILOCO_RULES);
    const { every = 20 } = options;
    this.every = every;
    this.#world = world;
    this.#states = states;
    const outer = options.outer ??
      new MomentumNesterov({ lr: 0.7, momentum: 0.9 });
    this.#outer = outer.registerTrainableWeights(states);
    this.#common = this.#copies();
  }

  /** Clones: a step that finds its parameters shared leaves the clones as they are. */
  #copies(): Tensors {
    return mapNamed(this.#states, ({ value }) => tf.keep(tf.clone(value)));
  }

  /** Steps since the last meeting. */
  get steps(): number {
    return this.#steps;
  }

  /** Count a step; after `every` of them, meet the other ranks. */
  async update(): Promise<void> {
    if (++this.#steps === this.every) await this.meet();
  }

  /** Meet the other ranks now. */
  async meet(): Promise<void> {
    const { size } = this.#world, states = this.#states;
    this.#steps = 0;
    const moved = scope(() =>
      mapNamed(
        this.#common,
        (x, path) => tf.div(tf.sub(x, states[path]!.value), size),
      )
    );
    const mean = await this.#world.allReduce(moved);
    for (const path in states) states[path]!.value = this.#common[path]!;
    tf.dispose({ ...this.#common });
    this.#outer.step(mean);
    this.#common = this.#copies();
  }

  /** The state; its tensors are the caller's to dispose. */
  stateDict(): DiLoCoState {
    return {
      steps: this.#steps,
      common: mapNamed(this.#common, (x) => tf.clone(x)),
      outer: this.#outer.stateDict(),
    };
  }

  /**
   * Continue from where `stateDict` was taken.
   *
   * @param state Its tensors stay the caller's.
   * @throws {RangeError} If a parameter is missing, or has another shape.
   */
  loadStateDict({ steps, common, outer }: DiLoCoState): void {
    const before = this.#common;
    for (const [path, { shape }] of Object.entries(before)) {
      if (tf.util.arraysEqual(common[path]?.shape ?? [-1], shape)) continue;
      const is = `of shape [${shape}], as the parameter is`;
      refuse("load the state of DiLoCo", `common["${path}"]`, is, common[path]);
    }
    this.#outer.loadStateDict(outer);
    this.#common = mapNamed(before, (_, path) => {
      return tf.keep(tf.clone(common[path]!));
    });
    tf.dispose({ ...before });
    this.#steps = steps;
  }

  /** Free the copies of the parameters, and the slots of the outer optimizer. */
  dispose(): void {
    tf.dispose({ ...this.#common });
    this.#common = {};
    this.#outer.dispose();
  }

  /** As {@linkcode DiLoCo.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
