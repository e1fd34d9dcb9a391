/**
 * The pieces of matrix multiplication: copies, transposes, and the tile of C that
 * stays in registers.
 *
 * @module
 */
import {
  type Args,
  type Assembler,
  type Body,
  type Call,
  F32,
  F32x4,
  I32,
  load,
  loadSplat,
} from "../assembler/assembler.ts";

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

/** Columns of a tile. */
export const NR = 8;
const MATRICES = {
  to: I32,
  toRow: I32,
  from: I32,
  fromRow: I32,
  rows: I32,
  columns: I32,
};

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

/** The position of row `i`, column `j` of floats. */
export function at(base: I32, i: I32, row: I32, j: I32): I32 {
  return base.add(i.mul(row)).add(j.shl(2));
}

/** `to[i][j] = from[i][j]`. */
export function defineCopy(m: Assembler) {
  return m.func(
    "copy",
    MATRICES,
    (f, { to, toRow, from, fromRow, rows, columns }) => {
      f.for(rows, 1, () => {
        f.if(columns.eq(NR), () => {
          f.store(to, load(F32x4, from));
          f.store(to, load(F32x4, from, 16), 16);
        }, () => {
          f.for(
            columns.shl(2),
            4,
            (j) => f.store(to.add(j), load(F32, from.add(j))),
          );
        });
        f.set(to, to.add(toRow));
        f.set(from, from.add(fromRow));
      });
    },
  );
}

/** Write the transpose of the 4 by 4 floats at `from` to `to`. */
function transpose4x4(f: Body, to: I32, toRow: I32, from: I32, fromRow: I32) {
  const [x0, x1, x2, x3] = [0, 1, 2, 3].map((i) => {
    if (i) f.set(from, from.add(fromRow));
    return f.let(load(F32x4, from));
  }) as [F32x4, F32x4, F32x4, F32x4];
  const low = [x0, x2].map((x, i) =>
    f.let(x.shuffle(i ? x3 : x1, [0, 4, 1, 5]))
  );
  const high = [x0, x2].map((x, i) =>
    f.let(x.shuffle(i ? x3 : x1, [2, 6, 3, 7]))
  );
  [low, high].forEach(([p, q], i) => {
    if (i) f.set(to, to.add(toRow));
    f.store(to, p!.shuffle(q!, [0, 1, 4, 5]));
    f.set(to, to.add(toRow));
    f.store(to, p!.shuffle(q!, [2, 3, 6, 7]));
  });
}

/** `to[i][j] = from[j][i]`, `i < rows`, `j < columns`: four by four, then the edges. */
export function defineTranspose(
  m: Assembler,
): (args: Args<typeof MATRICES>) => Call {
  return m.func(
    "transpose",
    MATRICES,
    (f, { to, toRow, from, fromRow, rows, columns }) => {
      const p = f.local(I32), q = f.local(I32);
      const wholeRows = f.let(rows.and(-4)),
        wholeColumns = f.let(columns.and(-4));
      f.for(wholeColumns, 4, (j) => {
        f.for(wholeRows, 4, (i) => {
          f.set(p, at(from, j, fromRow, i));
          f.set(q, at(to, i, toRow, j));
          transpose4x4(f, q, toRow, p, fromRow);
        });
      });
      f.for(columns, 1, (j) => {
        const first = j.lt(wholeColumns).select(wholeRows, I32.of(0));
        f.for(rows, 1, (i) => {
          f.store(at(to, i, toRow, j), load(F32, at(from, j, fromRow, i)));
        }, first);
      });
    },
  );
}

const TILE = {
  a: I32,
  aRow: I32,
  b: I32,
  bRow: I32,
  c: I32,
  cRow: I32,
  K: I32,
  rows: I32,
  flags: I32,
  bias: I32,
};

/** A tile of C: `height` rows, of which `rows` exist, and NR columns. */
export function defineTile(m: Assembler, height: number) {
  return m.func(
    `tile of ${height} rows`,
    TILE,
    (f, { a, aRow, b, bRow, c, cRow, K, rows, flags, bias }) => {
      const lines = [a];
      for (let i = 1; i < height; i++) {
        // A row that is not there reads the last one again.
        const step = rows.lt(i + 1).select(I32.of(0), aRow);
        lines.push(f.let(lines[i - 1]!.add(step)));
      }
      const sums = lines.map(() => [f.local(F32x4), f.local(F32x4)]);
      const each = (fn: (sum: F32x4, line: I32, offset: number) => void) =>
        sums.forEach((pair, i) =>
          pair.forEach((sum, j) => fn(sum, lines[i]!, 16 * j))
        );

      /** Two vectors of a row of B, and go on to the next. */
      const next = (halves: readonly F32x4[]) => {
        halves.forEach((half, j) => f.set(half, load(F32x4, b, 16 * j)));
        f.set(b, b.add(bRow));
      };
      const rowsOfB = [0, 1, 2, 3].map(() => [f.local(F32x4), f.local(F32x4)]);
      const four = f.local(F32x4), x = f.local(F32x4);
      const addTo = (pair: readonly F32x4[], halves: readonly F32x4[]) =>
        pair.forEach((sum, j) => f.set(sum, f.madd(x, halves[j]!, sum)));
      // Engines that check the bounds of each access take longer for that than for
      // the sums: four elements of A in one load rather than four.
      f.while(I32.of(3).lt(K), () => {
        for (const halves of rowsOfB) next(halves);
        sums.forEach((pair, i) => {
          f.set(four, load(F32x4, lines[i]!));
          rowsOfB.forEach((halves, k) => {
            f.set(x, four.shuffle(four, [k, k, k, k]));
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
          f.set(x, loadSplat(lines[i]!));
          addTo(pair, halves);
          f.set(lines[i]!, lines[i]!.add(4));
        });
        f.set(K, K.sub(1));
      });

      lines.forEach((line, i) => f.set(line, i ? lines[i - 1]!.add(cRow) : c));
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
