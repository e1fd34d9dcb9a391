/**
 * The cross-entropy of class labels and its gradient, which keep no probabilities.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  type CrossEntropyAttrs,
  targetsOf,
  term,
} from "../../cross_entropy.ts";
import {
  type Body,
  F32,
  F32x4,
  F64,
  F64x2,
  type I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector, type Lanes, maxLanes } from "../assembler/lanes.ts";
import { expNegative, log } from "../assembler/math.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  free,
  output,
  pointer,
  replace,
  view,
} from "../machine/registry.ts";
import { rowsOf } from "./softmax.ts";

/** The sum of four floats at a time, in 64 bits. */
function sumOver(
  f: Body,
  scratch: I32,
  bytes: I32,
  value: (lanes: Lanes) => F32x4,
): F64 {
  const [low, high] = f.locals(F64x2, 2);
  for (const sum of [low, high]) f.set(sum, F64.of(0).splat());
  eachVector(f, scratch, bytes, (lanes) => {
    const x = f.let(lanes.only(value(lanes), 0));
    f.set(low, low.add(x.toF64()));
    f.set(high, high.add(x.shuffle(x, [2, 3, 2, 3]).toF64()));
  });
  const pair = f.let(low.add(high));
  return pair.lane(0).add(pair.lane(1));
}

/** `log Σ e^x` of each row; and `Σ w (lse - x)`, where `hasEven` is not 0. */
const rowSums = wasmFunction(
  "CrossEntropyRows",
  {
    addresses: ["x", "weights", "lse", "even"],
    numbers: ["rows", "bytes", "hasEven"],
  },
  (f, p) => {
    const { scratch, x, weights, lse, even, rows, bytes, hasEven } = p;
    const most = f.local(F32x4), logarithm = f.local(F32x4);
    f.for(rows, 1, () => {
      f.set(most, F32x4.of(-Infinity));
      eachVector(f, scratch, bytes, (lanes) => {
        f.set(most, most.pmax(lanes.only(lanes.load(x), -Infinity)));
      }, 4);
      f.set(most, maxLanes(most).splat());
      const sum = f.let(
        sumOver(
          f,
          scratch,
          bytes,
          (lanes) => expNegative(f, f.let(lanes.load(x).sub(most))),
        ),
      );
      f.set(logarithm, most.add(log(f, f.let(sum.toF32().splat()))));
      f.store(lse, logarithm.lane(0));
      f.if(hasEven, () => {
        const total = f.let(sumOver(f, scratch, bytes, (lanes) => {
          const w = f.let(lanes.load(weights));
          const apart = f.let(logarithm.sub(lanes.load(x)).mul(w));
          return w.eq(0).select(F32x4.of(0), apart);
        }));
        f.store(even, total.toF32());
      });
      f.set(x, x.add(bytes));
      for (const cell of [lse, even]) f.set(cell, cell.add(4));
    });
  },
);

/** `factor e^(x - lse) - even w`, where `factor` and `lse` are of the row. */
const scaledSoftmax = wasmFunction(
  "CrossEntropyGradRows",
  {
    addresses: ["x", "weights", "lse", "factor", "even", "dx"],
    numbers: ["rows", "bytes"],
  },
  (f, p) => {
    const { scratch, x, weights, lse, factor, even, dx, rows, bytes } = p;
    const [sum, scale, share] = f.locals(F32x4, 3);
    f.for(rows, 1, () => {
      f.set(sum, load(F32, lse).splat());
      f.set(scale, load(F32, factor).splat());
      f.set(share, load(F32, even).splat());
      eachVector(f, scratch, bytes, (lanes) => {
        const p = expNegative(f, f.let(lanes.load(x).sub(sum)));
        const shared = share.mul(lanes.load(weights));
        lanes.store(dx, scale.mul(p).sub(shared));
      });
      for (const row of [x, dx]) f.set(row, row.add(bytes));
      for (const cell of [lse, factor, even]) f.set(cell, cell.add(4));
    });
  },
);

