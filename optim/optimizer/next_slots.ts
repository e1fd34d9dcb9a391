/**
 * What slots hold after a step.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  Expr,
  type Kernel,
  kernelOf,
  runLaunches,
  sameShape,
} from "../../backend/fusion/mod.ts";
import { nextOrOld } from "../../backend/gate.ts";
import { gate } from "../../internal/gate.ts";
import { recording } from "../../internal/recording.ts";
import { behindGate } from "../transforms/kernels.ts";

/** A slot, and what takes its place. */
export interface Change {
  /** What it holds. */
  readonly old: tf.Tensor;
  /** What it is to hold. */
  readonly next: tf.Tensor;
}

/**
 * What slots hold after `changes`, in order: what they held before, if the step turns out
 * to be void. While a step is recorded they are overwritten, since replays find them where
 * they are.
 */
export function nextSlots(changes: readonly Change[]): readonly tf.Tensor[] {
  const { open } = gate, { now } = recording;
  if (now && changes.every(isAlike)) return overwritten(changes);
  now?.refuse("its optimizer changes the shape of a slot, or one of integers");
  return changes.map(({ old, next }) =>
    open ? nextOrOld(open, next, old) : next
  );
}

function isAlike({ old, next }: Change): boolean {
  return old.dtype === "float32" && next.dtype === "float32" &&
    sameShape(old.shape, next.shape);
}

/** Copies `value` to `slot`. */
const COPY: Kernel = {
  ...kernelOf({ slot: { value: Expr.input("value"), extent: "each" } }),
  inputs: { slot: "each", value: "each" },
};

/** The slots themselves, or where somebody shares the memory of one, a new tensor. */
function overwritten(changes: readonly Change[]): tf.Tensor[] {
  const all = changes.map(({ old, next }) => {
    const inputs = { slot: old, value: next };
    return behindGate(COPY, { inputs, scalars: {}, shape: old.shape });
  });
  const kernel = all[0]?.[0] ?? COPY, rows = all.map(([, row]) => row);
  return runLaunches([{ kernel, rows }])[0]!.map(({ slot }) => slot!);
}
