/**
 * Matrix multiplication as WebAssembly code: float32, any transposes, with bias
 * and relu, in tiles of 6 by 8.
 *
 * A block of B, in panels of 8 columns, stays in the second cache; 6 rows of A, and of C,
 * in the first; a tile of C in registers: the blocking of Goto and van de Geijn, "Anatomy
 * of High-Performance Matrix Multiplication" (2008), with A and B in exchanged places.
 *
 * @module
 */
import {
  type Args,
  type Assembler,
  type Body,
  type Call,
  I32,
} from "../assembler/assembler.ts";
import {
  type Arguments,
  type Operands,
  type ParameterName,
  wasmFunction,
} from "../machine/functions.ts";
import { defineDots, defineRows } from "./gemm_rows.ts";
import { at, type Copy, defineCopy } from "./matrices.ts";
import {
  ACCUMULATE,
  definePack,
  defineTile,
  DEPTH,
  NR,
  PACKED,
  placeOfRows,
  PRODUCT,
  RELU,
  ROWS,
  sizeOfRows,
  TRANSPOSE_A,
  TRANSPOSE_B,
} from "./tiles.ts";

export {
  ACCUMULATE,
  PACKED,
  RELU,
  ROWS,
  TRANSPOSE_A,
  TRANSPOSE_B,
} from "./tiles.ts";

/** Rows and columns of a block of B. */
const KC = 4 * DEPTH, NC = 256;
/** From this many rows of A on, a block of B is worth packing. */
const PACK = 64;
/** The most rows of a tile. */
const MOST = 6;

/** Places in the scratch memory: rows of A, a block of B, a tile of C, bias, what nobody reads. */
const BLOCK = sizeOfRows(MOST);
const TILE = BLOCK + 4 * KC * NC;
const BIAS = TILE + 4 * NR * MOST;
const NOWHERE = BIAS + 4 * NR;
/** Bytes of scratch memory that each thread needs. */
export const SCRATCH: number = NOWHERE + 4 * NR;
/** Bytes of a row of a panel. */
const ROW = 4 * NR;

const STRIP = {
  a: I32,
  aRow: I32,
  block: I32,
  panelRow: I32,
  panelStep: I32,
  c: I32,
  cRow: I32,
  rows: I32,
  columns: I32,
  K: I32,
  flags: I32,
  bias: I32,
};

/** The tiles of `rows` rows of C, of which there may be `height`. */
function defineStrip(m: Assembler, height: number, copy: Copy) {
  const pack = definePack(m, height), tile = defineTile(m, height);
  return m.func(`strip of ${height} rows`, STRIP, (f, p) => {
    const { a, aRow, block, panelRow, panelStep, c, cRow, rows, K, flags } = p;
    const side = I32.of(m.scratch + TILE), sideRow = I32.of(ROW);
    const sideBias = I32.of(m.scratch + BIAS);
    const nowhere = I32.of(m.scratch + NOWHERE);
    f.run(pack({
      to: placeOfRows(m, height, K),
      from: a,
      step: aRow,
      lines: rows,
      K,
      across: flags.and(TRANSPOSE_A).not(),
    }));
    f.for(p.columns, NR, (n) => {
      const args = { b: block, bRow: panelRow, rows, nowhere, K, flags };
      const columns = f.let(p.columns.sub(n).min(NR));
      f.if(columns.eq(NR), () => {
        f.run(tile({ ...args, c, cRow, bias: p.bias }));
      }, () => {
        // A tile that is cut off is computed whole, on the side.
        const from = { from: c, fromRow: cRow, rows, columns };
        f.if(flags.and(ACCUMULATE), () => {
          f.run(copy({ to: side, toRow: sideRow, ...from }));
        });
        const bias = f.let(p.bias);
        f.if(bias, () => {
          f.run(copy({
            to: sideBias,
            toRow: sideRow,
            from: bias,
            fromRow: sideRow,
            rows: I32.of(1),
            columns,
          }));
          f.set(bias, sideBias);
        });
        f.run(tile({ ...args, c: side, cRow: sideRow, bias }));
        const to = { to: c, toRow: cRow, rows, columns };
        f.run(copy({ ...to, from: side, fromRow: sideRow }));
      });
      f.set(block, block.add(panelStep));
      f.set(c, c.add(ROW));
      f.if(p.bias, () => f.set(p.bias, p.bias.add(ROW)));
    });
  });
}

