/**
 * The last axis with mean 0 and variance 1, and the gradient of that: kernels that
 * tfjs lacks, run by `backend/ops/standardize.ts`.
 *
 * ```text
 * y = (x - mean x) scale       scale = 1 / √(var x + ε)
 * dx = (dy - mean dy - y mean(y dy)) scale
 * ```
 *
 * @module
 */
import { F32, F32x4, floatBits, load } from "../assembler/assembler.ts";
import { eachVector, sumLanes } from "../assembler/lanes.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";
import { rowsOf } from "./softmax.ts";

const layerNorm = wasmFunction(
  "LayerNorm",
  { addresses: ["x", "y", "scale"], numbers: ["rows", "bytes", "eps"] },
  (f, { scratch, x, y, scale, bytes, ...p }) => {
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
      for (const row of [x, y]) f.set(row, row.add(bytes));
      f.set(scale, scale.add(4));
    });
  },
);

/** `y` is what the normalization gave, before gain and bias. */
const layerNormGrad = wasmFunction(
  "LayerNormGrad",
  { addresses: ["y", "dy", "scale", "dx"], numbers: ["rows", "bytes"] },
  (f, { scratch, y, dy, scale, dx, bytes, ...p }) => {
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

/** Register `LayerNorm` and `LayerNormGrad`. */
export function registerLayerNorm(): void {
  replace<"x", { eps: number }>("LayerNorm", ({ inputs: { x }, attrs }) => {
    expectType("layerNorm", x, "float32");
    const { rows, bytes, work } = rowsOf(x);
    const y = output(x.shape), scale = output([rows]);
    layerNorm.ranges(rows, work, (first, end) => ({
      x: pointer(x) + bytes * first,
      y: pointer(y) + bytes * first,
      scale: pointer(scale) + 4 * first,
      rows: end - first,
      bytes,
      eps: floatBits(attrs.eps),
    }));
    return [y, scale];
  });
  replace<"y" | "dy" | "scale", unknown>(
    "LayerNormGrad",
    ({ inputs: { y, dy, scale } }) => {
      const { rows, bytes, work } = rowsOf(y), dx = output(y.shape);
      const name = "the gradient of layerNorm";
      expectSize(name, "dy", dy.shape, size(y.shape));
      expectSize(name, "scale", scale.shape, rows);
      layerNormGrad.ranges(rows, work, (first, end) => ({
        y: pointer(y) + bytes * first,
        dy: pointer(dy) + bytes * first,
        scale: pointer(scale) + 4 * first,
        dx: pointer(dx) + bytes * first,
        rows: end - first,
        bytes,
      }));
      return dx;
    },
  );
}
