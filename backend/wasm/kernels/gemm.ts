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
import { type Assembler, I32 } from "../assembler/assembler.ts";
import {
  type Arguments,
  type ParameterName,
  wasmFunction,
} from "../machine/functions.ts";
import { defineRows } from "./gemm_rows.ts";
import {
  ACCUMULATE,
  at,
  defineCopy,
  defineTile,
  defineTranspose,
  NR,
  PRODUCT,
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

/** C = A B in blocks. */
function defineBlocked(m: Assembler, height: number) {
  const copy = defineCopy(m), transpose = defineTranspose(m);
  const tall = defineTile(m, height), flat = defineTile(m, 2);

  return m.func("blocked", PRODUCT, (f, p) => {
    const { scratch, a, aRow, b, bRow, c, cRow, M, N, K, flags, bias } = p;
    const [kc, mc, nc, rows] = f.locals(I32, 4);
    const [blockA, blockRow, panel, panelRow] = f.locals(I32, 4);
    const [now, last, part] = f.locals(I32, 3);

    /** The rows of A that the tiles of this block read. */
    const packA = (m0: I32, k0: I32) => {
      f.if(flags.and(TRANSPOSE_A), () => {
        f.set(blockA, scratch);
        f.set(blockRow, I32.of(LDA));
        f.run(transpose({
          to: blockA,
          toRow: blockRow,
          from: at(a, k0, aRow, m0),
          fromRow: aRow,
          rows: mc,
          columns: kc,
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
          to: panel,
          toRow: panelRow,
          from: at(b, n0, bRow, k0),
          fromRow: bRow,
          rows: kc,
          columns: nc,
        }));
      }, () => {
        const from = f.let(at(b, k0, bRow, n0));
        f.if(nc.eq(NR).and(mc.lt(PACK)), () => {
          f.set(panel, from);
          f.set(panelRow, bRow);
        }, () => {
          f.run(copy({
            to: panel,
            toRow: panelRow,
            from,
            fromRow: bRow,
            rows: kc,
            columns: nc,
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
            to: scratch.add(BIAS),
            toRow: I32.of(0),
            from: part,
            fromRow: I32.of(0),
            rows: I32.of(1),
            columns: nc,
          }));
          f.set(part, scratch.add(BIAS));
        });
      });
    };
    const tile = (row: I32, to: I32, toRow: I32) => {
      const args = {
        a: blockA.add(row.mul(blockRow)),
        aRow: blockRow,
        b: panel,
        bRow: panelRow,
        c: to,
        cRow: toRow,
        K: kc,
        rows,
        flags: now,
        bias: part,
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

/** Addresses, strides in bytes, and sizes of a batch of products. */
const PARAMS = {
  addresses: ["a", "b", "c", "bias"],
  numbers: [
    "batch",
    "aStep",
    "bStep",
    "cStep",
    "aRow",
    "bRow",
    "cRow",
    "M",
    "N",
    "K",
    "flags",
  ],
} as const;

/** `batch` products, from one to the next `aStep`, `bStep` and `cStep` bytes. */
export const gemm = wasmFunction(
  "gemm",
  PARAMS,
  (f, { batch, aStep, bStep, cStep, ...p }, m) => {
    // What fits in fifteen registers: without relaxed SIMD a product needs one more.
    const blocked = defineBlocked(m, m.relaxed ? 6 : 5), few = defineRows(m);
    f.for(batch, 1, () => {
      f.if(p.flags.and(ROWS), () => f.run(few(p)), () => f.run(blocked(p)));
      f.set(p.a, p.a.add(aStep));
      f.set(p.b, p.b.add(bStep));
      f.set(p.c, p.c.add(cStep));
    });
  },
);

/** A batch of products: strides in bytes; `bias` is an address, or 0 for none. */
export type Product = Arguments<ParameterName<typeof PARAMS>>;