/** C = A B in blocks: a function for the code of one thread. */
export function defineProduct(
  m: Assembler,
): (args: Args<typeof PRODUCT>) => Call {
  const copy = defineCopy(m), pack = definePack(m, NR);
  // What fits in fifteen registers: without relaxed SIMD a product needs one more.
  const height = m.relaxed ? MOST : MOST - 1;
  const tall = defineStrip(m, height, copy), low = defineStrip(m, 4, copy);

  return m.func("blocked", PRODUCT, (f, p) => {
    const { a, aRow, b, bRow, c, cRow, M, N, K, flags, bias } = p;
    const [kc, nc, rows, block, panel, panelRow, panelStep] = f.locals(I32, 7);
    const isWhole = N.and(NR - 1).or(flags.and(TRANSPOSE_B)).not();
    const isDirect = f.let(isWhole.and(M.lt(PACK)));
    const isPacked = f.let(flags.and(PACKED));

    /** Copy a block of B, in panels. */
    const packBlock = (k0: I32, n0: I32) => {
      f.set(panel, block);
      const across = f.let(flags.and(TRANSPOSE_B));
      f.for(nc, NR, (n) => {
        const column = f.let(n0.add(n));
        f.run(pack({
          to: panel,
          from: across.select(at(b, column, bRow, k0), at(b, k0, bRow, column)),
          step: bRow,
          lines: nc.sub(n).min(NR),
          K: kc,
          across,
        }));
        f.set(panel, panel.add(panelStep));
      });
    };

    f.for(K, KC, (k0) => {
      f.set(kc, K.sub(k0).min(KC));
      f.for(N, NC, (n0) => {
        f.set(nc, N.sub(n0).min(NC));
        f.set(panelRow, I32.of(ROW));
        f.if(isPacked, () => {
          f.set(block, b.add(n0.mul(K).shl(2)).add(k0.mul(ROW)));
          f.set(panelStep, K.mul(ROW));
        }, () => {
          f.if(isDirect, () => {
            f.set(block, at(b, k0, bRow, n0));
            f.set(panelRow, bRow);
            f.set(panelStep, I32.of(ROW));
          }, () => {
            f.set(block, I32.of(m.scratch + BLOCK));
            f.set(panelStep, kc.mul(ROW));
            packBlock(k0, n0);
          });
        });
        const row = f.let(I32.of(0));
        f.while(row.lt(M), () => {
          const left = f.let(M.sub(row));
          // Two tiles of 4 rather than a tall one and little else.
          const isLow = f.let(
            left.lt(5).or(I32.of(height).lt(left).and(left.lt(9))),
          );
          f.set(rows, left.min(isLow.select(I32.of(4), I32.of(height))));
          f.for(kc, DEPTH, (k) => {
            const first = f.let(k0.add(k)), depth = f.let(kc.sub(k).min(DEPTH));
            const isLast = f.let(first.add(depth).eq(K));
            const now = f.let(first.ne(0).or(flags.and(ACCUMULATE)).ne(0));
            const strip = {
              a: flags.and(TRANSPOSE_A).select(
                at(a, first, aRow, row),
                at(a, row, aRow, first),
              ),
              aRow,
              block: block.add(k.mul(panelRow)),
              panelRow,
              panelStep,
              c: at(c, row, cRow, n0),
              cRow,
              rows,
              columns: nc,
              K: depth,
              flags: flags.and(TRANSPOSE_A).or(now).or(
                isLast.select(flags.and(RELU), I32.of(0)),
              ),
              bias: isLast.and(bias.ne(0)).select(
                bias.add(n0.shl(2)),
                I32.of(0),
              ),
            };
            f.if(isLow, () => f.run(low(strip)), () => f.run(tall(strip)));
          });
          f.set(row, row.add(rows));
        });
      });
    });
  });
}

/** Addresses, strides in bytes, and sizes of a batch of products. */
export const PARAMETERS = {
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

/** The code of `gemm`, for one thread. */
export function writeGemm(
  f: Body,
  { batch, aStep, bStep, cStep, ...p }: Operands<
    ParameterName<typeof PARAMETERS>
  >,
  m: Assembler,
): void {
  const product = defineProduct(m);
  const rows = defineRows(m), dots = defineDots(m);
  const { flags } = p;
  f.for(batch, 1, () => {
    f.if(flags.and(ROWS).not(), () => f.run(product(p)), () => {
      const across = flags.and(TRANSPOSE_B);
      f.if(across, () => f.run(dots(p)), () => f.run(rows(p)));
    });
    f.set(p.a, p.a.add(aStep));
    f.set(p.b, p.b.add(bStep));
    f.set(p.c, p.c.add(cStep));
  });
}

/** `batch` products, from one to the next `aStep`, `bStep` and `cStep` bytes. */
export const gemm = wasmFunction("gemm", PARAMETERS, writeGemm, {
  perThread: true,
});

/** A batch of products: strides in bytes; `bias` is an address, or 0 for none. */
export type Product = Arguments<ParameterName<typeof PARAMETERS>>;
