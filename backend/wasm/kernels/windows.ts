/**
 * Windows over images and volumes: their sizes, and walks over them as WebAssembly
 * code. Images are volumes of depth 1.
 *
 * @module
 */
import { type Body, I32, load } from "../assembler/assembler.ts";

/** The sizes that describe windows: in this order, as 32-bit integers in memory. */
const FIELDS = [
  "inDepth",
  "inHeight",
  "inWidth",
  "channels",
  "outDepth",
  "outHeight",
  "outWidth",
  "depth",
  "height",
  "width",
  "strideDepth",
  "strideHeight",
  "strideWidth",
  "dilationDepth",
  "dilationHeight",
  "dilationWidth",
  "front",
  "top",
  "left",
] as const;

/** Windows over a volume: input, output and filter sizes, strides, dilations, padding. */
export type Geometry = Readonly<Record<typeof FIELDS[number], number>>;

/** Windows over so many images. */
export interface Windows {
  readonly images: number;
  readonly geometry: Geometry;
}

/** How many windows one image has. */
export function windowsIn(g: Geometry): number {
  return g.outDepth * g.outHeight * g.outWidth;
}

/** How many elements the images have that the windows look at. */
export function elementsOf({ images, geometry: g }: Windows): number {
  return images * g.inDepth * g.inHeight * g.inWidth * g.channels;
}

/** About how many operations it takes to go through all windows, four channels at a time. */
export function operations({ images, geometry: g }: Windows): number {
  return images * windowsIn(g) * g.depth * g.height * g.width *
    (2 + g.channels / 4);
}

/** `geometry` as integers. */
export function geometryWords(geometry: Geometry): number[] {
  return FIELDS.map((name) => geometry[name]);
}

/** The sizes as local variables. */
export type Sizes = Record<typeof FIELDS[number], I32>;

/** Read the sizes from memory. */
export function loadGeometry(f: Body, at: I32): Sizes {
  return Object.fromEntries(
    FIELDS.map((name, i) => [name, f.let(load(I32, at, 4 * i))]),
  ) as Sizes;
}

/** Where an output position's window begins; outside the input it is below 0. */
export interface Window {
  readonly image: I32;
  readonly z: I32;
  readonly y: I32;
  readonly x: I32;
}

/** Counts output positions from `first` on, through all images. */
export function outputCounter(f: Body, g: Sizes, first: I32) {
  const column = f.let(first.rem(g.outWidth));
  const rest = f.let(first.div(g.outWidth));
  const row = f.let(rest.rem(g.outHeight));
  f.set(rest, rest.div(g.outHeight));
  const slice = f.let(rest.rem(g.outDepth));
  const image = f.let(rest.div(g.outDepth));
  const nothing = () => {};
  /** Go on to the next; `onRow` and `onSlice` where it is in another row or slice. */
  const next = (onRow = nothing, onSlice = nothing) => {
    f.set(column, column.add(1));
    f.if(column.eq(g.outWidth), () => {
      f.set(column, I32.of(0));
      f.set(row, row.add(1));
      f.if(row.eq(g.outHeight), () => {
        f.set(row, I32.of(0));
        f.set(slice, slice.add(1));
        onSlice();
        f.if(slice.eq(g.outDepth), () => {
          f.set(slice, I32.of(0));
          f.set(image, image.add(1));
        });
      });
      onRow();
    });
  };
  return { image, slice, row, column, next };
}

/** `body` for the output positions from `first` to `end`, counted through all images. */
export function eachWindow(
  f: Body,
  g: Sizes,
  first: I32,
  end: I32,
  body: (window: Window) => void,
): void {
  const { image, slice, row, column, next } = outputCounter(f, g, first);
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
    next();
  }, first);
}

/** `body` for each place of a window that lies in the input: its number, and its pixel's. */
export function eachPlace(
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
