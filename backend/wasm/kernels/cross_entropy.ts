/**
 * The cross-entropy of class labels and its gradient, which keep no probabilities.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { CrossEntropyAttrs } from "../../cross_entropy.ts";
import {
  type Body,
  F32,
  F32x4,
  F64,
  F64x2,
  I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector, type Lanes, maxLanes } from "../assembler/lanes.ts";
import { expNegative, log } from "../assembler/math.ts";
import {
  type Arguments,
  inMemory,
  type Operands,
  type ParameterName,
  wasmFunction,
} from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
} from "../machine/registry.ts";
import { clearFloats } from "./floats.ts";
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

/** What both functions read of the labels, the weights, and the options. */
const TARGETS = {
  addresses: ["labels", "weights", "shares"],
  numbers: ["hasEven", "hasIgnored", "ignored"],
} as const;

/** The target of a row, as `targetsOf` has it, in local variables. */
interface RowTarget {
  readonly label: I32;
  /** Whether the row counts nothing. */
  readonly isIgnored: I32;
  /** Weighs the class of the label; NaN if there is no such class. */
  readonly own: F64;
  /** Weighs every class. */
  readonly even: F64;
}

/** Run `body` for each row with its target, and go on to the next. */
function eachTarget(
  f: Body,
  p: Operands<ParameterName<typeof TARGETS> | "rows" | "bytes">,
  rows: readonly I32[],
  cells: readonly I32[],
  body: (target: RowTarget) => void,
): void {
  const { labels, weights, shares, hasIgnored, ignored, bytes } = p;
  const whole = f.let(load(F64, shares));
  const even = f.let(load(F64, shares, 8));
  const label = f.local(I32), isIgnored = f.local(I32), own = f.local(F64);
  f.for(p.rows, 1, () => {
    f.set(label, load(I32, labels));
    f.set(isIgnored, label.eq(ignored).and(hasIgnored));
    f.if(label.lt(bytes.shr(2)), () => {
      f.set(own, whole);
      f.if(weights, () => {
        const weight = load(F32, weights.add(label.shl(2)));
        f.set(own, whole.mul(weight.toF64()));
      });
    }, () => f.set(own, F64.of(NaN)));
    body({ label, isIgnored, own, even });
    for (const row of rows) f.set(row, row.add(bytes));
    for (const cell of [labels, ...cells]) f.set(cell, cell.add(4));
  });
}

/** The losses of rows, and `log Σ e^x`. */
const rowLosses = wasmFunction(
  "CrossEntropyRows",
  {
    addresses: ["x", ...TARGETS.addresses, "loss", "lse"],
    numbers: ["rows", "bytes", ...TARGETS.numbers],
  },
  (f, p) => {
    const { scratch, x, weights, loss, lse, bytes, hasEven } = p;
    const most = f.local(F32x4), logarithm = f.local(F32x4);
    const total = f.local(F64);
    const apart = (lanes: Lanes) => logarithm.sub(lanes.load(x));
    eachTarget(f, p, [x], [loss, lse], ({ label, isIgnored, own, even }) => {
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
      const least = label.lt(bytes.shr(2)).select(label, I32.of(0));
      const own0 = logarithm.lane(0).toF64()
        .sub(load(F32, x.add(least.shl(2))).toF64());
      f.set(total, own.eq(0).select(F64.of(0), own.mul(own0)));
      f.if(hasEven, () => {
        const spread = f.local(F64);
        f.if(weights, () => {
          const all = sumOver(f, scratch, bytes, (lanes) => {
            const w = f.let(lanes.load(weights));
            return w.eq(0).select(F32x4.of(0), apart(lanes).mul(w));
          });
          f.set(spread, all);
        }, () => f.set(spread, sumOver(f, scratch, bytes, apart)));
        f.set(total, total.add(even.mul(spread.toF32().toF64())));
      });
      f.store(loss, isIgnored.select(F32.of(0), total.toF32()));
    });
  },
);

