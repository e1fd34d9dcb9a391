/**
 * Where the examples are in nests of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, orNull, refuse, type Rule } from "../internal/check.ts";
import { mapTensors } from "../memory.ts";

/** What cannot be done, in errors. */
export const ACTION = "run vmap";

/**
 * The axis of examples in the tensors of a nest: one for all, where `null` says that the
 * examples share them, or a list or record with what each item has.
 */
export type Axes = number | null | readonly Axes[] | AxesByName;

/** The axes of a record, for each of its keys. */
export interface AxesByName {
  /** The axes of what the record has under a key. */
  readonly [key: string]: Axes;
}

/** Throws unless `axes` are integers, or `null` where they may be, in lists and records. */
export function checkAxes(
  name: string,
  axes: unknown,
  mayShare: boolean,
): void {
  if (typeof axes === "object" && axes !== null) {
    for (const [key, item] of Object.entries(axes)) {
      checkAxes(`${name}[${key}]`, item, mayShare);
    }
    return;
  }
  const rule: Rule = mayShare ? orNull("an integer") : "an integer";
  check(ACTION, name, axes, rule);
}

/** The results of `fn` for each tensor in `nest` and its axis, in the same nest. */
export function mapWithAxes(
  nest: unknown,
  axes: Axes,
  name: string,
  fn: (x: tf.Tensor, axis: number | null, name: string) => tf.Tensor,
): unknown {
  if (axes === null || typeof axes === "number") {
    return mapTensors(nest, (x) => fn(x, axes, name));
  }
  const isAlike = typeof nest === "object" && nest !== null &&
    !(nest instanceof tf.Tensor) && Array.isArray(nest) === Array.isArray(axes);
  const keys = Object.keys(axes);
  const own = isAlike ? Object.keys(nest) : [];
  if (own.length !== keys.length || keys.some((key) => !own.includes(key))) {
    const is = Array.isArray(axes)
      ? `a list of ${keys.length}, as its axes`
      : `a record of ${keys.map((key) => `"${key}"`).join(", ")}, as its axes`;
    const what = Array.isArray(nest) ? `a list of ${nest.length}` : nest;
    refuse(ACTION, name, is, what, TypeError);
  }
  const made = keys.map((key) =>
    [
      key,
      mapWithAxes(
        (nest as Record<string, unknown>)[key],
        (axes as AxesByName)[key]!,
        `${name}[${key}]`,
        fn,
      ),
    ] as const
  );
  return Array.isArray(axes)
    ? made.map(([, x]) => x)
    : Object.fromEntries(made);
}

/** An axis of a tensor, counted from the front. */
export function axisIn(x: tf.Tensor, axis: number, name: string): number {
  if (axis < -x.rank || axis >= x.rank) {
    refuse(ACTION, name, `a tensor with axis ${axis}`, x);
  }
  return axis < 0 ? axis + x.rank : axis;
}
