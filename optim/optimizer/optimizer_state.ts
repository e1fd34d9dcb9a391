/**
 * The state of an optimizer, to be saved and loaded.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { sameShape } from "../../backend/fusion/mod.ts";
import { check } from "../../internal/check.ts";
import { mapNamed, type Named } from "../../tensors.ts";
import type { OptState } from "../transforms/transformation.ts";
import type { SchedulerState } from "../schedulers/mod.ts";

/** The state of an optimizer: plain data, and tensors by path. */
export interface OptimizerState extends OptState {
  /** The number of calls of `step`. */
  readonly stepCount: number;
  /** The paths of each parameter group. */
  readonly groups: readonly (readonly string[])[];
  /** The states of the schedulers: the optimizer's, added ones, groups' own. */
  readonly schedulers: readonly SchedulerState[];
}

/** A copy of `state`, whose tensors are the caller's to dispose. */
export function copyState({ steps, slots }: OptState): OptState {
  return {
    steps: { ...steps },
    slots: mapNamed(slots, (of) => mapNamed(of, (x) => tf.clone(x))),
  };
}

/** Throw unless `saved` fits an optimizer whose state is `own`. */
export function checkState(
  action: string,
  own: OptState & { readonly groups: readonly (readonly string[])[] },
  saved: OptimizerState,
): void {
  const isRecord = (x: unknown) => typeof x === "object" && x !== null;
  for (const key of ["steps", "slots", "groups", "schedulers"] as const) {
    if (isRecord(saved) && isRecord(saved[key])) continue;
    throw new TypeError(
      `Cannot ${action}: the state must have ${key}, as stateDict() gives it`,
    );
  }
  const count = "a nonnegative integer";
  check(action, "stepCount", saved.stepCount, count);
  checkPaths(action, "steps", own.steps, saved.steps);
  for (const [path, t] of Object.entries(saved.steps)) {
    check(action, `the step count of "${path}"`, t, count);
  }
  const groups = JSON.stringify(own.groups.map((g) => [...g].sort()));
  const theirs = JSON.stringify(saved.groups.map((g) => [...g].sort()));
  if (groups !== theirs) {
    throw new RangeError(
      `Cannot ${action}: the parameter groups must be those saved, ${theirs}: current value is ${groups}`,
    );
  }
  checkPaths(action, "slots", own.slots, saved.slots);
  for (const [slot, tensors] of Object.entries(own.slots)) {
    checkPaths(action, `slots "${slot}"`, tensors, saved.slots[slot]!);
    for (const [path, x] of Object.entries(tensors)) {
      const y = saved.slots[slot]![path]!;
      const fits = y instanceof tf.Tensor && y.dtype === x.dtype &&
        sameShape(x.shape, y.shape);
      if (fits) continue;
      throw new RangeError(
        `Cannot ${action}: slot "${slot}" of "${path}" must be a ${x.dtype} tensor of shape [${x.shape}]: current value is ${
          y instanceof tf.Tensor ? `${y.dtype} of [${y.shape}]` : String(y)
        }`,
      );
    }
  }
}

function checkPaths(
  action: string,
  what: string,
  own: Named<unknown>,
  saved: Named<unknown>,
): void {
  const missing = Object.keys(own).find((path) => !Object.hasOwn(saved, path));
  const extra = Object.keys(saved).find((path) => !Object.hasOwn(own, path));
  if (missing === undefined && extra === undefined) return;
  throw new RangeError(
    `Cannot ${action}: ${what} must be those of this optimizer: ${
      missing === undefined
        ? `"${extra}" is unknown`
        : `"${missing}" is missing`
    }`,
  );
}
