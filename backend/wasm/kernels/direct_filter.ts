/**
 * The gradient of a convolution in its filter without a matrix of patches, as
 * WebAssembly code: a tile, some neighbouring floats of the windows by eight filters,
 * stays in registers while it is summed over all positions of some images.
 *
 * @module
 */
import {
  type Assembler,
  F32,
  F32x4,
  I32,
  load,
  loadSplat,
} from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";
import { COLUMNS } from "./direct_panels.ts";
import { loadGeometry } from "./windows.ts";

/** The most rows of a tile: what fits in fifteen registers. */
export const TILE_ROWS = 5;

const TILE = {
  scratch: I32,
  a: I32,
  b: I32,
  c: I32,
  /** Bytes from one position to the next, and from the last of a row, slice, image on. */
  aPixel: I32,
  aRow: I32,
  aSlice: I32,
  aImage: I32,
  bPixel: I32,
  columns: I32,
  rows: I32,
  slices: I32,
  images: I32,
  /** Columns on the left that another tile has. */
  skip: I32,
  /** Whether to add to what is there. */
  add: I32,
};

/** A tile of so many rows: row `i` is float `i` at each position. */
function defineTile(m: Assembler, height: number) {
  return m.func(`filter tile of ${height} rows`, TILE, (f, p) => {
    const { scratch, a, b, c, bPixel, skip, add } = p;
    const sums = Array.from(
      { length: height },
      () => [f.local(F32x4), f.local(F32x4)] as const,
    );
    const halves = [f.local(F32x4), f.local(F32x4)] as const;
    const four = f.local(F32x4), factor = f.local(F32x4);
    const position = () => {
      halves.forEach((half, j) => f.set(half, load(F32x4, b, 16 * j)));
      if (height >= 4) f.set(four, load(F32x4, a));
      sums.forEach((pair, i) => {
        const isLoaded = height >= 4 && i < 4;
        f.set(
          factor,
          isLoaded ? four.shuffle(four, [i, i, i, i]) : loadSplat(a, 4 * i),
        );
        pair.forEach((sum, j) => f.set(sum, f.madd(factor, halves[j]!, sum)));
      });
      f.set(a, a.add(p.aPixel));
      f.set(b, b.add(bPixel));
    };
    f.for(p.images, 1, () => {
      f.for(p.slices, 1, () => {
        f.for(p.rows, 1, () => {
          const left = f.let(p.columns);
          f.while(I32.of(3).lt(left), () => {
            for (let i = 0; i < 4; i++) position();
            f.set(left, left.sub(4));
          });
          f.while(left, () => {
            position();
            f.set(left, left.sub(1));
          });
          f.set(a, a.add(p.aRow));
        });
        f.set(a, a.add(p.aSlice));
      });
      f.set(a, a.add(p.aImage));
    });
    for (const pair of sums) {
      f.if(skip, () => {
        pair.forEach((sum, j) => f.store(scratch, sum, 16 * j));
        f.for(4 * COLUMNS, 4, (j) => {
          const to = f.let(c.add(j)), sum = load(F32, scratch.add(j));
          f.if(
            add,
            () => f.store(to, load(F32, to).add(sum)),
            () => f.store(to, sum),
          );
        }, skip.shl(2));
      }, () => {
        f.if(add, () => {
          pair.forEach((sum, j) => f.set(sum, load(F32x4, c, 16 * j).add(sum)));
        });
        pair.forEach((sum, j) => f.store(c, sum, 16 * j));
      });
      f.set(c, c.add(bPixel));
    }
  });
}

/**
 * Tiles `first` to `end` of the gradient of a filter, at `to`, over images from `x` and
 * `dy` on, `block` at a time. The stretches of a window are cut into `perRun` tiles
 * each. There are at least eight filters.
 */
