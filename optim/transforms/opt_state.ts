/**
 * The state of a transformation: how it starts, changes, splits and merges.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { own } from "../../internal/own.ts";
import {
  fromNames,
  mapNamed,
  type Named,
  type Tensors,
} from "../../tensors.ts";
import type { OptState } from "./transformation.ts";

/**
 * The state before the first step.
 *
 * @param params The parameters, by path.
 * @param slotsOf The slots of a parameter, by name.
 */
export function startState(
  params: Tensors,
  slotsOf: (path: string, param: tf.Tensor) => Tensors,
): OptState {
  const slots: Record<string, Record<string, tf.Tensor>> = {};
  for (const [path, param] of Object.entries(params)) {
    for (const [slot, x] of Object.entries(slotsOf(path, param))) {
      (slots[slot] ??= {})[path] = x;
    }
  }
  return { steps: mapNamed(params, () => 0), slots };
}

/**
 * The state after one more step of some parameters.
 *
 * @param state The state before the step.
 * @param next The new slots of each parameter that took part, by path, then name.
 */
export function nextState(state: OptState, next: Named<Tensors>): OptState {
  const steps = { ...state.steps };
  for (const path of Object.keys(next)) steps[path]!++;
  return {
    steps,
    slots: mapNamed(
      state.slots,
      (slots, slot) =>
        mapNamed(
          slots,
          (old, path) => own(next, path)?.[slot] ?? old,
        ),
    ),
  };
}

/** The values of those of `paths` that have one. */
export function select<T>(
  values: Named<T>,
  paths: readonly string[],
): Record<string, T> {
  return fromNames(
    paths.filter((path) => Object.hasOwn(values, path)),
    (path) => values[path]!,
  );
}

/** The part of `state` that belongs to `paths`. */
export function stateOf(state: OptState, paths: readonly string[]): OptState {
  return {
    steps: select(state.steps, paths),
    slots: mapNamed(state.slots, (slots) => select(slots, paths)),
  };
}

/** All that `states` hold; of what several hold, that of the last. */
export function mergeStates(...states: readonly OptState[]): OptState {
  const steps: Record<string, number> = {};
  const slots: Record<string, Tensors> = {};
  for (const state of states) {
    Object.assign(steps, state.steps);
    for (const [slot, tensors] of Object.entries(state.slots)) {
      slots[slot] = { ...slots[slot], ...tensors };
    }
  }
  return { steps, slots };
}

/** `states` as one: the slots of the i-th are called `i.slot`. */
export function joinStates(states: readonly OptState[]): OptState {
  const slots: Record<string, Tensors> = {};
  states.forEach((state, i) => {
    mapNamed(state.slots, (tensors, name) => slots[`${i}.${name}`] = tensors);
  });
  return { steps: states[0]!.steps, slots };
}

/** The i-th of the states that {@linkcode joinStates} has joined. */
export function joinedState(state: OptState, i: number): OptState {
  const prefix = `${i}.`;
  const slots = Object.entries(state.slots)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, tensors]) => [name.slice(prefix.length), tensors]);
  return { steps: state.steps, slots: Object.fromEntries(slots) };
}
