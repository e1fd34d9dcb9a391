/**
 * Changing parts to what a file holds, all or none.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { mapLeaves, type Plan, TensorRef } from "./plan.ts";

/**
 * Change the parts, without waiting for anything in between; if one refuses,
 * those before it are changed back.
 *
 * @param plan The dicts and states to change.
 * @param tensors The tensors that are wanted, which stay the caller's.
 */
export function apply(
  plan: Pick<Plan, "dicts" | "states">,
  tensors: ReadonlyMap<number, tf.Tensor>,
): void {
  scope(() => applyInScope(plan, tensors));
}

function applyInScope(
  plan: Pick<Plan, "dicts" | "states">,
  tensors: ReadonlyMap<number, tf.Tensor>,
) {
  const filled = (value: unknown) =>
    mapLeaves(
      value,
      (leaf) => leaf instanceof TensorRef ? tensors.get(leaf.number)! : leaf,
    );
  const dicts = plan.dicts.map((dict) => ({
    ...dict,
    value: filled(dict.value) as never,
  }));
  for (const { name, part, value } of dicts) {
    locate(name, () => part.checkStateDict?.(value));
  }
  const undo: (() => void)[] = [];
  try {
    for (const { name, part, value } of dicts) {
      const before = cloned(part.stateDict()) as never;
      // A part that throws has changed nothing, so there is nothing to undo.
      locate(name, () => part.loadStateDict(value));
      undo.push(() => part.loadStateDict(before));
    }
    for (const { state, value } of plan.states) {
      const before = cloned(state.value);
      // The shape has been compared already, where it has to stay.
      state.replace(filled(value));
      undo.push(() => state.replace(before));
    }
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
}

/** `value` with clones in place of tensors, which the open scope frees. */
function cloned(value: unknown): unknown {
  return mapLeaves(
    value,
    (leaf) => leaf instanceof tf.Tensor ? tf.clone(leaf) : leaf,
  );
}

/** Run `fn`; an error says in which part it arose. */
function locate(name: string, fn: () => void) {
  try {
    fn();
  } catch (error) {
    if (error instanceof Error) error.message = `${error.message} (in ${name})`;
    throw error;
  }
}
