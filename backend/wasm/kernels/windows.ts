/**
 * Pooling and depthwise convolution as WebAssembly code: walks over the windows
 * of `patches.ts`, four channels at a time.
 *
 * @module
 */
import {
  type Assembler,
  type Body,
  F32,
  F32x4,
  I32,
  I32x4,
  load,
} from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { eachWindow, loadGeometry } from "./patches.ts";

type Sizes = ReturnType<typeof loadGeometry>;
type Window = Parameters<Parameters<typeof eachWindow>[4]>[0];

/** `body` for each place of a window that lies in the input: its number, and its pixel's. */
function eachPlace(
  f: Body,
  g: Sizes,
  window: Window,
  body: (place: I32, pixel: I32) => void,
) {
  const place = f.let(I32.of(0));
  const z = f.local(I32),
    y = f.local(I32),
    x = f.local(I32),
    pixel = f.local(I32);
  f.for(g.depth, 1, (i) => {
    f.set(z, window.z.add(i.mul(g.dilationDepth)));
    f.for(g.height, 1, (j) => {
      f.set(y, window.y.add(j.mul(g.dilationHeight)));
      f.for(g.width, 1, (k) => {
        f.set(x, window.x.add(k.mul(g.dilationWidth)));
        f.if(z.lt(g.inDepth).and(y.lt(g.inHeight)).and(x.lt(g.inWidth)), () => {
          const slice = window.image.mul(g.inDepth).add(z);
          f.set(pixel, slice.mul(g.inHeight).add(y).mul(g.inWidth).add(x));
          body(place, pixel);
        });
        f.set(place, place.add(1));
      });
    });
  });
}

const RANGE = { first: I32, end: I32, geometry: I32 };

/** Define `maxPool`, `maxPoolIndex` and `maxPoolGrad`. */
function definePooling(m: Assembler) {
  m.export("maxPool", { scratch: I32, x: I32, y: I32, ...RANGE }, (f, p) => {
    const { scratch, x, y, first, end, geometry } = p;
    const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
    f.set(y, y.add(first.mul(bytes)));
    eachWindow(f, g, first, end, (window) => {
      eachVector(
        f,
        scratch,
        bytes,
        (lanes) => lanes.store(y, F32x4.of(-Infinity)),
      );
      eachPlace(f, g, window, (_, pixel) => {
        const from = f.let(x.add(pixel.mul(bytes)));
        eachVector(f, scratch, bytes, (lanes) => {
          lanes.store(y, lanes.load(y).max(lanes.load(from)));
        });
      });
      f.set(y, y.add(bytes));
    });
  });

  /** Where the largest element of a window is: the first of several, or a NaN. */
  const largest = (
    f: Body,
    p: { scratch: I32; x: I32; pixels: I32; best: I32 },
    g: Sizes,
    bytes: I32,
    window: Window,
  ) => {
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
  };

  const params = { scratch: I32, x: I32, pixels: I32, best: I32, ...RANGE };
  m.export("maxPoolIndex", params, (f, p) => {
    const g = loadGeometry(f, p.geometry), bytes = f.let(g.channels.shl(2));
    const at = { ...p, pixels: f.let(p.pixels.add(p.first.mul(bytes))) };
    f.set(p.best, p.best.add(p.first.mul(bytes)));
    eachWindow(f, g, p.first, p.end, (window) => {
      largest(f, at, g, bytes, window);
      f.set(at.pixels, at.pixels.add(bytes));
      f.set(p.best, p.best.add(bytes));
    });
  });

  m.export("maxPoolGrad", {
    scratch: I32,
    x: I32,
    dy: I32,
    dx: I32,
    ...RANGE,
  }, (f, p) => {
    const { scratch, x, dy, dx, first, end, geometry } = p;
    const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
    // Past what the last lanes go through.
    const row = f.let(scratch.add(64));
    const at = { scratch, x, pixels: row, best: f.let(row.add(bytes)) };
    f.set(dy, dy.add(first.mul(bytes)));
    eachWindow(f, g, first, end, (window) => {
      largest(f, at, g, bytes, window);
      f.for(bytes, 4, (c) => {
        const pixel = f.let(load(I32, row.add(c)));
        f.if(pixel.ne(-1), () => {
          const to = f.let(dx.add(pixel.mul(bytes)).add(c));
          f.store(to, load(F32, to).add(load(F32, dy.add(c))));
        });
      });
      f.set(dy, dy.add(bytes));
    });
  });
}

/** Define `depthwiseFilter` and `depthwiseInput`, for `many` outputs per channel. */
function defineDepthwise(m: Assembler) {
  const params = { scratch: I32, x: I32, w: I32, y: I32, many: I32, ...RANGE };
  const define = (
    name: string,
    /** What is added to: the products of the two others. */
    to: "x" | "w",
  ) => {
    m.export(
      name,
      params,
      (f, { scratch, x, w, y, many, first, end, geometry }) => {
        const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
        const outBytes = f.let(bytes.mul(many));
        const xs = f.local(I32), ws = f.local(I32);
        f.set(y, y.add(first.mul(outBytes)));
        eachWindow(f, g, first, end, (window) => {
          eachPlace(f, g, window, (place, pixel) => {
            f.set(xs, x.add(pixel.mul(bytes)));
            f.set(ws, w.add(place.mul(outBytes)));
            const [p, target] = to === "w" ? [xs, ws] : [ws, xs];
            f.if(many.eq(1), () => {
              eachVector(f, scratch, bytes, (lanes) => {
                const product = f.let(lanes.load(p).mul(lanes.load(y)));
                lanes.store(target, lanes.load(target).add(product));
              });
            }, () => {
              const own = f.let(many.shl(2));
              f.for(bytes, 4, (c) => {
                f.for(own, 4, (j) => {
                  const at = (base: I32) =>
                    base === xs ? base.add(c) : base.add(c.mul(many)).add(j);
                  const sum = load(F32, at(target));
                  f.store(
                    at(target),
                    sum.add(load(F32, at(p)).mul(load(F32, at(y)))),
                  );
                });
              });
            });
          });
          f.set(y, y.add(outBytes));
        });
      },
    );
  };
  define("depthwiseFilter", "w");
  define("depthwiseInput", "x");
}

/** Define everything of this file. */
export function defineWindows(m: Assembler): void {
  definePooling(m);
  defineDepthwise(m);
}
