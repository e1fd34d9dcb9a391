/**
 * Copies and transposes of matrices, as WebAssembly code.
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
} from "../assembler/assembler.ts";

const MATRICES = {
  to: I32,
  toRow: I32,
  from: I32,
  fromRow: I32,
  rows: I32,
  columns: I32,
};

/** A function that takes and gives matrices. */
export type Copy = (args: Args<typeof MATRICES>) => Call;

/** The position of row `i`, column `j` of floats. */
export function at(base: I32, i: I32, row: I32, j: I32): I32 {
  return base.add(i.mul(row)).add(j.shl(2));
}

/** `to[i][j] = from[i][j]`. */
export function defineCopy(m: Assembler): Copy {
  return m.func(
    "copy",
    MATRICES,
    (f, { to, toRow, from, fromRow, rows, columns }) => {
      f.for(rows, 1, () => {
        f.for(
          columns.shl(2),
          4,
          (j) => f.store(to.add(j), load(F32, from.add(j))),
        );
        f.set(to, to.add(toRow));
        f.set(from, from.add(fromRow));
      });
    },
  );
}

/** The columns of four rows of four. */
export function transposed(f: Body, rows: readonly F32x4[]): F32x4[] {
  const [x0, x1, x2, x3] = rows as [F32x4, F32x4, F32x4, F32x4];
  const low = [x0.shuffle(x1, [0, 4, 1, 5]), x2.shuffle(x3, [0, 4, 1, 5])];
  const high = [x0.shuffle(x1, [2, 6, 3, 7]), x2.shuffle(x3, [2, 6, 3, 7])];
  return [low, high].flatMap((pair) => {
    const [p, q] = pair.map((x) => f.let(x)) as [F32x4, F32x4];
    return [p.shuffle(q, [0, 1, 4, 5]), p.shuffle(q, [2, 3, 6, 7])];
  });
}

/** Write the transpose of the 4 by 4 floats at `from` to `to`. */
function transpose4x4(f: Body, to: I32, toRow: I32, from: I32, fromRow: I32) {
  const rows = [0, 1, 2, 3].map((i) => {
    if (i) f.set(from, from.add(fromRow));
    return f.let(load(F32x4, from));
  });
  transposed(f, rows).forEach((x, i) => {
    if (i) f.set(to, to.add(toRow));
    f.store(to, x);
  });
}

/** `to[i][j] = from[j][i]`, `i < rows`, `j < columns`: four by four, then the edges. */
export function defineTranspose(m: Assembler): Copy {
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
