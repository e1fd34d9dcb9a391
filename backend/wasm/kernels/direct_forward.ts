/**
 * Convolution without a matrix of patches, as WebAssembly code: a tile of outputs,
 * some neighbouring positions by eight filters, stays in registers while the windows
 * are read where they are.
 *
 * @module
 */
import {
  type Body,
  F32,
  F32x4,
  I32,
  load,
  loadSplat,
} from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";
import { COLUMNS } from "./direct_panels.ts";
import { loadGeometry, outputCounter, type Sizes } from "./windows.ts";

/** End with at least 0. */
export const RELU = 1;
/** Add the bias of the panels. */
export const BIAS = 2;

/** Stretches of memory that make up a window, at most: as many as scratch memory has room for. */
export const MOST_RUNS = 4096;

/** Of the scratch memory: a line of a tile, then a step for each stretch. */
const STEPS = 4 * COLUMNS;

/** How a window lies in memory. */
interface Runs {
  /** How many stretches it has. */
  readonly count: I32;
  /** Floats of each. */
  readonly length: I32;
}

/** Write how many bytes it is from the end of each stretch of a window to the next. */
function writeSteps(f: Body, g: Sizes, scratch: I32): Runs {
  const isSolid = f.let(g.dilationWidth.eq(1));
  const perLine = f.let(isSolid.select(I32.of(1), g.width));
  const length = f.let(isSolid.select(g.width, I32.of(1)).mul(g.channels));
  const to = f.let(scratch.add(STEPS)), last = f.let(I32.of(0));
  f.for(g.depth, 1, (i) => {
    const slice = f.let(i.mul(g.dilationDepth).mul(g.inHeight));
    f.for(g.height, 1, (j) => {
      const line = f.let(slice.add(j.mul(g.dilationHeight)).mul(g.inWidth));
      f.for(perLine, 1, (k) => {
        const pixel = line.add(k.mul(g.dilationWidth));
        const at = f.let(pixel.mul(g.channels).shl(2));
        f.store(to, at.sub(last));
        f.set(to, to.add(4));
        f.set(last, at.add(length.shl(2)));
      });
    });
  });
  const count = f.let(g.depth.mul(g.height).mul(perLine));
  return { count, length };
}

/** Goes through the windows: where each begins, in which row, of which image or slice. */
function walk(f: Body, g: Sizes, x: I32, first: I32) {
  const pixel = f.let(g.channels.shl(2));
  const counter = outputCounter(f, g, first);
  const { image, slice, row, column } = counter;
  const at = f.local(I32), plane = f.local(I32);
  const find = () => {
    const z = image.mul(g.inDepth).add(slice.mul(g.strideDepth));
    const y = z.mul(g.inHeight).add(row.mul(g.strideHeight));
    f.set(
      at,
      x.add(y.mul(g.inWidth).add(column.mul(g.strideWidth)).mul(pixel)),
    );
  };
  find();
  const step = f.let(g.strideWidth.mul(pixel));
  const next = () => {
    f.set(at, at.add(step));
    counter.next(find, () => f.set(plane, plane.add(1)));
  };
  return { at, row, plane, next };
}

/**
 * Outputs `first` to `end`, counted through all images, which are padded; `y` is where
 * the first goes. Rows of the images below `top`, and from `bottom` on, are 0.
 */
