/**
 * Logic of bools, four at a time where they are shaped alike.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";
import { binary } from "./binary.ts";
import { KERNELS } from "./binary_functions.ts";
import { elementwise } from "./elementwise.ts";

/** For each kernel of two bools, its function. */
const FUNCTIONS = Object.entries(KERNELS).flatMap(([name, kernel]) => {
  const { bools } = kernel;
  if (!bools) return [];
  const apply = elementwise(
    name,
    { operands: { a: "bytes", b: "bytes" }, result: "bytes" },
    (_, { a, b }) => bools(a, b).ne(0).and(1),
  );
  return [{ name, kernel, apply }];
});

const not = elementwise(
  "LogicalNot",
  { operands: { x: "bytes" }, result: "bytes" },
  (_, { x }) => x.eq(0).and(1),
);

/** Replace the kernels of bools. */
export function registerLogical(): void {
  for (const { name, kernel, apply } of FUNCTIONS) {
    replace<"a" | "b", unknown>(name, ({ inputs: { a, b } }) => {
      if (!tf.util.arraysEqual(a.shape, b.shape)) {
        return binary(name, kernel, a, b);
      }
      expectType(name, a, "bool");
      expectType(name, b, "bool");
      const y = output(a.shape, "bool"), n = size(a.shape);
      apply.ranges(n, n / 4, (first, end) => ({
        a: pointer(a) + first,
        b: pointer(b) + first,
        y: pointer(y) + first,
        bytes: 4 * (end - first),
      }), 4);
      return y;
    });
  }
  replace<"x", unknown>("LogicalNot", ({ inputs: { x } }) => {
    expectType("logicalNot", x, "bool");
    const y = output(x.shape, "bool"), n = size(x.shape);
    not.ranges(n, n / 4, (first, end) => ({
      x: pointer(x) + first,
      y: pointer(y) + first,
      bytes: 4 * (end - first),
    }), 4);
    return y;
  });
}
