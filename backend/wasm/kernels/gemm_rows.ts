/**
 * Matrix multiplication of few rows as WebAssembly code.
 *
 * @module
 */
import {
  type Args,
  type Assembler,
  type Call,
  F32,
  F32x4,
  type I32,
  load,
  loadSplat,
} from "../assembler/assembler.ts";
import { sumLanes } from "../assembler/lanes.ts";
import { ACCUMULATE, PRODUCT, RELU } from "./tiles.ts";

/** C = A B for few rows, neither transposed: each row of B is read once, in order. */
export function defineRows(m: Assembler): (args: Args<typeof PRODUCT>) => Call {
  return m.func(
    "rows",
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

/** C = A B' for few rows: each row of B is read once, four at a time. */
export function defineDots(m: Assembler): (args: Args<typeof PRODUCT>) => Call {
  return m.func(
    "dots",
    PRODUCT,
    (f, { a, aRow, b, bRow, c, cRow, M, N, K, flags, bias }) => {
      const bytes = f.let(K.shl(2)), whole = f.let(bytes.and(-16));
      /** The products of a row of A and `count` rows of B, from number `n` on. */
      const dots = (count: number, n: I32) => {
        const from = f.let(b.add(n.mul(bRow)));
        const lines = Array.from(
          { length: count },
          (_, i) => f.let(from.add(bRow.mul(i))),
        );
        const sums = lines.map(() => f.let(F32x4.of(0)));
        f.for(whole, 16, (k) => {
          const x = f.let(load(F32x4, a.add(k)));
          lines.forEach((line, i) => {
            f.set(sums[i]!, f.madd(x, load(F32x4, line.add(k)), sums[i]!));
          });
        });
        const totals = sums.map((sum) => f.let(sumLanes(sum)));
        f.for(bytes, 4, (k) => {
          const x = f.let(load(F32, a.add(k)));
          lines.forEach((line, i) => {
            const product = x.mul(load(F32, line.add(k)));
            f.set(totals[i]!, totals[i]!.add(product));
          });
        }, whole);
        totals.forEach((total, i) => {
          const j = n.add(i).shl(2), to = f.let(c.add(j));
          f.if(flags.and(ACCUMULATE), () => {
            f.set(total, total.add(load(F32, to)));
          });
          f.if(bias, () => f.set(total, total.add(load(F32, bias.add(j)))));
          f.if(flags.and(RELU), () => f.set(total, total.max(0)));
          f.store(to, total);
        });
      };
      const fours = f.let(N.and(-4));
      f.for(M, 1, () => {
        f.for(fours, 4, (n) => dots(4, n));
        f.for(N, 1, (n) => dots(1, n), fours);
        f.set(a, a.add(aRow));
        f.set(c, c.add(cRow));
      });
    },
  );
}
