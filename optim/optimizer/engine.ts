/**
 * The state of an optimizer, and how a step changes it and the parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  canOverwrite,
  type Kernel,
  runLaunches,
} from "../../backend/fusion/mod.ts";
import { recording } from "../../internal/recording.ts";
import type { States } from "../../state.ts";
import { fromNames, mapNamed, type Tensors } from "../../tensors.ts";
import { frames } from "../../internal/frames.ts";
import { fromRules, traitsOf } from "../transforms/elementwise.ts";
import {
  behindGate,
  byKernel,
  liveSteps,
  nextKernel,
  type PathLaunch,
  rowOf,
  stepKernel,
} from "../transforms/kernels.ts";
import { select, stateOf } from "../transforms/opt_state.ts";
import { updateJointly } from "../transforms/joint.ts";
import { identity } from "../transforms/partition.ts";
import type {
  GradientTransformation,
  OptState,
  Rate,
} from "../transforms/transformation.ts";
import type { CompleteRule } from "../transforms/rule.ts";
import { type Group, mixesNorms } from "./group.ts";
import type { Rates } from "./rates.ts";
import type { Registry } from "./registry.ts";
import { Slots } from "./slots.ts";

/** The kernel of a step of `rule`, which overwrites parameters where that may be. */
function kernelOf(rule: CompleteRule): Kernel {
  // A rollback of what is being differentiated needs the old parameter.
  const inPlace = canOverwrite() && frames.open.length === 0;
  return inPlace ? stepKernel(rule) : nextKernel(rule);
}

/**
 * Whether a step of `groups` is recorded to be replayed. If it cannot be, what is
 * recording is told why.
 */
function isReplayed(groups: readonly Group[]): boolean {
  const refusals = groups.flatMap(({ tx }) => traitsOf(tx).refusal ?? []);
  for (const refusal of refusals) recording.now?.refuse(refusal);
  return recording.now !== undefined && refusals.length === 0;
}

/** Takes the steps of an optimizer. */
export class Engine {
  readonly #registry: Registry;
  readonly #rates: Rates;
  readonly #slots = new Slots();

  /**
   * Create an engine without state.
   *
   * @param registry The parameters.
   * @param rates Their learning rates.
   */
  constructor(registry: Registry, rates: Rates) {
    this.#registry = registry;
    this.#rates = rates;
  }

  /** The state; valid until the next step. */
  get state(): OptState {
    return this.#slots.state;
  }

  /** Start the state of new parameters. */
  start(tx: GradientTransformation, states: States): void {
    tf.tidy(() => {
      this.#slots.add(tx.init(mapNamed(states, (state) => state.value)));
    });
  }

  /** Take a step with `grads`, which have been checked. */
  step(grads: Tensors): void {
    this.#live(() => tf.tidy(() => this.#step(grads)));
  }

