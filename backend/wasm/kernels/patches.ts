/**
 * Windows over images and volumes as WebAssembly code: `patches` lays the window
 * of each output position out as a row of a matrix, `unpatch` adds rows back to
 * where they came from. With them a convolution and both its gradients are
 * matrix products.
 *
 * Images are volumes of depth 1.
 *
 * @module
 */
import {
  type Assembler,
  type Body,
  F32,
  F32x4,
  I32,
  load,
} from "../assembler/assembler.ts";

/** The sizes that describe windows: in this order, as 32-bit integers in memory. */
const FIELDS = [
  ...["inDepth", "inHeight", "inWidth", "channels"],
  ...["outDepth", "outHeight", "outWidth"],
  ...["depth", "height", "width"],
  ...["strideDepth", "strideHeight", "strideWidth"],
  ...["dilationDepth", "dilationHeight", "dilationWidth"],
  ...["front", "top", "left"],
] as const;

/** Windows over a volume: input, output and filter sizes, strides, dilations, padding. */
export type Geometry = Readonly<Record<typeof FIELDS[number], number>>;

/** `geometry` as integers. */
export function geometryWords(geometry: Geometry): number[] {
  return FIELDS.map((name) => geometry[name]);
}

/** The sizes as local variables. */
export function loadGeometry(
  f: Body,
  at: I32,
): Record<typeof FIELDS[number], I32> {
  return Object.fromEntries(
    FIELDS.map((name, i) => [name, f.let(load(I32, at, 4 * i))]),
  ) as Record<typeof FIELDS[number], I32>;
}

/** Call `body` with every pair of offsets of `bytes`: four floats at a time, then one. */
export function eachFloat(
  f: Body,
  bytes: I32,
  body: (at: I32, kind: typeof F32x4 | typeof F32) => void,
): void {
  const whole = f.let(bytes.and(-16));
  f.for(whole, 16, (i) => body(i, F32x4));
  f.for(bytes, 4, (i) => body(i, F32), whole);
}

/** Copy, without a call for a few bytes. */
export function copyFloats(f: Body, to: I32, from: I32, bytes: I32) {
  f.if(bytes.ge(512), () => f.copy(to, from, bytes), () => {
    eachFloat(
      f,
      bytes,
      (i, kind) => f.store(to.add(i), load<F32 | F32x4>(kind, from.add(i))),
    );
  });
}

/** Zero, without a call for a few bytes. */
function clearFloats(f: Body, to: I32, bytes: I32) {
  f.if(bytes.ge(512), () => f.clear(to, bytes), () => {
    eachFloat(
      f,
      bytes,
      (i, kind) => f.store(to.add(i), kind === F32 ? F32.of(0) : F32x4.of(0)),
    );
  });
}

/** `to += from`. */
function addFloats(f: Body, to: I32, from: I32, bytes: I32) {
  eachFloat(f, bytes, (i, kind) => {
    const at = f.let(to.add(i));
    if (kind === F32) f.store(at, load(F32, at).add(load(F32, from.add(i))));
    else f.store(at, load(F32x4, at).add(load(F32x4, from.add(i))));
  });
}

/** Where an output position's window begins; outside the input it is below 0. */
interface Window {
  readonly image: I32;
  readonly z: I32;
  readonly y: I32;
  readonly x: I32;
}

/** `body` for the output positions from `first` to `end`, counted through all images. */
export function eachWindow(
  f: Body,
  g: Record<typeof FIELDS[number], I32>,
  first: I32,
  end: I32,
  body: (window: Window) => void,
): void {
  const column = f.let(first.rem(g.outWidth));
  const rest = f.let(first.div(g.outWidth));
  const row = f.let(rest.rem(g.outHeight));
  f.set(rest, rest.div(g.outHeight));
  const slice = f.let(rest.rem(g.outDepth));
  const image = f.let(rest.div(g.outDepth));
  const window = {
    image,
    z: f.local(I32),
    y: f.local(I32),
    x: f.local(I32),
  };
  f.for(end, 1, () => {
    f.set(window.z, slice.mul(g.strideDepth).sub(g.front));
    f.set(window.y, row.mul(g.strideHeight).sub(g.top));
    f.set(window.x, column.mul(g.strideWidth).sub(g.left));
    body(window);
    f.set(column, column.add(1));
    f.if(column.eq(g.outWidth), () => {
      f.set(column, I32.of(0));
      f.set(row, row.add(1));
      f.if(row.eq(g.outHeight), () => {
        f.set(row, I32.of(0));
        f.set(slice, slice.add(1));
        f.if(slice.eq(g.outDepth), () => {
          f.set(slice, I32.of(0));
          f.set(image, image.add(1));
        });
      });
    });
  }, first);
}

const PARAMS = {
  scratch: I32,
  matrix: I32,
  x: I32,
  first: I32,
  end: I32,
  geometry: I32,
};

/** Define `patches` and `unpatch`: matrix rows `first` to `end`, at `matrix`. */
export function definePatches(m: Assembler): void {
  define(
    m,
    "patches",
    (f, line, from, bytes) => copyFloats(f, line, from, bytes),
    (f, line, bytes) => clearFloats(f, line, bytes),
  );
  define(m, "unpatch", (f, line, to, bytes) => addFloats(f, to, line, bytes));
}

/** A walk over windows: `inside` for what lies in the input, `outside` for the padding. */
function define(
  m: Assembler,
  name: string,
  inside: (f: Body, line: I32, at: I32, bytes: I32) => void,
  outside?: (f: Body, line: I32, bytes: I32) => void,
) {
  m.export(name, PARAMS, (f, { matrix, x, first, end, geometry }) => {
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
