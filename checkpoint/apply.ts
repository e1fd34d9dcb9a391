/**
 * Loading values into parts, all or none.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { type LoadPlan, mapLeaves, TensorRef } from "./load_plan.ts";

/**
 * Load the values of a plan synchronously. If a part throws, those before it are
 * restored.
 *
 * @param plan The parts and states to change.
 * @param tensors The tensors by number, which the caller still owns.
 */
export function apply(
  plan: Pick<LoadPlan, "dicts" | "states">,
  tensors: ReadonlyMap<number, tf.Tensor>,
): void {
  scope(() => applyInScope(plan, tensors));
}

function applyInScope(
  plan: Pick<LoadPlan, "dicts" | "states">,
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
      // A part that throws has not changed.
      locate(name, () => part.loadStateDict(value));
      undo.push(() => part.loadStateDict(before));
    }
    for (const { state, value } of plan.states) {
      const before = cloned(state.value);
      // The shape has been compared before, where it must be the same.
      state.replace(filled(value));
      undo.push(() => state.replace(before));
    }
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
}

/** `value` with clones of its tensors, which the open scope frees. */
function cloned(value: unknown): unknown {
  return mapLeaves(
    value,
    (leaf) => leaf instanceof tf.Tensor ? tf.clone(leaf) : leaf,
  );
}

/** Call `fn`; its errors name the part. */
function locate(name: string, fn: () => void) {
  try {
    fn();
  } catch (error) {
    if (error instanceof Error) error.message = `${error.message} (in ${name})`;
    throw error;
  }
}