export const forward = wasmFunction(
  "directForward",
  {
    addresses: ["x", "panels", "y", "geometry"],
    numbers: ["first", "end", "filters", "flags", "top", "bottom"],
  },
  (f, p, m) => {
    const { scratch, x, panels, y, geometry, first, end, filters, flags } = p;
    const { top, bottom } = p;
    // What fits in registers: without relaxed SIMD a product needs one more.
    const height = m.relaxed ? 6 : 5;
    const g = loadGeometry(f, geometry);
    const runs = writeSteps(f, g, scratch);
    const window = walk(f, g, x, first);
    const row = f.let(filters.shl(2));
    const rows = f.local(I32), columns = f.local(I32);
    const b = f.local(I32), to = f.local(I32), step = f.local(I32);
    const K = f.local(I32), biasAt = f.local(I32);
    const highest = f.local(I32), lowest = f.local(I32), plane = f.local(I32);
    const [from, until, shift, skipped] = f.locals(I32, 4);
    // Whether each row of a window is one stretch.
    const isFlat = f.let(runs.count.eq(g.height));
    const bytes = f.let(runs.length.shl(2));
    const line = f.let(
      g.dilationHeight.mul(g.inWidth).mul(g.channels.shl(2)),
    );
    const panel = f.let(runs.count.mul(runs.length).add(1).mul(4 * COLUMNS));
    /** How many rows of a window there are until the window's row is `row` or more. */
    const rowsUntil = (row: I32, start: I32) =>
      row.sub(start).add(g.dilationHeight).sub(1).div(g.dilationHeight);
    /** The stretches that are not 0 for all positions of the tile. */
    const findRuns = () => {
      f.set(from, I32.of(0));
      f.set(until, runs.count);
      f.if(isFlat.and(plane.eq(window.plane)), () => {
        f.if(
          lowest.lt(top),
          () => f.set(from, f.let(rowsUntil(top, lowest)).min(g.height)),
        );
        f.if(
          highest.lt(bottom),
          () => f.set(until, f.let(rowsUntil(bottom, highest)).min(g.height)),
          () => f.set(until, I32.of(0)),
        );
      });
      f.set(shift, I32.of(0));
      f.if(from, () => f.set(shift, from.sub(1).mul(line).add(bytes)));
      f.set(skipped, from.mul(bytes).mul(COLUMNS));
    };
    const starts = Array.from({ length: height }, () => f.local(I32));
    const lines = starts.map(() => f.local(I32));
    const sums = lines.map(() => [f.local(F32x4), f.local(F32x4)] as const);
    const rowsOfB = [0, 1, 2, 3].map(() =>
      [f.local(F32x4), f.local(F32x4)] as const
    );
    const four = f.local(F32x4), factor = f.local(F32x4);

    const next = (halves: readonly F32x4[]) => {
      halves.forEach((half, j) => f.set(half, load(F32x4, b, 16 * j)));
      f.set(b, b.add(4 * COLUMNS));
    };
    const addTo = (pair: readonly F32x4[], halves: readonly F32x4[]) =>
      pair.forEach((sum, j) => f.set(sum, f.madd(factor, halves[j]!, sum)));
    /** The products of one stretch of the windows. */
    const run = () => {
      f.set(K, runs.length);
      f.while(I32.of(3).lt(K), () => {
        for (const halves of rowsOfB) next(halves);
        sums.forEach((pair, i) => {
          f.set(four, load(F32x4, lines[i]!));
          rowsOfB.forEach((halves, k) => {
            f.set(factor, four.shuffle(four, [k, k, k, k]));
            addTo(pair, halves);
          });
          f.set(lines[i]!, lines[i]!.add(16));
        });
        f.set(K, K.sub(4));
      });
      f.while(K, () => {
        const halves = rowsOfB[0]!;
        next(halves);
        sums.forEach((pair, i) => {
          f.set(factor, loadSplat(lines[i]!));
          addTo(pair, halves);
          f.set(lines[i]!, lines[i]!.add(4));
        });
        f.set(K, K.sub(1));
      });
    };
    /** Bias, relu, and into memory what is there. */
    const finish = () => {
      f.if(flags.and(BIAS), () => {
        for (const pair of sums) {
          pair.forEach((sum, j) =>
            f.set(sum, sum.add(load(F32x4, biasAt, 16 * j)))
          );
        }
      });
      f.if(flags.and(RELU), () => {
        for (const sum of sums.flat()) f.set(sum, sum.max(0));
      });
      const line = f.let(to);
      f.if(rows.eq(height).and(columns.eq(COLUMNS)), () => {
        for (const pair of sums) {
          pair.forEach((sum, j) => f.store(line, sum, 16 * j));
          f.set(line, line.add(row));
        }
      }, () => {
        sums.forEach((pair, i) => {
          f.if(I32.of(i).lt(rows), () => {
            pair.forEach((sum, j) => f.store(scratch, sum, 16 * j));
            f.for(columns.shl(2), 4, (j) => {
              f.store(line.add(j), load(F32, scratch.add(j)));
            });
            f.set(line, line.add(row));
          });
        });
      });
    };

    f.for(end, height, (position) => {
      f.set(rows, end.sub(position).min(height));
      f.set(highest, window.row.mul(g.strideHeight));
      f.set(plane, window.plane);
      starts.forEach((start, i) => {
        f.set(start, window.at);
        f.set(lowest, window.row.mul(g.strideHeight));
        if (i + 1 === height) findRuns();
        // A position that is not there reads the last window again.
        f.if(position.add(i + 1).lt(end), window.next);
      });
      f.set(b, panels);
      f.set(to, y);
      f.for(filters, COLUMNS, (column) => {
        f.set(columns, filters.sub(column).min(COLUMNS));
        f.set(biasAt, b);
        f.set(b, biasAt.add(4 * COLUMNS).add(skipped));
        lines.forEach((line, i) => f.set(line, starts[i]!.add(shift)));
        for (const sum of sums.flat()) f.set(sum, F32x4.of(0));
        f.for(until, 1, (i) => {
          f.set(step, load(I32, scratch.add(i.shl(2)), STEPS));
          for (const line of lines) f.set(line, line.add(step));
          run();
        }, from);
        finish();
        f.set(b, biasAt.add(panel));
        f.set(to, to.add(4 * COLUMNS));
      });
      f.set(y, y.add(row.mul(height)));
    }, first);
  },
);
