/**
 * The choice between two tensors, element by element or row by row.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
  view,
} from "../machine/registry.ts";
import { elementwise } from "./elementwise.ts";

const chooseFloats = elementwise(
  "Select",
  { operands: { test: "bytes", t: "words", e: "words" } },
  (_, { test, t, e }) => test.ne(0).select(t, e),
);

/** `t` where `condition` holds, else `e`. */
function select(
  condition: tf.TensorInfo,
  t: tf.TensorInfo,
  e: tf.TensorInfo,
): tf.TensorInfo {
  expectType("where", t, "float32", "int32", "bool");
  expectType("where", e, t.dtype);
  const y = output(t.shape, t.dtype), n = size(t.shape);
  expectSize("where", "the last tensor", e.shape, n);
  if (n === 0) return y;
  // A vector of conditions chooses rows.
  const conditions = size(condition.shape), each = n / conditions;
  if (!Number.isInteger(each)) {
    expectSize("where", "the condition", condition.shape, n);
  }
  if (t.dtype !== "bool" && each === 1) {
    chooseFloats.ranges(n, n / 3, (first, end) => ({
      test: pointer(condition) + first,
      t: pointer(t) + 4 * first,
      e: pointer(e) + 4 * first,
      y: pointer(y) + 4 * first,
      bytes: 4 * (end - first),
    }), 4);
    return y;
  }
  const [C, T, E, Y] = [view(condition), view(t), view(e), view(y)];
  for (let i = 0; i < n; i++) Y[i] = (C[Math.floor(i / each)] ? T : E)[i]!;
  return y;
}

/** Replace `Select`. */
export function registerSelect(): void {
  replace<"condition" | "t" | "e", unknown>(
    "Select",
    ({ inputs: { condition, t, e } }) => select(condition, t, e),
  );
}
