/**
 * The gradients of resizing images, for every option: tfjs leaves
 * `halfPixelCenters` out.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { expectType, replace, view, zeros } from "../machine/registry.ts";

/** The options of resizing. */
interface ResizeAttrs {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** The pixels that one pixel of an axis of the result is made of, with their weights. */
type Sources = readonly (readonly [index: number, weight: number])[];

/** Where each of `to` pixels comes from among `from` pixels, linearly. */
function linear(from: number, to: number, attrs: ResizeAttrs): Sources[] {
  const { alignCorners, halfPixelCenters } = attrs,
    corners = alignCorners && to > 1 ? 1 : 0;
  const ratio = (from - corners) / (to - corners);
  return Array.from({ length: to }, (_, i) => {
    const at = halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
    const low = Math.max(0, Math.floor(at)),
      high = Math.min(from - 1, Math.ceil(at));
    const fraction = at - low;
    return [[low, 1 - fraction], [high, fraction]];
  });
}

/** The same for the nearest pixel. */
function nearest(from: number, to: number, attrs: ResizeAttrs): Sources[] {
  const { alignCorners, halfPixelCenters } = attrs,
    corners = alignCorners && to > 1 ? 1 : 0;
  const ratio = (from - corners) / (to - corners);
  return Array.from({ length: to }, (_, i) => {
    const at = halfPixelCenters ? ratio * (i + 0.5) : ratio * i;
    const whole = alignCorners ? Math.round(at) : Math.floor(at);
    return [[Math.max(0, Math.min(from - 1, whole)), 1]];
  });
}

/** Give each pixel of `dy` back to the pixels that it was made of. */
function resizeGradient(
  images: tf.TensorInfo,
  dy: tf.TensorInfo,
  attrs: ResizeAttrs,
  sources: typeof linear,
): tf.TensorInfo {
  expectType("the gradient of resizing", dy, "float32");
  const [n, height, width, channels] = images.shape as [
    number,
    number,
    number,
    number,
  ];
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
  const dx = zeros(images.shape), from = view(dy), to = view(dx);
  const rows = sources(height, outHeight, attrs),
    columns = sources(width, outWidth, attrs);
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (const row of rows) {
      for (const column of columns) {
        for (const [i, p] of row) {
          for (const [j, q] of column) {
            const pixel = ((image * height + i) * width + j) * channels;
            for (let c = 0; c < channels; c++) {
              to[pixel + c]! += p * q * from[at + c]!;
            }
          }
        }
        at += channels;
      }
    }
  }
  return dx;
}

/** Replace the gradients of resizing. */
export function registerResize(): void {
  for (
    const [name, sources] of [
      ["ResizeBilinearGrad", linear],
      ["ResizeNearestNeighborGrad", nearest],
    ] as const
  ) {
    replace<"images" | "dy", ResizeAttrs>(
      name,
      ({ inputs: { images, dy }, attrs }) =>
        resizeGradient(images, dy, attrs, sources),
    );
  }
}
