/**
 * Options of kernels that tfjs 4.22 does not check: with some of them kernels would
 * read or write outside of tensors.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  check,
  either,
  listOf,
  pair,
  refuse,
  type Rule,
  rule,
} from "../../internal/check.ts";
import type { Check, KernelArgs } from "./guard.ts";

const COUNT = "a nonnegative integer";
const COUNTS = listOf(COUNT);
const INTEGERS = either("an integer", listOf("an integer"));
/** Without a size, a slice goes to the end. */
const SIZES = either(INTEGERS, rule("left out", (x) => x === undefined));

/** An option of a kernel: the action in errors, its name, and its rule. */
type Option = readonly [action: string, name: string, rule: Rule];

const KERNELS: Readonly<Record<string, readonly Option[]>> = {
  PadV2: [["pad", "paddings", listOf(pair(COUNT, COUNT))]],
  ResizeBilinear: [["resize", "size", COUNTS]],
  ResizeNearestNeighbor: [["resize", "size", COUNTS]],
  Slice: [["slice", "begin", INTEGERS], ["slice", "size", SIZES]],
  Tile: [["tile", "reps", COUNTS]],
  Transpose: [["transpose", "perm", COUNTS]],
  UnsortedSegmentSum: [["add segments", "numSegments", COUNT]],
};

/** Options with an entry for each axis. */
const BY_AXIS = new Set(["paddings", "reps", "perm"]);

/** The checks of such options. */
export const OPTIONS: Readonly<Record<string, Check>> = Object.fromEntries(
  Object.entries(KERNELS).map(([name, options]) => [name, (args) => {
    for (const option of options) checkOption(args, option);
  }]),
);

function checkOption(args: KernelArgs, [action, name, rule]: Option): void {
  const value: unknown = args.attrs![name];
  check(action, name, value, rule);
  if (!BY_AXIS.has(name)) return;
  const list = value as unknown[];
  const { shape } = args.inputs["x"] as tf.TensorInfo;
  if (list.length !== shape.length) {
    refuse(action, name, `a list of ${shape.length}, one for each axis`, list);
  }
  if (name === "perm" && new Set(list).size !== list.length) {
    refuse(action, name, "a permutation of the axes", list);
  }
}
