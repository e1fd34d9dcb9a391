/**
 * Softmax over the last axis.
 *
 * ```text
 * y = e^(x - max x) / sum e^(x - max x)
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type Body, F32x4, type I32 } from "../assembler/assembler.ts";
import { eachVector, maxLanes, sumLanes } from "../assembler/lanes.ts";
import { expNegative } from "../assembler/math.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";

/**
 * Write the softmax of the row at `x` to `y`; both may be one.
 *
 * @returns The largest element, and what `e^(x - most)` is multiplied by, in each lane.
 */
export function softmaxRow(
  f: Body,
  scratch: I32,
  x: I32,
  y: I32,
  bytes: I32,
): { most: F32x4; scale: F32x4 } {
  // Several of each, so that no addition waits for the one before.
  const largest = [0, 1, 2, 3].map(() => f.let(F32x4.of(-Infinity)));
  const sums = [0, 1].map(() => f.let(F32x4.of(0)));
  let turn = 0;
  eachVector(f, scratch, bytes, (lanes) => {
    // NaN is not the largest here, but makes the sum NaN.
    const most = largest[turn++ % 4]!;
    f.set(most, most.pmax(lanes.only(lanes.load(x), -Infinity)));
  }, 4);
  const most = f.let(
    maxLanes(largest.reduce((p, q) => f.let(p.pmax(q)))).splat(),
  );
  eachVector(f, scratch, bytes, (lanes) => {
    const e = expNegative(f, f.let(lanes.load(x).sub(most))),
      sum = sums[turn++ % 2]!;
    f.set(sum, sum.add(lanes.only(e, 0)));
    lanes.store(y, e);
  });
  const sum = f.let(sums[0]!.add(sums[1]!));
  const scale = f.let(F32x4.of(1).div(sumLanes(sum).splat()));
  eachVector(f, scratch, bytes, (lanes) => {
    lanes.store(y, lanes.load(y).mul(scale));
  }, 4);
  return { most, scale };
}

const softmax = wasmFunction(
  "softmax",
  { addresses: ["x", "y"], numbers: ["rows", "bytes"] },
  (f, { scratch, x, y, rows, bytes }) => {
    f.for(rows, 1, () => {
      softmaxRow(f, scratch, x, y, bytes);
      for (const row of [x, y]) f.set(row, row.add(bytes));
    });
  },
);

const softmaxGrad = wasmFunction(
  "SoftmaxGrad",
  { addresses: ["y", "dy", "dx"], numbers: ["rows", "bytes"] },
  (f, { scratch, y, dy, dx, rows, bytes }) => {
    const dot = f.local(F32x4);
    f.for(rows, 1, () => {
      f.set(dot, F32x4.of(0));
      eachVector(f, scratch, bytes, (lanes) => {
        const d = lanes.load(dy);
        f.set(dot, dot.add(lanes.only(f.let(d.mul(lanes.load(y))), 0)));
      });
      f.set(dot, sumLanes(dot).splat());
      eachVector(f, scratch, bytes, (lanes) => {
        lanes.store(dx, lanes.load(dy).sub(dot).mul(lanes.load(y)));
      });
      for (const row of [y, dy, dx]) f.set(row, row.add(bytes));
    });
  },
);

/** The last axis as rows: how many, how long in bytes, and about how much work. */
export function rowsOf(
  x: tf.TensorInfo,
): { rows: number; bytes: number; work: number } {
  const columns = x.shape.at(-1) ?? 1, n = size(x.shape);
  return { rows: columns ? n / columns : 0, bytes: 4 * columns, work: n };
}

/** Replace `Softmax`, and register its gradient, `(dy - Σ dy y) y`. */
export function registerSoftmax(): void {
  replace<"logits", unknown>("Softmax", ({ inputs: { logits: x } }) => {
    expectType("softmax", x, "float32");
    const { rows, bytes, work } = rowsOf(x), y = output(x.shape);
    softmax.ranges(rows, 2 * work, (first, end) => ({
      x: pointer(x) + bytes * first,
      y: pointer(y) + bytes * first,
      rows: end - first,
      bytes,
    }));
    return y;
  });
  replace<"y" | "dy", unknown>("SoftmaxGrad", ({ inputs: { y, dy } }) => {
    const { rows, bytes, work } = rowsOf(y), dx = output(y.shape);
    expectSize("the gradient of softmax", "dy", dy.shape, size(y.shape));
    softmaxGrad.ranges(rows, work, (first, end) => ({
      y: pointer(y) + bytes * first,
      dy: pointer(dy) + bytes * first,
      dx: pointer(dx) + bytes * first,
      rows: end - first,
      bytes,
    }));
    return dx;
  });
}
