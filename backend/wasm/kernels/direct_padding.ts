/**
 * Images with the padding of a convolution around them, so that all of each window
 * is in memory.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { wasmFunction } from "../machine/functions.ts";
import { output, pointer } from "../machine/registry.ts";
import { clearFloats, copyFloats } from "./floats.ts";
import { elementsOf, type Geometry, type Windows } from "./windows.ts";

/** Lines `first` to `end` of padded images, of `line` bytes each. */
const pad = wasmFunction(
  "pad",
  {
    addresses: ["x", "to"],
    numbers: [
      "first",
      "end",
      "inDepth",
      "inHeight",
      "inLine",
      "depth",
      "height",
      "line",
      "front",
      "top",
      "left",
    ],
  },
  (f, p) => {
    const { x, to, first, end, inDepth, inHeight, inLine } = p;
    const { depth, height, line, front, top, left } = p;
    const right = f.let(line.sub(left).sub(inLine));
    f.for(end, 1, (i) => {
      const rest = f.let(i.div(height));
      const z = f.let(rest.rem(depth).sub(front));
      const y = f.let(i.rem(height).sub(top));
      f.if(z.lt(inDepth).and(y.lt(inHeight)), () => {
        const slice = rest.div(depth).mul(inDepth).add(z);
        const from = f.let(x.add(slice.mul(inHeight).add(y).mul(inLine)));
        const inside = f.let(to.add(left));
        clearFloats(f, to, left);
        copyFloats(f, inside, from, inLine);
        clearFloats(f, f.let(inside.add(inLine)), right);
      }, () => clearFloats(f, to, line));
      f.set(to, to.add(line));
    }, first);
  },
);

/** How long a padded side is: what the windows reach, and at least what is there. */
function side(
  size: number,
  before: number,
  count: number,
  stride: number,
  width: number,
  dilation: number,
): number {
  const reach = (count - 1) * stride + (width - 1) * dilation + 1;
  return Math.max(reach, before + size);
}

/** The windows on padded images: they begin at 0. */
export function paddedGeometry(g: Geometry): Geometry {
  return {
    ...g,
    inDepth: side(
      g.inDepth,
      g.front,
      g.outDepth,
      g.strideDepth,
      g.depth,
      g.dilationDepth,
    ),
    inHeight: side(
      g.inHeight,
      g.top,
      g.outHeight,
      g.strideHeight,
      g.height,
      g.dilationHeight,
    ),
    inWidth: side(
      g.inWidth,
      g.left,
      g.outWidth,
      g.strideWidth,
      g.width,
      g.dilationWidth,
    ),
    front: 0,
    top: 0,
    left: 0,
  };
}

/** Images with zeros around them, which the caller frees; undefined if they need none. */
export function padded(
  x: tf.TensorInfo,
  { images, geometry: g }: Windows,
): tf.TensorInfo | undefined {
  const to = paddedGeometry(g), count = elementsOf({ images, geometry: to });
  if (count === elementsOf({ images, geometry: g })) return undefined;
  const out = output([count]), pixel = 4 * g.channels;
  const line = to.inWidth * pixel;
  pad.ranges(images * to.inDepth * to.inHeight, count / 4, (first, end) => ({
    x: pointer(x),
    to: pointer(out) + first * line,
    first,
    end,
    inDepth: g.inDepth,
    inHeight: g.inHeight,
    inLine: g.inWidth * pixel,
    depth: to.inDepth,
    height: to.inHeight,
    line,
    front: g.front,
    top: g.top,
    left: g.left * pixel,
  }));
  return out;
}
