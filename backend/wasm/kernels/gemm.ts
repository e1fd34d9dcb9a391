/**
 * Matrix multiplication as WebAssembly code: float32, any transposes, with bias
 * and relu, in tiles of 6 by 8.
 *
 * The blocking is that of Goto and van de Geijn, "Anatomy of High-Performance
 * Matrix Multiplication" (2008): a panel of B stays in the first cache, a block
 * of A in the second, a tile of C in registers.
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
import {
  ACCUMULATE,
  at,
  defineCopy,
  defineTile,
  defineTranspose,
  NR,
  RELU,
  ROWS,
  TRANSPOSE_A,
  TRANSPOSE_B,
} from "./tiles.ts";

export { ACCUMULATE, RELU, ROWS, TRANSPOSE_A, TRANSPOSE_B } from "./tiles.ts";

/** Columns of a panel of A, and rows of a block of it. */
const KC = 256, MC = 240;
/** From this many rows on, a panel of B is worth packing. */
const PACK = 129;

/** Of the scratch memory: a block of A transposed, a panel of B, a tile of C, bias. */
const LDA = 4 * (KC + 16);
const PANEL = MC * LDA;
const TILE = PANEL + 4 * NR * KC;
const BIAS = TILE + 4 * NR * 8;
/** Bytes of scratch memory that each thread needs. */
export const SCRATCH: number = BIAS + 4 * NR;

