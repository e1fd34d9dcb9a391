/**
 * Parts of transformers as one kernel each, with their gradients: GELU, layer
 * normalization, and what follows from softmax.
 *
 * `backend/ops/` runs them by name.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import {
  type Assembler,
  type Body,
  F32,
  F32x4,
  floatBits,
  I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector, sumLanes } from "../assembler/lanes.ts";
import { erf, exp, tanh } from "../assembler/math.ts";
import { runRanges } from "../machine/parallel.ts";
import {
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";

/** The approximation by tanh: its factors. */
const ROOT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** The share of `x` that GELU lets through, and the derivative of GELU. */
type Gelu = (f: Body, x: F32x4) => { share: F32x4; slope: () => F32x4 };

const GELUS: Readonly<Record<"Gelu" | "GeluTanh", Gelu>> = {
  Gelu(f, x) {
    const share = f.let(erf(f, f.let(x.mul(Math.SQRT1_2))).add(1).mul(0.5));
    const density = () =>
      exp(f, f.let(x.mul(x).mul(-0.5))).mul(1 / Math.sqrt(2 * Math.PI));
    return { share, slope: () => share.add(x.mul(density())) };
  },
  GeluTanh(f, x) {
    const square = f.let(x.mul(x));
    const t = tanh(f, f.let(x.mul(square.mul(ROOT * CUBIC).add(ROOT))));
    const share = f.let(t.add(1).mul(0.5));
    const inner = square.mul(3 * ROOT * CUBIC).add(ROOT);
    const slope = () =>
      share.add(x.mul(0.5).mul(F32x4.of(1).sub(t.mul(t))).mul(inner));
    return { share, slope };
  },
};

