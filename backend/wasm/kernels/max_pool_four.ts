/**
 * Max pooling of windows of at most four places, all in the input, as WebAssembly
 * code: four channels at a time, with all places in registers.
 *
 * @module
 */
import { type Body, I32, type I32x4 } from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { type Operands, wasmFunction } from "../machine/functions.ts";
import { eachWindow, type Geometry, loadGeometry } from "./windows.ts";

/** Where the places are, in bytes from the first; the last is there several times if there are fewer. */
const OFFSETS = ["second", "third", "fourth"] as const;

/** Bytes from the first place of a window to the others; undefined if there are more than four, or some are outside. */
export function fourPlaces(
  g: Geometry,
): Record<typeof OFFSETS[number], number> | undefined {
  const count = g.depth * g.height * g.width;
  const sides = [
    [g.inDepth, g.front, g.outDepth, g.strideDepth, g.depth],
    [g.inHeight, g.top, g.outHeight, g.strideHeight, g.height],
    [g.inWidth, g.left, g.outWidth, g.strideWidth, g.width],
  ] as const;
  const isInside = sides.every(([size, before, out, stride, width]) =>
    before === 0 && (out - 1) * stride + width <= size
  );
  const isDilated = g.dilationDepth * g.dilationHeight * g.dilationWidth > 1;
  if (count > 4 || isDilated || !isInside) return undefined;
  const offset = (i: number) => {
    const place = Math.min(i, count - 1);
    const x = place % g.width, rest = Math.floor(place / g.width);
    const y = rest % g.height, z = Math.floor(rest / g.height);
    return 4 * g.channels * ((z * g.inHeight + y) * g.inWidth + x);
  };
  return { second: offset(1), third: offset(2), fourth: offset(3) };
}

/** Whether no place is in two windows. */
export function areApart(g: Geometry): boolean {
  return g.strideDepth >= g.depth && g.strideHeight >= g.height &&
    g.strideWidth >= g.width;
}

/** Whether each place is in one window. */
export function areEverywhere(g: Geometry): boolean {
  return areApart(g) && g.outDepth * g.depth === g.inDepth &&
    g.outHeight * g.height === g.inHeight &&
    g.outWidth * g.width === g.inWidth;
}

type Walk = Operands<
  "geometry" | "first" | "end" | typeof OFFSETS[number]
>;

/** `body` for each window, with how many bytes from the start of the input its places are. */
function eachFour(
  f: Body,
  p: Walk,
  body: (places: readonly I32[], bytes: I32) => void,
): void {
  const g = loadGeometry(f, p.geometry), bytes = f.let(g.channels.shl(2));
  const places = [0, 1, 2, 3].map(() => f.local(I32));
  eachWindow(f, g, p.first, p.end, (window) => {
    const slice = window.image.mul(g.inDepth).add(window.z);
    const line = slice.mul(g.inHeight).add(window.y);
    f.set(places[0]!, line.mul(g.inWidth).add(window.x).mul(bytes));
    OFFSETS.forEach((name, i) =>
      f.set(places[i + 1]!, places[0]!.add(p[name]))
    );
    body(places, bytes);
  });
}

const NUMBERS = ["first", "end", ...OFFSETS] as const;

/** The largest of each window, for output positions `first` to `end`, at `y`. */
export const maxOfFour = wasmFunction(
  "maxPoolFour",
  { addresses: ["x", "y", "geometry"], numbers: NUMBERS },
  (f, p) => {
    const { scratch, x, y } = p;
    eachFour(f, p, (places, bytes) => {
      const from = places.map((place) => f.let(x.add(place)));
      eachVector(f, scratch, bytes, (lanes) => {
        const [a, b, c, d] = from.map((at) => lanes.load(at));
        lanes.store(y, a!.max(b!).max(c!.max(d!)));
      });
      f.set(y, y.add(bytes));
    });
  },
);

/** Write the `dy` of windows `first` to `end` to `dx` where its first largest element is, or a NaN, and 0 to its other places. */
export const placeAtLargest = wasmFunction(
  "maxPoolGradFour",
  { addresses: ["x", "dy", "dx", "geometry"], numbers: NUMBERS },
  (f, p) => {
    const { scratch, x, dy, dx } = p;
    eachFour(f, p, (places, bytes) => {
      const from = places.map((place) => f.let(x.add(place)));
      const to = places.map((place) => f.let(dx.add(place)));
      eachVector(f, scratch, bytes, (lanes) => {
        const [first, ...others] = from.map((at) => lanes.load(at));
        const best = f.let(first!);
        const taken = others.map((value) => {
          const take = f.let(best.ge(value).not().and(best.eq(best)));
          f.set(best, take.select(value, best));
          return take;
        });
        const gradient = lanes.load(dy);
        // The last that was taken is the largest. From the last on, since a place that
        // is there several times is not taken again.
        let later: I32x4 | undefined;
        for (let i = 3; i >= 0; i--) {
          const own = i ? taken[i - 1]! : undefined;
          let here = gradient.bits();
          if (own) here = here.and(own);
          if (later) here = here.andNot(later);
          lanes.store(to[i]!, here.floats());
          if (own) later = f.let(later ? later.or(own) : own);
        }
      });
      f.set(dy, dy.add(bytes));
    });
  },
);