/** Parameters of a product: addresses, strides in bytes, sizes; `bias` 0 is none. */
const PRODUCT = {
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

/** C = A B in blocks. */
function defineBlocked(m: Assembler, height: number) {
  const copy = defineCopy(m), transpose = defineTranspose(m);
  const tall = defineTile(m, height), flat = defineTile(m, 2);

  return m.func(PRODUCT, (f, p) => {
    const { scratch, a, aRow, b, bRow, c, cRow, M, N, K, flags, bias } = p;
    const [
      kc,
      mc,
      nc,
      rows,
      blockA,
      blockRow,
      panel,
      panelRow,
      now,
      last,
      part,
    ] = Array.from({ length: 11 }, () => f.local(I32)) as I32[] as [
      ...[I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32],
    ];

    /** The rows of A that the tiles of this block read. */
    const packA = (m0: I32, k0: I32) => {
      f.if(flags.and(TRANSPOSE_A), () => {
        f.set(blockA, scratch);
        f.set(blockRow, I32.of(LDA));
        f.run(transpose({
          ...{ to: blockA, toRow: blockRow, from: at(a, k0, aRow, m0) },
          ...{ fromRow: aRow, rows: mc, columns: kc },
        }));
      }, () => {
        f.set(blockA, at(a, m0, aRow, k0));
        f.set(blockRow, aRow);
      });
    };
    /** The columns of B that the tiles of this panel read. */
    const packB = (k0: I32, n0: I32) => {
      f.set(panel, scratch.add(PANEL));
      f.set(panelRow, I32.of(4 * NR));
      f.if(flags.and(TRANSPOSE_B), () => {
        f.run(transpose({
          ...{ to: panel, toRow: panelRow, from: at(b, n0, bRow, k0) },
          ...{ fromRow: bRow, rows: kc, columns: nc },
        }));
      }, () => {
        const from = f.let(at(b, k0, bRow, n0));
        f.if(nc.eq(NR).and(mc.lt(PACK)), () => {
          f.set(panel, from);
          f.set(panelRow, bRow);
        }, () => {
          f.run(copy({
            ...{ to: panel, toRow: panelRow, from, fromRow: bRow },
            ...{ rows: kc, columns: nc },
          }));
        });
      });
    };
    /** The bias of this panel, padded where the panel is narrow. */
    const packBias = (n0: I32) => {
      f.set(part, I32.of(0));
      f.if(bias.ne(0).and(last), () => {
        f.set(part, bias.add(n0.shl(2)));
        f.if(nc.ne(NR), () => {
          f.run(copy({
            ...{ to: scratch.add(BIAS), toRow: I32.of(0), from: part },
            ...{ fromRow: I32.of(0), rows: I32.of(1), columns: nc },
          }));
          f.set(part, scratch.add(BIAS));
        });
      });
    };
    const tile = (row: I32, to: I32, toRow: I32) => {
      const args = {
        ...{ a: blockA.add(row.mul(blockRow)), aRow: blockRow },
        ...{ b: panel, bRow: panelRow, c: to, cRow: toRow },
        ...{ K: kc, rows, flags: now, bias: part },
      };
      f.if(rows.lt(3), () => f.run(flat(args)), () => f.run(tall(args)));
    };

    f.for(K, KC, (k0) => {
      f.set(kc, K.sub(k0).min(KC));
      f.set(last, k0.add(kc).eq(K));
      f.set(now, k0.ne(0).or(flags.and(ACCUMULATE)));
      f.if(last, () => f.set(now, now.or(flags.and(RELU))));
      f.for(M, MC, (m0) => {
        f.set(mc, M.sub(m0).min(MC));
        packA(m0, k0);
        f.for(N, NR, (n0) => {
          f.set(nc, N.sub(n0).min(NR));
          packB(k0, n0);
          packBias(n0);
          f.for(mc, height, (row) => {
            f.set(rows, mc.sub(row).min(height));
            const to = f.let(at(c, m0.add(row), cRow, n0));
            f.if(rows.eq(height).or(rows.eq(2)).and(nc.eq(NR)), () => {
              tile(row, to, cRow);
            }, () => {
              // A tile that is cut off is computed whole, on the side.
              const side = f.let(scratch.add(TILE)), sideRow = I32.of(4 * NR);
              const size = { rows, columns: nc };
              f.run(
                copy({
                  to: side,
                  toRow: sideRow,
                  from: to,
                  fromRow: cRow,
                  ...size,
                }),
              );
              tile(row, side, sideRow);
              f.run(
                copy({
                  to,
                  toRow: cRow,
                  from: side,
                  fromRow: sideRow,
                  ...size,
                }),
              );
            });
          });
        });
      });
    });
  });
}

/** C = A B for few rows, neither transposed: each row of B is read once, in order. */
function defineRows(m: Assembler) {
  return m.func(
    PRODUCT,
    (f, { a, aRow, b, bRow, c, cRow, M, N, K, flags, bias }) => {
      const bytes = f.let(N.shl(2)), whole = f.let(bytes.and(-16));
      /** `body` for each column: four at a time, then one by one. */
      const columns = (
        body: (j: I32, kind: typeof F32x4 | typeof F32) => void,
      ) => {
        f.for(whole, 16, (j) => body(j, F32x4));
        f.for(bytes, 4, (j) => body(j, F32), whole);
      };
      const zero = (kind: typeof F32x4 | typeof F32) =>
        kind === F32 ? F32.of(0) : F32x4.of(0);
      f.for(M, 1, () => {
        f.if(flags.and(ACCUMULATE).not(), () => f.clear(c, bytes));
        const from = f.let(b), x = f.let(a), end = f.let(a.add(K.shl(2)));
        /** Add `count` rows of B, as `a` weighs them. */
        const add = (count: number) => {
          const weights = Array.from(
            { length: count },
            (_, k) => f.let(loadSplat(x, 4 * k)),
          );
          const lines = weights.map((_, k) => f.let(from.add(bRow.mul(k))));
          columns((j, kind) => {
            const to = f.let(c.add(j));
            if (kind === F32) {
              const sum = f.let(load(F32, to));
              lines.forEach((line, k) => {
                const product = weights[k]!.lane(0).mul(load(F32, line.add(j)));
                f.set(sum, sum.add(product));
              });
              f.store(to, sum);
            } else {
              const sum = f.let(load(F32x4, to));
              lines.forEach((line, k) => {
                f.set(sum, f.madd(weights[k]!, load(F32x4, line.add(j)), sum));
              });
              f.store(to, sum);
            }
          });
          f.set(x, x.add(4 * count));
          f.set(from, from.add(bRow.mul(count)));
        };
        f.while(x.add(28).lt(end), () => add(8));
        f.while(x.lt(end), () => add(1));
        f.if(bias, () => {
          columns((j, kind) => {
            const to = c.add(j), from = bias.add(j);
            if (kind === F32) f.store(to, load(F32, to).add(load(F32, from)));
            else f.store(to, load(F32x4, to).add(load(F32x4, from)));
          });
        });
        f.if(flags.and(RELU), () => {
          columns((j, kind) => {
            const to = c.add(j);
            if (kind === F32) f.store(to, load(F32, to).max(0));
            else f.store(to, load(F32x4, to).max(zero(kind) as F32x4));
          });
        });
        f.set(a, a.add(aRow));
        f.set(c, c.add(cRow));
      });
    },
  );
}

/**
 * Define `gemm(scratch, batch, aStep, bStep, cStep, ...product)`: `batch`
 * products, from one to the next `aStep`, `bStep` and `cStep` bytes.
 */
export function defineGemm(m: Assembler): void {
  // What fits in fifteen registers: without relaxed SIMD a product needs one more.
  const blocked = defineBlocked(m, m.relaxed ? 6 : 5), few = defineRows(m);
  const { scratch, ...product } = PRODUCT;
  const steps = { batch: I32, aStep: I32, bStep: I32, cStep: I32 };
  m.export("gemm", { scratch, ...steps, ...product }, (f, p) => {
    const { batch, aStep, bStep, cStep, ...args } = p;
    f.for(batch, 1, () => {
      f.if(
        args.flags.and(ROWS),
        () => f.run(few(args)),
        () => f.run(blocked(args)),
      );
      f.set(args.a, args.a.add(aStep));
      f.set(args.b, args.b.add(bStep));
      f.set(args.c, args.c.add(cStep));
    });
  });
}

/** A batch of products: strides in bytes, `aStep` from one A to the next, `bias` 0 for none. */
export interface Product {
  readonly batch: number;
  readonly aStep: number;
  readonly bStep: number;
  readonly cStep: number;
  readonly a: number;
  readonly aRow: number;
  readonly b: number;
  readonly bRow: number;
  readonly c: number;
  readonly cRow: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly flags: number;
  readonly bias: number;
}