export const filterTiles = wasmFunction(
  "directFilter",
  {
    addresses: ["x", "dy", "to", "geometry"],
    numbers: ["images", "block", "first", "end", "perRun", "filters"],
  },
  (f, p, m) => {
    const { scratch, x, dy, to, geometry, images, block, perRun } = p;
    const tiles = Array.from(
      { length: TILE_ROWS },
      (_, i) => defineTile(m, i + 1),
    );
    const g = loadGeometry(f, geometry);
    const pixel = f.let(g.channels.shl(2)), row = f.let(p.filters.shl(2));
    const isSolid = f.let(g.dilationWidth.eq(1));
    const perLine = f.let(isSolid.select(I32.of(1), g.width));
    const length = f.let(isSolid.select(g.width, I32.of(1)).mul(g.channels));
    const line = f.let(g.inWidth.mul(pixel));
    const slice = f.let(g.inHeight.mul(line)), image = g.inDepth.mul(slice);
    const aPixel = f.let(g.strideWidth.mul(pixel));
    const aRow = f.let(g.strideHeight.mul(line).sub(g.outWidth.mul(aPixel)));
    const aSlice = f.let(
      g.strideDepth.mul(slice)
        .sub(g.outHeight.mul(g.strideHeight).mul(line)),
    );
    const aImage = f.let(
      image.sub(g.outDepth.mul(g.strideDepth).mul(slice)),
    );
    const imageBytes = f.let(image);
    const dyBytes = f.let(
      g.outDepth.mul(g.outHeight).mul(g.outWidth).mul(row),
    );
    const shortest = f.let(length.div(perRun));
    const longer = f.let(length.rem(perRun));
    f.for(images, block, (from) => {
      const count = f.let(images.sub(from).min(block));
      f.for(p.end, 1, (tile) => {
        const run = f.let(tile.div(perRun)), part = f.let(tile.rem(perRun));
        const top = f.let(part.mul(shortest).add(part.min(longer)));
        const height = f.let(shortest.add(part.lt(longer)));
        const k = run.rem(perLine), rest = f.let(run.div(perLine));
        const j = rest.rem(g.height), i = rest.div(g.height);
        const at = f.let(
          i.mul(g.dilationDepth).mul(slice)
            .add(j.mul(g.dilationHeight).mul(line))
            .add(k.mul(g.dilationWidth).mul(pixel)),
        );
        const a = f.let(
          x.add(from.mul(imageBytes)).add(at).add(top.shl(2)),
        );
        const c = f.let(to.add(run.mul(length).add(top).mul(row)));
        f.for(p.filters, COLUMNS, (column) => {
          // The last columns begin earlier, where all eight are there.
          const begin = f.let(column.min(p.filters.sub(COLUMNS)));
          const args = {
            scratch,
            a,
            b: dy.add(from.mul(dyBytes)).add(begin.shl(2)),
            c: c.add(begin.shl(2)),
            aPixel,
            aRow,
            aSlice,
            aImage,
            bPixel: row,
            columns: g.outWidth,
            rows: g.outHeight,
            slices: g.outDepth,
            images: count,
            skip: column.sub(begin),
            add: from,
          };
          tiles.forEach((tile, i) => {
            f.if(height.eq(i + 1), () => f.run(tile(args)));
          });
        });
      }, p.first);
    });
  },
);

/** Elements `first` to `end` of the sum of so many arrays of `bytes`, in their order. */
export const sumArrays = wasmFunction(
  "sumArrays",
  { addresses: ["from", "to"], numbers: ["count", "bytes", "first", "end"] },
  (f, { from, to, count, bytes, first, end }) => {
    const sum = f.local(F32x4), single = f.local(F32);
    const whole = f.let(first.add(end.sub(first).and(-4)).shl(2));
    f.for(whole, 16, (at) => {
      const x = f.let(from.add(at));
      f.set(sum, F32x4.of(0));
      f.for(count, 1, () => {
        f.set(sum, sum.add(load(F32x4, x)));
        f.set(x, x.add(bytes));
      });
      f.store(to.add(at), sum);
    }, first.shl(2));
    f.for(end.shl(2), 4, (at) => {
      const x = f.let(from.add(at));
      f.set(single, F32.of(0));
      f.for(count, 1, () => {
        f.set(single, single.add(load(F32, x)));
        f.set(x, x.add(bytes));
      });
      f.store(to.add(at), single);
    }, whole);
  },
);
