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
import {
  type Assembler,
  type Body,
  F32x4,
  I32,
} from "../assembler/assembler.ts";
import { eachVector, maxLanes, sumLanes } from "../assembler/lanes.ts";
import { expNegative } from "../assembler/math.ts";
import { runRanges } from "../machine/parallel.ts";
import {
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";

/** Write the softmax of the row at `x` to `y`; both may be one. */
export function softmaxRow(
  f: Body,
  scratch: I32,
  x: I32,
  y: I32,
  bytes: I32,
): void {
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
}

/** Define `softmax`. */
export function defineSoftmax(m: Assembler): void {
  const params = { scratch: I32, x: I32, y: I32, rows: I32, bytes: I32 };
  m.export("softmax", params, (f, { scratch, x, y, rows, bytes }) => {
    f.for(rows, 1, () => {
      softmaxRow(f, scratch, x, y, bytes);
      f.set(x, x.add(bytes));
      f.set(y, y.add(bytes));
    });
  });
}

function softmax(x: tf.TensorInfo): tf.TensorInfo {
  expectType("softmax", x, "float32");
  const y = output(x.shape), n = size(x.shape), columns = x.shape.at(-1) ?? 1;
  if (n === 0) return y;
  const from = pointer(x), to = pointer(y), bytes = 4 * columns;
  runRanges("softmax", n / columns, 2 * n, (first, end) => [
    ...[from + bytes * first, to + bytes * first, end - first, bytes],
  ]);
  return y;
}

/** Replace `Softmax`. */
export function registerSoftmax(): void {
  replace<"logits", unknown>(
    "Softmax",
    ({ inputs: { logits } }) => softmax(logits),
  );
}
