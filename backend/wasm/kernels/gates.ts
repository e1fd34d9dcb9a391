/**
 * The gates of recurrent cells, from the formulas of `backend/ops/`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Elements, GateKernel } from "../../ops/gates.ts";
import { GRU_KERNELS } from "../../ops/gru_gates.ts";
import { LSTM_KERNELS } from "../../ops/lstm_gates.ts";
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

/** Formulas of four elements at a time. */
function ofVectors(f: Body): Elements<F32x4> {
  return {
    of: (x) => F32x4.of(x),
    add: (x, y) => f.let(x.add(y)),
    sub: (x, y) => f.let(x.sub(y)),
    mul: (x, y) => f.let(x.mul(y)),
    sigmoid: (x) => sigmoid(f, x),
    tanh: (x) => tanh(f, x),
  };
}

/** The function of a kernel, for some of its rows; `bytes` is the length of a block. */
function define({ name, inputs, outputs, formula }: GateKernel) {
  const counts = { ...inputs, ...outputs };
  return wasmFunction(name, {
    addresses: Object.keys(counts),
    numbers: ["rows", "bytes"],
  }, (f, p) => {
    const bytes = p["bytes"]!, m = ofVectors(f);
    f.for(p["rows"]!, 1, () => {
      const blocks: Record<string, I32[]> = {};
      for (const [tensor, count] of Object.entries(counts)) {
        blocks[tensor] = Array.from(
          { length: count },
          (_, k) => f.let(p[tensor]!.add(bytes.mul(k))),
        );
      }
      eachVector(f, p["scratch"]!, bytes, (lanes) => {
        const values: Record<string, F32x4[]> = {};
        for (const tensor of Object.keys(inputs)) {
          values[tensor] = blocks[tensor]!.map((at) => lanes.load(at));
        }
        const { x, y } = values;
        y?.forEach((term, k) => x![k] = m.add(x![k]!, term));
        for (const [tensor, results] of Object.entries(formula(m, values))) {
          results.forEach((result, k) =>
            lanes.store(blocks[tensor]![k]!, result)
          );
        }
      });
      for (const [tensor, count] of Object.entries(counts)) {
        const at = p[tensor]!;
        f.set(at, at.add(bytes.mul(count)));
      }
    });
  });
}

/** The tensor that has one block in a row. */
function single(
  { inputs: counts }: GateKernel,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
): tf.TensorInfo {
  const name = Object.keys(counts).find((name) => counts[name] === 1)!;
  return inputs[name]!;
}

function register(kernel: GateKernel): void {
  const { name, inputs: counts, outputs, cost } = kernel;
  const all = { ...counts, ...outputs }, apply = define(kernel);
  replace<string, unknown>(name, ({ inputs }) => {
    const { shape } = single(kernel, inputs);
    const [rows, hidden] = shape as [number, number], bytes = 4 * hidden;
    for (const [tensor, count] of Object.entries(counts)) {
      expectType(name, inputs[tensor]!, "float32");
      expectSize(name, tensor, inputs[tensor]!.shape, count * size(shape));
    }
    const results = Object.values(outputs).map((count) =>
      output([rows, count * hidden])
    );
    const tensors = [
      ...Object.keys(counts).map((tensor) => inputs[tensor]!),
      ...results,
    ].map(pointer);
    const places = Object.entries(all).map(([tensor, count], i) =>
      [tensor, count * bytes, tensors[i]!] as const
    );
    apply.ranges(rows, cost * size(shape), (first, end) => ({
      ...Object.fromEntries(
        places.map(([tensor, row, at]) => [tensor, at + row * first]),
      ),
      rows: end - first,
      bytes,
    }));
    return results;
  });
}

/** Register the kernels of all cells. */
export function registerGates(): void {
  for (const kernel of [...LSTM_KERNELS, ...GRU_KERNELS]) register(kernel);
}
