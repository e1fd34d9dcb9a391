/**
 * Convolutions of images and volumes, and the gradients of their inputs and filters,
 * as products.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../../kernel.ts";
import { type FusedEnd, fusedEnd, withEnd } from "./ends.ts";
import { NOTHING } from "./epilogue.ts";
import {
  cells,
  type Geometry,
  isPointwise,
  type WindowAttrs,
  windowUniforms,
} from "./geometry.ts";
import { layoutOf, tidied } from "./layout.ts";
import { matrix, type Operand, type Side } from "./operand.ts";
import { type Product, runProduct } from "./run.ts";
import { flipped, patches, patchesAcross, spread } from "./windows.ts";

type Args = Parameters<KernelFunc>[0];

/** `Conv2D`, `Conv3D`. */
export function convolve(isVolume: boolean): KernelFunc {
  return (args) => forward(args, isVolume, {});
}

/** `FusedConv2D`. */
export const fusedConv2D: KernelFunc = (args) =>
  forward(args, false, fusedEnd(args));

function forward(
  { inputs, attrs }: Args,
  isVolume: boolean,
  end: FusedEnd,
): tf.TensorInfo {
  const layout = layoutOf(attrs as unknown as WindowAttrs, isVolume);
  const { filter } = inputs as Record<string, tf.Tensor>;
  return tidied(layout.attrs, () => {
    const x = layout.in(inputs["x"] as tf.Tensor);
    const geometry = layout.geometryOf(x.shape, filter!.shape, layout.attrs);
    const { batch, channels, filters, axes } = geometry;
    const k = cells(geometry, "window") * channels;
    const compute = (part: Pick<Product, "epilogue" | "ends" | "alpha">) =>
      product({
        kind: "convolution",
        geometry,
        sizes: [batch * cells(geometry, "output"), filters, k],
        shape: [batch, ...axes.map(({ output }) => output), filters],
        inputs: [x, filter!],
        a: isPointwise(geometry)
          ? whole("A", false, channels)
          : () => patches(axes.length, channels % 4 === 0),
        b: whole("B", true, filters),
        ...part,
      });
    return layout.out(
      withEnd(filters, layout.end(end, filters), compute, k > 0),
    );
  });
}

/** `Conv2DBackpropInput`, `Conv3DBackpropInputV2`. */
export function inputGradient(isVolume: boolean): KernelFunc {
  return ({ inputs, attrs }) => {
    const { inputShape } = attrs as unknown as { inputShape: number[] };
    const layout = layoutOf(attrs as unknown as WindowAttrs, isVolume);
    const { filter } = inputs as Record<string, tf.Tensor>;
    return tidied(layout.attrs, () => {
      const dy = layout.in(inputs["dy"] as tf.Tensor);
      const shape = layout.shape(inputShape);
      const geometry = layout.geometryOf(shape, filter!.shape, layout.attrs);
      const { batch, channels, filters, axes } = geometry;
      const isPlain = isPointwise(geometry), isVector = filters % 4 === 0;
      return layout.out(product({
        kind: "input gradient",
        geometry,
        sizes: [
          batch * cells(geometry, "input"),
          channels,
          cells(geometry, "window") * filters,
        ],
        shape,
        inputs: [dy, filter!],
        a: isPlain
          ? whole("A", false, filters)
          : () => spread(axes.length, isVector),
        b: isPlain ? whole("B", false, filters) : () => flipped(isVector),
      }));
    });
  };
}

/** `Conv2DBackpropFilter`, `Conv3DBackpropFilterV2`. */
export function filterGradient(isVolume: boolean): KernelFunc {
  return ({ inputs, attrs }) => {
    const { filterShape } = attrs as unknown as { filterShape: number[] };
    const layout = layoutOf(attrs as unknown as WindowAttrs, isVolume);
    return tidied(layout.attrs, () => {
      const x = layout.in(inputs["x"] as tf.Tensor);
      const dy = layout.in(inputs["dy"] as tf.Tensor);
      const geometry = layout.geometryOf(x.shape, filterShape, layout.attrs);
      const { batch, channels, filters, axes } = geometry;
      const k = batch * cells(geometry, "output");
      return product({
        kind: "filter gradient",
        geometry,
        sizes: [
          cells(geometry, "window") * channels,
          filters,
          k,
        ],
        shape: filterShape,
        inputs: [x, dy],
        a: isPointwise(geometry)
          ? whole("A", true, channels)
          : () => patchesAcross(axes.length, channels % 4 === 0, k),
        b: whole("B", true, filters),
      });
    });
  };
}

/** A factor that is stored as it is; `size` is the dimension that is stored last. */
function whole(
  side: Side,
  isTransposed: boolean,
  size: number,
): (hasEdge: boolean) => Operand {
  return (hasEdge) => ({
    ...matrix(side, { isTransposed, isVector: size % 4 === 0, hasEdge }),
    begin: `let base${side} = 0u;`,
  });
}

/** A product to be computed, unless there is nothing to add up. */
function product(
  { kind, geometry, sizes: [m, n, k], shape, inputs, a, b, ...end }: {
    kind: string;
    geometry: Geometry;
    sizes: [m: number, n: number, k: number];
    shape: number[];
    inputs: [tf.Tensor, tf.Tensor];
    a: (hasEdge: boolean) => Operand;
    b: (hasEdge: boolean) => Operand;
  } & Partial<Pick<Product, "epilogue" | "ends" | "alpha">>,
): tf.TensorInfo {
  const isNothing = m * n * k === 0 || inputs.some(({ size }) => size === 0);
  if (isNothing) return tf.zeros(shape);
  return runProduct({
    kind: `${kind} ${geometry.axes.length}`,
    sizes: { m, n, k, batches: 1 },
    factors: ({ tile }) => [a(k % tile.k !== 0), b(k % tile.k !== 0)],
    inputs,
    shape,
    epilogue: NOTHING,
    uniforms: windowUniforms(geometry),
    ...end,
  });
}
