/**
 * The gates of a long short-term memory, and their gradient, run by
 * `backend/ops/lstm_gates.ts`, which has the formulas.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type Body, F32x4, type I32 } from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { sigmoid, tanh } from "../assembler/math.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";

/** Operations for one element, forward and backward, or so. */
const COST = { forward: 60, backward: 30 };

/** The addresses of the parts of a row: i, g, f and o. */
function parts(f: Body, row: I32, bytes: I32): I32[] {
  return [0, 1, 2, 3].map((k) => f.let(row.add(bytes.mul(k))));
}

const forward = wasmFunction("LstmGates", {
  addresses: ["x", "y", "c", "h", "next", "gates"],
  numbers: ["rows", "bytes"],
}, (f, p) => {
  const { x, y, c, h, next, gates, bytes } = p;
  f.for(p.rows, 1, () => {
    const [xs, ys, to] = [x, y, gates].map((row) => parts(f, row, bytes));
    eachVector(f, p.scratch, bytes, (lanes) => {
      const terms = xs!.map((x, k) =>
        f.let(lanes.load(x).add(lanes.load(ys![k]!)))
      );
      const i = sigmoid(f, terms[0]!), g = tanh(f, terms[1]!);
      const forget = sigmoid(f, f.let(terms[2]!.add(1)));
      const o = sigmoid(f, terms[3]!);
      const memory = f.let(forget.mul(lanes.load(c)).add(i.mul(g)));
      lanes.store(next, memory);
      lanes.store(h, o.mul(tanh(f, memory)));
      [i, g, forget, o].forEach((gate, k) => lanes.store(to![k]!, gate));
    });
    for (const row of [x, y, gates]) f.set(row, row.add(bytes.mul(4)));
    for (const row of [c, h, next]) f.set(row, row.add(bytes));
  });
});

const backward = wasmFunction("LstmGatesGrad", {
  addresses: ["gates", "c", "next", "dh", "dNext", "dGates", "dc"],
  numbers: ["rows", "bytes"],
}, (f, p) => {
  const { gates, c, next, dh, dNext, dGates, dc, bytes } = p;
  const without = (z: F32x4) => f.let(F32x4.of(1).sub(z));
  f.for(p.rows, 1, () => {
    const from = parts(f, gates, bytes), to = parts(f, dGates, bytes);
    eachVector(f, p.scratch, bytes, (lanes) => {
      const [i, g, forget, o] = from.map((gate) => lanes.load(gate));
      const t = tanh(f, lanes.load(next)), slope = lanes.load(dh);
      const memory = f.let(
        lanes.load(dNext).add(slope.mul(o!).mul(without(f.let(t.mul(t))))),
      );
      const slopes = [
        memory.mul(g!).mul(i!).mul(without(i!)),
        memory.mul(i!).mul(without(f.let(g!.mul(g!)))),
        memory.mul(lanes.load(c)).mul(forget!).mul(without(forget!)),
        slope.mul(t).mul(o!).mul(without(o!)),
      ];
      slopes.forEach((slope, k) => lanes.store(to[k]!, slope));
      lanes.store(dc, memory.mul(forget!));
    });
    for (const row of [gates, dGates]) f.set(row, row.add(bytes.mul(4)));
    for (const row of [c, next, dh, dNext, dc]) f.set(row, row.add(bytes));
  });
});

/** Check that tensors have `c`'s size, and others that of four gates. */
function expectSizes(
  kernel: string,
  c: tf.TensorInfo,
  alike: Readonly<Record<string, tf.TensorInfo>>,
  gates: Readonly<Record<string, tf.TensorInfo>>,
): void {
  const count = size(c.shape);
  const groups = [[{ c, ...alike }, count], [gates, 4 * count]] as const;
  for (const [tensors, wanted] of groups) {
    for (const [name, x] of Object.entries(tensors)) {
      expectType(kernel, x, "float32");
      expectSize(kernel, name, x.shape, wanted);
    }
  }
}

/** Register `LstmGates`, which gives the output, the memory and the gates, and its gradient. */
export function registerLstmGates(): void {
  replace<"x" | "y" | "c", unknown>(
    "LstmGates",
    ({ inputs: { x, y, c } }) => {
      expectSizes("lstmGates", c, {}, { x, y });
      const [rows, hidden] = c.shape as [number, number], bytes = 4 * hidden;
      const h = output(c.shape), next = output(c.shape);
      const gates = output(x.shape);
      forward.ranges(rows, COST.forward * size(c.shape), (first, end) => ({
        x: pointer(x) + 4 * bytes * first,
        y: pointer(y) + 4 * bytes * first,
        c: pointer(c) + bytes * first,
        h: pointer(h) + bytes * first,
        next: pointer(next) + bytes * first,
        gates: pointer(gates) + 4 * bytes * first,
        rows: end - first,
        bytes,
      }));
      return [h, next, gates];
    },
  );
  replace<"gates" | "c" | "next" | "dh" | "dNext", unknown>(
    "LstmGatesGrad",
    ({ inputs: { gates, c, next, dh, dNext } }) => {
      const kernel = "the gradient of lstmGates";
      expectSizes(kernel, c, { next, dh, dNext }, { gates });
      const [rows, hidden] = c.shape as [number, number], bytes = 4 * hidden;
      const dGates = output(gates.shape), dc = output(c.shape);
      backward.ranges(rows, COST.backward * size(c.shape), (first, end) => ({
        gates: pointer(gates) + 4 * bytes * first,
        c: pointer(c) + bytes * first,
        next: pointer(next) + bytes * first,
        dh: pointer(dh) + bytes * first,
        dNext: pointer(dNext) + bytes * first,
        dGates: pointer(dGates) + 4 * bytes * first,
        dc: pointer(dc) + bytes * first,
        rows: end - first,
        bytes,
      }));
      return [dGates, dc];
    },
  );
}