/** Define the functions of this file. */
export function defineFused(m: Assembler): void {
  for (const [name, gelu] of Object.entries(GELUS)) {
    m.export(name, { scratch: I32, x: I32, y: I32, bytes: I32 }, (f, p) => {
      eachVector(f, p.scratch, p.bytes, (lanes) => {
        const x = lanes.load(p.x);
        lanes.store(p.y, x.mul(gelu(f, x).share));
      });
    });
    m.export(`${name}Grad`, {
      scratch: I32,
      x: I32,
      dy: I32,
      dx: I32,
      bytes: I32,
    }, (f, p) => {
      eachVector(f, p.scratch, p.bytes, (lanes) => {
        const x = lanes.load(p.x), dy = lanes.load(p.dy);
        lanes.store(p.dx, dy.mul(gelu(f, x).slope()));
      });
    });
  }

  const rows = { scratch: I32, x: I32, y: I32, rows: I32, bytes: I32 };
  m.export("LayerNorm", { ...rows, scale: I32, eps: I32 }, (f, p) => {
    const { scratch, x, y, bytes, scale } = p;
    const n = f.let(bytes.shr(2).toF32()), eps = f.let(p.eps.floats());
    const sum = f.local(F32x4), mean = f.local(F32x4), factor = f.local(F32);
    f.for(p.rows, 1, () => {
      f.set(sum, F32x4.of(0));
      eachVector(f, scratch, bytes, (lanes) => {
        f.set(sum, sum.add(lanes.only(lanes.load(x), 0)));
      });
      f.set(mean, sumLanes(sum).div(n).splat());
      f.set(sum, F32x4.of(0));
      eachVector(f, scratch, bytes, (lanes) => {
        const d = lanes.only(f.let(lanes.load(x).sub(mean)), 0);
        f.set(sum, f.madd(d, d, sum));
      });
      f.set(factor, F32.of(1).div(sumLanes(sum).div(n).add(eps).sqrt()));
      f.store(scale, factor);
      eachVector(f, scratch, bytes, (lanes) => {
        lanes.store(y, lanes.load(x).sub(mean).mul(factor.splat()));
      });
      f.set(x, x.add(bytes));
      f.set(y, y.add(bytes));
      f.set(scale, scale.add(4));
    });
  });
  m.export(
    "LayerNormGrad",
    { ...rows, dy: I32, scale: I32, dx: I32 },
    (f, p) => {
      // `y` is what the normalization gave, before gain and bias.
      const { scratch, y, bytes, dy, scale, dx } = p;
      const n = f.let(bytes.shr(2).toF32());
      const sum = f.local(F32x4), dot = f.local(F32x4), factor = f.local(F32x4);
      f.for(p.rows, 1, () => {
        f.set(sum, F32x4.of(0));
        f.set(dot, F32x4.of(0));
        eachVector(f, scratch, bytes, (lanes) => {
          const d = lanes.only(lanes.load(dy), 0);
          f.set(sum, sum.add(d));
          f.set(dot, f.madd(d, lanes.only(lanes.load(y), 0), dot));
        });
        f.set(sum, sumLanes(sum).div(n).splat());
        f.set(dot, sumLanes(dot).div(n).splat());
        f.set(factor, load(F32, scale).splat());
        eachVector(f, scratch, bytes, (lanes) => {
          const centered = lanes.load(dy).sub(sum).sub(lanes.load(y).mul(dot));
          lanes.store(dx, centered.mul(factor));
        });
        for (const row of [y, dy, dx]) f.set(row, row.add(bytes));
        f.set(scale, scale.add(4));
      });
    },
  );
  m.export(
    "SoftmaxGrad",
    { ...rows, dy: I32, dx: I32 },
    (f, { scratch, y, bytes, dy, dx, ...p }) => {
      const dot = f.local(F32x4);
      f.for(p.rows, 1, () => {
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
}

/** Ranges of rows of the last axis: how many, how long in bytes, and about how much work. */
function rowsOf(x: tf.TensorInfo): [rows: number, bytes: number, work: number] {
  const n = size(x.shape), columns = x.shape.at(-1) ?? 1;
  return [n === 0 ? 0 : n / columns, 4 * columns, n];
}

/** Register the kernels, which tfjs has none of, under names of our own. */
export function registerFused(): void {
  for (const name of Object.keys(GELUS)) {
    replace<"x", unknown>(`${name}`, ({ inputs: { x } }) => {
      expectType("gelu", x, "float32");
      const y = output(x.shape),
        n = size(x.shape),
        from = pointer(x),
        to = pointer(y);
      runRanges(name, n, 3 * n, (first, end) => [
        ...[from + 4 * first, to + 4 * first, 4 * (end - first)],
      ], 4);
      return y;
    });
    replace<"x" | "dy", unknown>(
      `${name}Grad`,
      ({ inputs: { x, dy } }) => {
        const dx = output(x.shape), n = size(x.shape);
        const [px, pdy, pdx] = [pointer(x), pointer(dy), pointer(dx)];
        runRanges(`${name}Grad`, n, 4 * n, (first, end) => [
          ...[
            px + 4 * first,
            pdy + 4 * first,
            pdx + 4 * first,
            4 * (end - first),
          ],
        ], 4);
        return dx;
      },
    );
  }
  replace<"x", { eps: number }>(
    "LayerNorm",
    ({ inputs: { x }, attrs: { eps } }) => {
      expectType("layerNorm", x, "float32");
      const [rows, bytes, work] = rowsOf(x),
        y = output(x.shape),
        scale = output([rows]);
      const [px, py, ps] = [pointer(x), pointer(y), pointer(scale)];
      runRanges("LayerNorm", rows, work, (first, end) => [
        ...[px + bytes * first, py + bytes * first, end - first, bytes],
        ...[ps + 4 * first, floatBits(eps)],
      ]);
      return [y, scale];
    },
  );
  replace<"y" | "dy" | "scale", unknown>(
    "LayerNormGrad",
    ({ inputs: { y, dy, scale } }) => {
      const [rows, bytes, work] = rowsOf(y), dx = output(y.shape);
      const [py, pdy, ps, pdx] = [y, dy, scale, dx].map(pointer) as [
        number,
        number,
        number,
        number,
      ];
      runRanges("LayerNormGrad", rows, work, (first, end) => [
        ...[0, py + bytes * first, end - first, bytes],
        ...[pdy + bytes * first, ps + 4 * first, pdx + bytes * first],
      ]);
      return dx;
    },
  );
  replace<"y" | "dy", unknown>(
    "SoftmaxGrad",
    ({ inputs: { y, dy } }) => {
      const [rows, bytes, work] = rowsOf(y), dx = output(y.shape);
      const [py, pdy, pdx] = [pointer(y), pointer(dy), pointer(dx)];
      runRanges("SoftmaxGrad", rows, work, (first, end) => [
        ...[0, py + bytes * first, end - first, bytes],
        ...[pdy + bytes * first, pdx + bytes * first],
      ]);
      return dx;
    },
  );
}