/** `weights`, or ones to be freed. */
function weightsOf(weights: tf.TensorInfo | undefined, classes: number) {
  if (weights) {
    expectType("crossEntropy", weights, "float32");
    expectSize("crossEntropy", "the weights", weights.shape, classes);
    return weights;
  }
  const ones = output([classes]);
  view(ones).fill(1);
  return ones;
}

function forward(
  logits: tf.TensorInfo,
  labels: tf.TensorInfo,
  given: tf.TensorInfo | undefined,
  attrs: CrossEntropyAttrs,
): tf.TensorInfo[] {
  const { rows, bytes, work } = rowsOf(logits), classes = bytes / 4;
  expectSize("crossEntropy", "the labels", labels.shape, rows);
  const weights = weightsOf(given, classes);
  const loss = output([rows]), lse = output([rows]), even = output([rows]);
  rowSums.ranges(rows, 4 * work, (first, end) => ({
    x: pointer(logits) + bytes * first,
    weights: pointer(weights),
    lse: pointer(lse) + 4 * first,
    even: pointer(even) + 4 * first,
    rows: end - first,
    bytes,
    hasEven: attrs.smoothing > 0 ? 1 : 0,
  }));
  const targets = targetsOf(
    view(labels),
    given && view(weights),
    classes,
    attrs,
  );
  const [X, L, E, Y] = [view(logits), view(lse), view(even), view(loss)];
  view(labels).forEach((label, row) => {
    const target = targets(row);
    Y[row] = target
      ? term(target.own, L[row]! - X[row * classes + label]!) +
        (target.even > 0 ? target.even * E[row]! : 0)
      : 0;
  });
  free(even);
  if (!given) free(weights);
  return [loss, lse];
}

function backward(
  { logits, labels, lse, dy, weights: given }: Readonly<
    Record<"logits" | "labels" | "lse" | "dy" | "weights", tf.TensorInfo>
  >,
  attrs: CrossEntropyAttrs,
): tf.TensorInfo {
  const { rows, bytes, work } = rowsOf(logits), classes = bytes / 4;
  for (const [name, x] of Object.entries({ labels, lse, dy })) {
    expectSize("the gradient of crossEntropy", name, x.shape, rows);
  }
  const weights = weightsOf(given, classes), dx = output(logits.shape);
  const factor = output([rows]), even = output([rows]);
  const targets = targetsOf(
    view(labels),
    given && view(weights),
    classes,
    attrs,
  );
  const [D, F, E] = [view(dy), view(factor), view(even)];
  for (let row = 0; row < rows; row++) {
    const target = targets(row);
    F[row] = target ? D[row]! * target.total : 0;
    E[row] = target ? D[row]! * target.even : 0;
  }
  scaledSoftmax.ranges(rows, 4 * work, (first, end) => ({
    x: pointer(logits) + bytes * first,
    weights: pointer(weights),
    lse: pointer(lse) + 4 * first,
    factor: pointer(factor) + 4 * first,
    even: pointer(even) + 4 * first,
    dx: pointer(dx) + bytes * first,
    rows: end - first,
    bytes,
  }));
  const to = view(dx);
  view(labels).forEach((label, row) => {
    const target = targets(row), at = row * classes;
    if (!target) to.fill(0, at, at + classes);
    else if (label >= 0 && label < classes) {
      to[at + label]! -= D[row]! * target.own;
    }
  });
  free(factor, even);
  if (!given) free(weights);
  return dx;
}

/** Register `CrossEntropy`, which gives losses and `log Σ e^x`, and its gradient. */
export function registerCrossEntropy(): void {
  replace<"logits" | "labels" | "weights", CrossEntropyAttrs>(
    "CrossEntropy",
    ({ inputs: { logits, labels, weights }, attrs }) => {
      expectType("crossEntropy", logits, "float32");
      expectType("crossEntropy", labels, "int32");
      return forward(logits, labels, weights, attrs);
    },
  );
  replace<"logits" | "labels" | "lse" | "dy" | "weights", CrossEntropyAttrs>(
    "CrossEntropyGrad",
    ({ inputs, attrs }) => backward(inputs, attrs),
  );
}
