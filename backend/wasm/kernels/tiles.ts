/**
 * The tile of C that stays in registers while matrices are multiplied, and copies of
 * A and B as it reads them.
 *
 * The rows of A are copied to the scratch memory of the thread, whose address is a
 * constant of the code: an engine that checks the bounds of each access, as Deno does,
 * leaves those at constant addresses alone, and else takes half as long for the checks
 * as for the sums.
 *
 * @module
 */
import {
  type Args,
  type Assembler,
  type Call,
  F32,
  F32x4,
  I32,
  load,
  loadSplat,
} from "../assembler/assembler.ts";
import { transposed } from "./matrices.ts";

/** `C = A B + C` rather than `C = A B`. */
export const ACCUMULATE = 1;
/** The result is at least 0. */
export const RELU = 2;
/** A is stored as its transpose. */
export const TRANSPOSE_A = 4;
/** B is stored as its transpose. */
export const TRANSPOSE_B = 8;
/** One pass over B for each row of A: better for one or two rows. */
export const ROWS = 16;
/** B is stored in panels, as `packFactor` makes them. */
export const PACKED = 32;

/** Parameters of a product: addresses, strides in bytes, sizes; `bias` 0 is none. */
export const PRODUCT = {
  scratch: I32,
  a: I32,
  aRow: I32,
  b: I32,
  bRow: I32,
  c: I32,
  cRow: I32,
  M: I32,
  N: I32,
  K: I32,
  flags: I32,
  bias: I32,
};

/** Columns of a tile. */
export const NR = 8;
/** Columns of A, and rows of B, that the code of a tile multiplies at the most. */
export const DEPTH = 64;
/** So many at a time: engines compile short runs of code better than one long one. */
const RUN = 4;

/** Bytes of scratch memory, at its beginning, for `height` rows of A. */
export function sizeOfRows(height: number): number {
  return 4 * height * (DEPTH + RUN - 1);
}

/** Where `K` columns of `height` rows of A are put, so that whole runs end where the code does. */
export function placeOfRows(m: Assembler, height: number, K: I32): I32 {
  const end = I32.of(m.scratch + 4 * height * DEPTH);
  return end.sub(K.and(-RUN).mul(4 * height));
}

const PACK = { to: I32, from: I32, step: I32, lines: I32, K: I32, across: I32 };

/**
 * Copy `K` elements of each of `lines` lines, of which a tile takes `width`, as it reads
 * them: the first of each line, the second of each line, and so on. Lines are rows of
 * memory if `across` is not 0, else columns; rows are `step` bytes apart.
 */
export function definePack(
  m: Assembler,
  width: number,
): (args: Args<typeof PACK>) => Call {
  return m.func(
    `pack ${width} lines`,
    PACK,
    (f, { to, from, step, lines, K, across }) => {
      const row = Array.from({ length: width }, () => f.local(I32));
      const firsts = width > 4 ? [0, width - 4] : [0];
      const next = (k: number, at: readonly I32[], bytes: I32) => {
        for (const line of at) f.set(line, line.add(bytes));
        f.set(to, to.add(k * 4 * width));
      };
      f.if(across, () => {
        row.forEach((line, i) => {
          if (!i) return f.set(line, from);
          // A line that is not there reads the last one again.
          const down = lines.lt(i + 1).select(I32.of(0), step);
          f.set(line, row[i - 1]!.add(down));
        });
        f.for(K.and(-4), 4, () => {
          const fours = row.map((line) => f.let(load(F32x4, line)));
          for (const first of firsts) {
            transposed(f, fours.slice(first, first + 4)).forEach((x, k) => {
              f.store(to, x, 4 * (k * width + first));
            });
          }
          next(4, row, I32.of(16));
        });
        f.for(K.and(3), 1, () => {
          row.forEach((line, i) => f.store(to, load(F32, line), 4 * i));
          next(1, row, I32.of(4));
        });
      }, () => {
        // Lines that are not there read what follows in memory, as long as there is any.
        const isWhole = lines.eq(width);
        const near = f.let(isWhole.select(I32.of(0), K.min(width)));
        f.for(K.sub(near), 1, () => {
          for (const first of firsts) {
            f.store(to, load(F32x4, from, 4 * first), 4 * first);
          }
          next(1, [from], step);
        });
        f.for(near, 1, () => {
          f.for(lines.shl(2), 4, (i) => {
            f.store(to.add(i), load(F32, from.add(i)));
          });
          next(1, [from], step);
        });
      });
    },
  );
}

const TILE = {
  b: I32,
  bRow: I32,
  c: I32,
  cRow: I32,
  rows: I32,
  nowhere: I32,
  K: I32,
  flags: I32,
  bias: I32,
};

/** A tile of C: 8 columns and `height` rows, of which the last may be written to `nowhere`. */
export function defineTile(
  m: Assembler,
  height: number,
): (args: Args<typeof TILE>) => Call {
  return m.func(
    `tile of ${height} rows`,
    TILE,
    (f, { b, bRow, c, cRow, rows, nowhere, K, flags, bias }) => {
      const sums = Array.from({ length: height }, () => f.locals(F32x4, 2));
      const [left, right, x] = f.locals(F32x4, 3);
      const multiply = (k: number) => {
        f.set(left, load(F32x4, b));
        f.set(right, load(F32x4, b, 16));
        f.set(b, b.add(bRow));
        sums.forEach(([p, q], i) => {
          f.set(x, loadSplat(I32.of(m.scratch), 4 * (height * k + i)));
          f.set(p, f.madd(x, left, p));
          f.set(q, f.madd(x, right, q));
        });
      };
      const runs = Array.from({ length: DEPTH / RUN }, (_, run) => () => {
        for (let k = 0; k < RUN; k++) multiply(RUN * run + k);
      });
      f.from(I32.of(runs.length).sub(K.div(RUN)), [...runs, () => {}]);
      const rest = f.let(K.and(RUN - 1));
      const last = (k: number) => {
        if (k === RUN - 1) return;
        f.if(I32.of(k).lt(rest), () => {
          multiply(DEPTH + k);
          last(k + 1);
        });
      };
      last(0);

      const lines = sums.map((_, i) => i ? f.local(I32) : c);
      lines.forEach((line, i) => {
        if (!i) return;
        const next = lines[i - 1]!.add(cRow);
        f.set(line, rows.lt(i + 1).select(nowhere, next));
      });
      const each = (fn: (sum: F32x4, line: I32, offset: number) => void) =>
        sums.forEach((pair, i) =>
          pair.forEach((sum, j) => fn(sum, lines[i]!, 16 * j))
        );
      f.if(flags.and(ACCUMULATE), () => {
        each((sum, line, offset) =>
          f.set(sum, sum.add(load(F32x4, line, offset)))
        );
      });
      f.if(bias, () => {
        each((sum, _, offset) =>
          f.set(sum, sum.add(load(F32x4, bias, offset)))
        );
      });
      f.if(flags.and(RELU), () => each((sum) => f.set(sum, sum.max(0))));
      each((sum, line, offset) => f.store(line, sum, offset));
    },
  );
}
