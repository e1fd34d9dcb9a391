/**
 * Rotating images on WASM.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  expectType,
  type KernelArgs,
  output,
  replace,
  view,
} from "../machine/registry.ts";

/** Replace tfjs' `RotateWithOffset`, which rounds the fill value to an integer. */
export function registerRotate(): void {
  replace(tf.RotateWithOffset, rotate);
}

function rotate(
  { inputs: { image }, attrs }: KernelArgs<"image", tf.RotateWithOffsetAttrs>,
): tf.TensorInfo {
  expectType(tf.RotateWithOffset, image, "float32", "int32");
  const { radians, fillValue, center } = attrs;
  const [batch, height, width, channels] = image.shape as [
    number,
    number,
    number,
    number,
  ];
  const [centerX, centerY] = tf.backend_util.getImageCenter(
    center,
    height,
    width,
  );
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  // A fourth channel is opacity, as on tfjs' other backends.
  const fill = typeof fillValue === "number"
    ? Array<number>(channels).fill(fillValue)
    : [...fillValue, 255];
  const out = output(image.shape, image.dtype);
  const [from, to] = [view(image), view(out)];
  let at = 0;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += channels) {
        const [dx, dy] = [x - centerX, y - centerY];
        const column = Math.round(dx * cos - dy * sin + centerX);
        const row = Math.round(dx * sin + dy * cos + centerY);
        const isInside = column >= 0 && column < width && row >= 0 &&
          row < height;
        const start = ((n * height + row) * width + column) * channels;
        for (let c = 0; c < channels; c++) {
          to[at + c] = isInside ? from[start + c]! : fill[c]!;
        }
      }
    }
  }
  return out;
}
