/**
 * What an optimizer consists of: parameters in groups, their learning rates, and
 * the state of their transformations.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse } from "../../internal/check.ts";
import { gate } from "../../internal/gate.ts";
import { replayed } from "../../internal/recording.ts";
import type { AnyState, States } from "../../state.ts";
import { fromNames, mapNamed, type Tensors } from "../../tensors.ts";
import type { LearningRate } from "../schedulers/mod.ts";
import { select, stateOf } from "../transforms/opt_state.ts";
import { Engine } from "./engine.ts";
import type { Group } from "./group.ts";
import {
  checkState,
  copyState,
  type OptimizerState,
} from "./optimizer_state.ts";
import type { ParamGroup } from "./options.ts";
import { Rates } from "./rates.ts";
import { Registry } from "./registry.ts";

const cores = new WeakMap<object, Core>();

/** Note what `optimizer` consists of. */
export function setCore(optimizer: object, core: Core): void {
  cores.set(optimizer, core);
}

/** What an optimizer consists of. Internal. */
export function coreOf(optimizer: object): Core {
  return cores.get(optimizer)!;
}

/** The parts of an optimizer, which change together. */
export class Core {
  /** The parameters and their groups. */
  readonly registry: Registry = new Registry();
  /** The learning rates, by group. */
  readonly rates: Rates;
  /** The state of the transformations. */
  readonly engine: Engine;
  /** The number of steps taken. */
  stepCount = 0;

  #isDisposed = false;

  /** Create an optimizer without parameters. */
  constructor(lr: LearningRate) {
    this.rates = new Rates(lr);
    this.engine = new Engine(this.registry, this.rates);
  }

  /** Add parameters to the first group, which is `main`. */
  register(action: string, params: States<AnyState>, main: Group): void {
    this.#alive(action);
    const { registry } = this;
    const found = registry.sort(action, params, 0);
    const isFirst = registry.groups.length === 0;
    this.engine.start((registry.groups[0] ?? main).tx, found.fresh);
    registry.add(0, found, isFirst ? main : undefined);
    if (isFirst) this.rates.addGroup(undefined);
  }

  /** Add a group with a rate of its own, if `lr` is given. */
  addGroup(
    action: string,
    params: States<AnyState>,
    group: Group,
    lr: LearningRate | null | undefined,
  ): void {
    this.#alive(action);
    const { registry } = this, index = registry.groups.length;
    const found = registry.sort(action, params, index);
    this.rates.checkGroup(lr);
    this.engine.start(group.tx, found.fresh);
    registry.add(index, found, group);
    this.rates.addGroup(lr);
  }

  /** Update the parameters. */
  step(action: string, grads: Tensors): void {
    this.#alive(action);
    const live = this.registry.match(action, grads);
    if (Object.keys(live).length > 0) this.engine.step(live);
    replayed(() => {
      const takeBack = this.rates.stepped(++this.stepCount);
      gate.undo?.(() => takeBack(--this.stepCount));
    });
  }

  /** The updates of a step that is not applied; all else changes as in a step. */
  propose(
    action: string,
    grads: Tensors,
    isRetry: boolean,
  ): Record<string, tf.Tensor> {
    this.#alive(action);
    const updates = this.engine.propose(this.registry.match(action, grads));
    if (!isRetry) this.rates.stepped(++this.stepCount);
    return updates;
  }

  /** The groups, as an optimizer shows them. */
  get groups(): readonly ParamGroup[] {
    const { registry, rates } = this;
    return registry.groups.map(({ options }, i) =>
      Object.freeze({
        params: fromNames(
          registry.pathsOf(i),
          (path) => registry.states[path]!,
        ),
        options,
        baseLr: rates.current[i]!.baseLr,
        get lr() {
          return rates.current[i]!.lr;
        },
        set lr(lr: number) {
          check("set lr of a group", "lr", lr, "a nonnegative finite number");
          rates.apply((old, group) => group === i ? lr : old);
        },
      })
    );
  }

  /** The state, with clones of the slots. */
  stateDict(): OptimizerState {
    return {
      stepCount: this.stepCount,
      ...copyState(this.engine.state),
      groups: this.#groupPaths(),
      schedulers: this.rates.stateDict(),
    };
  }

  #groupPaths(): string[][] {
    return this.registry.groups.map((_, i) => this.registry.pathsOf(i));
  }

  /**
   * Copy `state`, after it has been checked.
   *
   * @param groups Groups to put in place of those there are.
   */
  loadStateDict(
    action: string,
    state: OptimizerState,
    groups: readonly Group[] = this.registry.groups,
  ): void {
    this.#alive(action);
    const own = { ...this.engine.state, groups: this.#groupPaths() };
    checkState(action, own, state);
    this.rates.checkStateDict(action, state.schedulers);
    groups.forEach((group, i) => this.#checkSlots(action, group, i));
    this.registry.replaceGroups([...groups]);
    this.stepCount = state.stepCount;
    this.engine.load(state);
    this.rates.loadStateDict(state.schedulers, state.stepCount);
  }

  /** Throw unless another group has the slots of the i-th. */
  #checkSlots(action: string, group: Group, i: number): void {
    const { registry, engine } = this, old = registry.groups[i]!;
    if (group === old) return;
    const paths = registry.pathsOf(i);
    const has = Object.entries(stateOf(engine.state, paths).slots)
      .filter(([, tensors]) => Object.keys(tensors).length > 0)
      .map(([slot]) => slot).sort().join();
    const needs = tf.tidy(() => {
      const params = mapNamed(
        select(registry.states, paths),
        ({ value }) => value,
      );
      return Object.keys(group.tx.init(params).slots).sort().join();
    });
    if (has === needs) return;
    const rule = "given to the constructor, as it changes what the state holds";
    refuse(action, "weightDecay", rule, undefined);
  }

  #alive(action: string): void {
    if (!this.#isDisposed) return;
    throw new Error(`Cannot ${action}: the optimizer has been disposed`);
  }

  /** Free the slots. */
  dispose(): void {
    this.#isDisposed = true;
    this.engine.dispose();
  }
}
