/**
 * Max pooling as WebAssembly code: four channels at a time.
 *
 * @module
 */
import {
  type Body,
  F32,
  F32x4,
  I32,
  I32x4,
  load,
} from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  eachPlace,
  eachWindow,
  loadGeometry,
  type Sizes,
  type Window,
} from "./windows.ts";

/** The largest of each window, for output positions `first` to `end`, at `y`. */
export const maxOfWindows = wasmFunction(
  "maxPool",
  { addresses: ["x", "y", "geometry"], numbers: ["first", "end"] },
  (f, { scratch, x, y, first, end, geometry }) => {
    const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
    eachWindow(f, g, first, end, (window) => {
      eachVector(f, scratch, bytes, (lanes) => {
        lanes.store(y, F32x4.of(-Infinity));
      });
      eachPlace(f, g, window, (_, pixel) => {
        const from = f.let(x.add(pixel.mul(bytes)));
        eachVector(f, scratch, bytes, (lanes) => {
          lanes.store(y, lanes.load(y).max(lanes.load(from)));
        });
      });
      f.set(y, y.add(bytes));
    });
  },
);

/** Rows of addresses that {@linkcode findLargest} reads and writes. */
interface Rows {
  readonly scratch: I32;
  readonly x: I32;
  readonly pixels: I32;
  readonly best: I32;
}

/**
 * Write where the largest element of a window is, and the element, for each
 * channel: the first of several, or a NaN; -1 for a window with no place inside.
 */
function findLargest(f: Body, p: Rows, g: Sizes, bytes: I32, window: Window) {
  eachVector(f, p.scratch, bytes, (lanes) => {
    lanes.store(p.pixels, I32x4.of(-1).floats());
  });
  eachPlace(f, g, window, (_, pixel) => {
    const from = f.let(p.x.add(pixel.mul(bytes)));
    eachVector(f, p.scratch, bytes, (lanes) => {
      const value = lanes.load(from), best = lanes.load(p.best);
      const at = lanes.load(p.pixels);
      const isFirst = at.bits().eq(-1);
      const isLarger = best.ge(value).not().and(best.eq(best));
      const take = f.let(isFirst.or(isLarger));
      lanes.store(p.best, take.select(value, best));
      lanes.store(p.pixels, take.select(pixel.splat().floats(), at));
    });
  });
}

/** The pixels that the largest elements are in, and the elements. */
export const largestOfWindows = wasmFunction(
  "maxPoolIndex",
  { addresses: ["x", "pixels", "best", "geometry"], numbers: ["first", "end"] },
  (f, p) => {
    const g = loadGeometry(f, p.geometry), bytes = f.let(g.channels.shl(2));
    const at = { ...p, pixels: f.let(p.pixels.add(p.first.mul(bytes))) };
    f.set(p.best, p.best.add(p.first.mul(bytes)));
    eachWindow(f, g, p.first, p.end, (window) => {
      findLargest(f, at, g, bytes, window);
      f.set(at.pixels, at.pixels.add(bytes));
      f.set(p.best, p.best.add(bytes));
    });
  },
);

/** Add each window's `dy` to `dx` where its largest element is. */
export const addAtLargest = wasmFunction(
  "maxPoolGrad",
  { addresses: ["x", "dy", "dx", "geometry"], numbers: ["first", "end"] },
  (f, { scratch, x, dy, dx, first, end, geometry }) => {
    const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
    const row = f.let(scratch.add(LANES_SCRATCH));
    const at = { scratch, x, pixels: row, best: f.let(row.add(bytes)) };
    f.set(dy, dy.add(first.mul(bytes)));
    eachWindow(f, g, first, end, (window) => {
      findLargest(f, at, g, bytes, window);
      f.for(bytes, 4, (c) => {
        const pixel = f.let(load(I32, row.add(c)));
        f.if(pixel.ne(-1), () => {
          const to = f.let(dx.add(pixel.mul(bytes)).add(c));
          f.store(to, load(F32, to).add(load(F32, dy.add(c))));
        });
      });
      f.set(dy, dy.add(bytes));
    });
  },
);

/** Bytes of scratch memory that the last lanes of `eachVector` go through. */
export const LANES_SCRATCH = 64;