  /** While a step is recorded: what is looked up or computed anew in replays. */
  #live(step: () => void): void {
    if (!recording.now) return step();
    this.#slots.report();
    const { steps } = this.state;
    liveSteps.of = (path) => ({
      steps: () => steps[path]!,
      rate: this.#rates.live(this.#registry.indexOf(path)),
    });
    try {
      step();
    } finally {
      liveSteps.of = undefined;
    }
  }

  #step(grads: Tensors): void {
    const params = this.#paramsOf(grads), paths = Object.keys(grads);
    const groups = this.#groupsOf(paths);
    if (groups.every(({ tx }) => tx.rule)) {
      const isMixed = mixesNorms(groups);
      return this.#stepByRules(
        paths,
        grads,
        params,
        (group) => (isMixed ? group.counted : group).clipped,
      );
    }
    const clipped = this.#clip(groups, grads, params);
    // Rules that sum over all parameters wait for those of other groups.
    const isAlone = ({ tx }: Group) =>
      tx.rule !== undefined && !traitsOf(tx).sumsOverStep;
    const alone = groups.filter(isAlone);
    const together = groups.filter((group) => !isAlone(group));
    this.#stepByRules(
      this.#own(alone, paths),
      clipped,
      params,
      ({ tx }) => tx,
    );
    const own = this.#own(together, paths);
    const updates = this.#update(together, own, clipped, params);
    this.#add(updates, params);
  }

  /** The updates of a step that is not applied; slots and counts change. */
  propose(grads: Tensors): Record<string, tf.Tensor> {
    return tf.tidy(() => {
      const params = this.#paramsOf(grads), paths = Object.keys(grads);
      const groups = this.#groupsOf(paths);
      const clipped = this.#clip(groups, grads, params);
      return this.#update(groups, paths, clipped, params);
    });
  }

  #paramsOf(grads: Tensors): Tensors {
    const { states } = this.#registry;
    return mapNamed(grads, (_, path) => states[path]!.value);
  }

  #groupsOf(paths: readonly string[]): Group[] {
    return [...new Set(paths.map((path) => this.#registry.groupOf(path)))];
  }

  /** The function from a path to its rate in this step. */
  #rateOf(): (path: string) => Rate {
    const { current } = this.#rates;
    return (path) => current[this.#registry.indexOf(path)]!;
  }

  /** One pass over memory: slots and parameters change in place. */
  #stepByRules(
    paths: readonly string[],
    grads: Tensors,
    params: Tensors,
    txOf: (group: Group) => GradientTransformation,
  ): void {
    const rateOf = this.#rateOf(), { state } = this;
    const launches = byKernel(paths, (path) => {
      const tx = txOf(this.#registry.groupOf(path));
      const rule = tx.rule!(path, params[path]!.shape);
      const row = rowOf(rule, path, grads, state, params, rateOf(path));
      return behindGate(kernelOf(rule), row);
    });
    this.#execute(launches);
    this.#slots.count(fromNames(paths, () => 1));
  }

  /** Run kernels, and store their outputs. */
  #execute(launches: readonly PathLaunch[]): void {
    const { states } = this.#registry;
    const outputs = runLaunches(launches);
    launches.forEach(({ paths }, k) => {
      paths.forEach((path, i) => {
        const { param, next = param, ...slots } = outputs[k]![i]!;
        const state = states[path]!;
        if (next && next !== state.value) state.value = next;
        for (const slot in slots) {
          this.#slots.replace(slot, path, slots[slot]!);
        }
      });
    });
  }

  /** Put `next` in place of a slot between steps; it stays the caller's. */
  setSlot(slot: string, path: string, next: tf.Tensor): void {
    this.#slots.set(slot, path, next);
  }

  #clip(groups: readonly Group[], grads: Tensors, params: Tensors): Tensors {
    if (groups.every(({ clip }) => !clip)) return grads;
    const isMixed = mixesNorms(groups);
    const clip = fromRules((path, shape) => {
      const group = this.#registry.groupOf(path);
      const { clip = identity() } = isMixed ? group.counted : group;
      return clip.rule!(path, shape);
    }, { isUniform: false, sumsOverStep: true });
    return clip.update(grads, clip.init(params), params)[0];
  }

  /** Add `updates` to the parameters. */
  #add(updates: Tensors, params: Tensors): void {
    this.#execute(byKernel(Object.keys(updates), (path) => {
      const { rule } = identity(), { shape } = params[path]!;
      const inputs = { update: updates[path]!, param: params[path]! };
      const row = { inputs, scalars: {}, shape };
      return behindGate(kernelOf(rule!(path, shape)), row);
    }));
  }

  /** The updates of `paths`, which are of `groups`; slots and counts change. */
  #update(
    groups: readonly Group[],
    paths: readonly string[],
    grads: Tensors,
    params: Tensors,
  ): Record<string, tf.Tensor> {
    const rateOf = this.#rateOf(), overwrites = isReplayed(groups);
    const jobs = groups.map((group) => {
      const own = this.#own([group], paths);
      const index = this.#registry.groups.indexOf(group);
      const all = this.#registry.pathsOf(index);
      const isFrozen = (path: string) => this.#registry.isFrozen(path);
      return {
        tx: group.tx,
        updates: select(grads, own),
        state: stateOf(this.state, all),
        params: select(params, own),
        extra: {
          rates: fromNames(own, rateOf),
          frozen: new Set(all.filter(isFrozen)),
        },
        overwrites,
      };
    });
    const all: Record<string, tf.Tensor> = {};
    updateJointly(jobs).forEach(([updates, { steps, slots }], i) => {
      this.#slots.keep(slots);
      const taken = select(steps, Object.keys(jobs[i]!.updates));
      const before = this.state.steps;
      this.#slots.count(mapNamed(taken, (n, path) => n - before[path]!));
      Object.assign(all, updates);
    });
    return all;
  }

  /** Those of `paths` that are in `groups`. */
  #own(groups: readonly Group[], paths: readonly string[]): string[] {
    return paths.filter((p) => groups.includes(this.#registry.groupOf(p)));
  }

  /** Start the state of all parameters anew. */
  restart(): void {
    this.dispose();
    this.#registry.groups.forEach(({ tx }, i) => {
      const paths = this.#registry.pathsOf(i);
      this.start(tx, fromNames(paths, (p) => this.#registry.states[p]!));
    });
  }

  /** Copy `state`, which has been checked. */
  load(state: OptState): void {
    this.#slots.load(state);
  }

  /** Free the state of all parameters but those of `paths`. */
  retain(paths: ReadonlySet<string>): void {
    this.#slots.retain(paths);
  }

  /** Free the slots. */
  dispose(): void {
    this.#slots.dispose();
  }
}