/** `dy (e^(x - lse) Σ t - t)` of each row. */
const rowGradients = wasmFunction(
  "CrossEntropyGradRows",
  {
    addresses: ["x", ...TARGETS.addresses, "lse", "dy", "dx"],
    numbers: ["rows", "bytes", ...TARGETS.numbers],
  },
  (f, p) => {
    const { scratch, x, weights, lse, dy, dx, bytes, hasEven } = p;
    const [sum, scale, share] = f.locals(F32x4, 3);
    const weightSum = f.let(bytes.shr(2).toF64());
    f.if(weights, () => {
      f.set(weightSum, F64.of(0));
      f.for(bytes, 4, (c) => {
        const weight = load(F32, weights.add(c));
        f.set(weightSum, weightSum.add(weight.toF64()));
      });
    });
    const each = (shared?: (lanes: Lanes) => F32x4) =>
      eachVector(f, scratch, bytes, (lanes) => {
        const p = expNegative(f, f.let(lanes.load(x).sub(sum)));
        const part = scale.mul(p);
        lanes.store(dx, shared ? part.sub(shared(lanes)) : part);
      });
    eachTarget(f, p, [x, dx], [lse, dy], ({ label, isIgnored, own, even }) => {
      f.if(isIgnored, () => clearFloats(f, dx, bytes), () => {
        const d = f.let(load(F32, dy).toF64());
        const all = own.add(even.mul(weightSum));
        f.set(sum, load(F32, lse).splat());
        f.set(scale, d.mul(all).toF32().splat());
        f.if(hasEven, () => {
          f.set(share, d.mul(even).toF32().splat());
          f.if(
            weights,
            () => each((lanes) => share.mul(lanes.load(weights))),
            () => each(() => share),
          );
        }, () => each());
        f.if(label.lt(bytes.shr(2)), () => {
          const at = f.let(dx.add(label.shl(2)));
          const rest = load(F32, at).toF64().sub(d.mul(own));
          f.store(at, rest.toF32());
        });
      });
    });
  },
);

/** The arguments of `TARGETS`, for rows from the first on. */
function targetArguments(
  labels: tf.TensorInfo,
  weights: tf.TensorInfo | undefined,
  classes: number,
  { smoothing, ignoreIndex }: CrossEntropyAttrs,
): (first: number) => Arguments<ParameterName<typeof TARGETS>> {
  expectType("crossEntropy", labels, "int32");
  if (weights) {
    expectType("crossEntropy", weights, "float32");
    expectSize("crossEntropy", "the weights", weights.shape, classes);
  }
  const halves = new Float64Array([1 - smoothing, smoothing / classes]);
  const shares = inMemory([...new Int32Array(halves.buffer)]);
  const ignored = (ignoreIndex ?? 0) | 0;
  return (first) => ({
    labels: pointer(labels) + 4 * first,
    weights: weights ? pointer(weights) : 0,
    shares,
    hasEven: smoothing > 0 ? 1 : 0,
    hasIgnored: ignored === ignoreIndex ? 1 : 0,
    ignored,
  });
}

type Inputs<N extends string> = Readonly<Record<N, tf.TensorInfo>> & {
  readonly weights?: tf.TensorInfo;
};

function forward(
  { logits, labels, weights }: Inputs<"logits" | "labels">,
  attrs: CrossEntropyAttrs,
): tf.TensorInfo[] {
  expectType("crossEntropy", logits, "float32");
  const { rows, bytes, work } = rowsOf(logits);
  expectSize("crossEntropy", "the labels", labels.shape, rows);
  const targets = targetArguments(labels, weights, bytes / 4, attrs);
  const loss = output([rows]), lse = output([rows]);
  rowLosses.ranges(rows, 4 * work, (first, end) => ({
    ...targets(first),
    x: pointer(logits) + bytes * first,
    loss: pointer(loss) + 4 * first,
    lse: pointer(lse) + 4 * first,
    rows: end - first,
    bytes,
  }));
  return [loss, lse];
}

function backward(
  inputs: Inputs<"logits" | "labels" | "lse" | "dy">,
  attrs: CrossEntropyAttrs,
): tf.TensorInfo {
  const { logits, labels, lse, dy, weights } = inputs;
  const { rows, bytes, work } = rowsOf(logits);
  for (const [name, x] of Object.entries({ labels, lse, dy })) {
    expectSize("the gradient of crossEntropy", name, x.shape, rows);
  }
  const targets = targetArguments(labels, weights, bytes / 4, attrs);
  const dx = output(logits.shape);
  rowGradients.ranges(rows, 4 * work, (first, end) => ({
    ...targets(first),
    x: pointer(logits) + bytes * first,
    lse: pointer(lse) + 4 * first,
    dy: pointer(dy) + 4 * first,
    dx: pointer(dx) + bytes * first,
    rows: end - first,
    bytes,
  }));
  return dx;
}

/** Register `CrossEntropy`, which gives losses and `log Σ e^x`, and its gradient. */
export function registerCrossEntropy(): void {
  replace<"logits" | "labels", CrossEntropyAttrs>(
    "CrossEntropy",
    ({ inputs, attrs }) => forward(inputs, attrs),
  );
  replace<"logits" | "labels" | "lse" | "dy", CrossEntropyAttrs>(
    "CrossEntropyGrad",
    ({ inputs, attrs }) => backward(inputs, attrs),
  );
}
