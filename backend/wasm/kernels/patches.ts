/**
 * Windows as rows of a matrix: `patches` lays the window of each output position
 * out as a row, `unpatch` adds rows back to where they came from. With them a
 * convolution and both its gradients are matrix products.
 *
 * @module
 */
import { type Body, I32 } from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";
import { addFloats, clearFloats, copyFloats } from "./floats.ts";
import { eachWindow, loadGeometry, type Window } from "./windows.ts";

/** Rows `first` to `end` of the matrix, at `matrix`. */
export const patches = overWindows(
  "patches",
  (f, line, from, bytes) => copyFloats(f, line, from, bytes),
  (f, line, bytes) => clearFloats(f, line, bytes),
);

/** Add rows `first` to `end` of the matrix to `x`. */
export const unpatch = overWindows(
  "unpatch",
  (f, line, to, bytes) => addFloats(f, to, line, bytes),
);

/** A walk over windows: `inside` for what lies in the input, `outside` for the padding. */
function overWindows(
  name: string,
  inside: (f: Body, line: I32, at: I32, bytes: I32) => void,
  outside?: (f: Body, line: I32, bytes: I32) => void,
) {
  const params = {
    addresses: ["matrix", "x", "geometry"],
    numbers: ["first", "end"],
  } as const;
  return wasmFunction(name, params, (f, p) => {
    const { matrix, x, first, end, geometry } = p;
    const g = loadGeometry(f, geometry);
    const pixel = f.let(g.channels.shl(2)), line = f.let(g.width.mul(pixel));
    const base = f.local(I32),
      y = f.local(I32),
      z = f.local(I32),
      at = f.local(I32);
    const low = f.local(I32), high = f.local(I32);
    /** One line of a window whose filter is not dilated: padding, input, padding. */
    const solid = (window: Window) => {
      const left = I32.of(0).sub(window.x), right = g.inWidth.sub(window.x);
      f.set(low, left.gtSigned(0).select(left, I32.of(0)).min(g.width));
      f.set(high, right.gtSigned(low).select(right, low).min(g.width));
      if (outside) outside(f, matrix, low.mul(pixel));
      f.set(at, base.add(window.x.add(low).mul(pixel)));
      inside(
        f,
        f.let(matrix.add(low.mul(pixel))),
        at,
        f.let(high.sub(low).mul(pixel)),
      );
      if (outside) {
        outside(
          f,
          f.let(matrix.add(high.mul(pixel))),
          f.let(g.width.sub(high).mul(pixel)),
        );
      }
    };
    /** One line, pixel by pixel. */
    const dilated = (window: Window) => {
      f.for(g.width, 1, (k) => {
        const column = f.let(window.x.add(k.mul(g.dilationWidth)));
        const to = f.let(matrix.add(k.mul(pixel)));
        f.if(
          column.lt(g.inWidth),
          () => inside(f, to, f.let(base.add(column.mul(pixel))), pixel),
          outside && (() => outside(f, to, pixel)),
        );
      });
    };
    eachWindow(f, g, first, end, (window) => {
      f.for(g.depth, 1, (i) => {
        f.set(z, window.z.add(i.mul(g.dilationDepth)));
        f.for(g.height, 1, (j) => {
          f.set(y, window.y.add(j.mul(g.dilationHeight)));
          f.if(z.lt(g.inDepth).and(y.lt(g.inHeight)), () => {
            const volume = window.image.mul(g.inDepth).add(z);
            f.set(
              base,
              x.add(volume.mul(g.inHeight).add(y).mul(g.inWidth).mul(pixel)),
            );
            f.if(
              g.dilationWidth.eq(1),
              () => solid(window),
              () => dilated(window),
            );
          }, outside && (() => outside(f, matrix, line)));
          f.set(matrix, matrix.add(line));
        });
      });
    });
  });
}
