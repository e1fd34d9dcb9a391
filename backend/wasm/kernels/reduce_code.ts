/**
 * Reductions as WebAssembly code: of rows, and of columns.
 *
 * @module
 */
import {
  type Assembler,
  type Body,
  F32,
  F32x4,
  F64,
  I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";

/** How a reduction of rows and of columns is written, and done for integers. */
export interface Reduction {
  /** The result for no elements. */
  readonly empty: number;
  /** One more number. */
  readonly number: (sum: number, x: number) => number;
  /** Several in one; sums and products are 64 bits wide, and have no code here. */
  readonly floats?: (x: F32x4, y: F32x4) => F32x4;
}

export const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  Sum: { empty: 0, number: (x, y) => x + y },
  Prod: { empty: 1, number: (x, y) => x * y },
  Max: {
    empty: -Infinity,
    number: Math.max,
    floats: (x, y) => x.max(y),
  },
  Min: {
    empty: Infinity,
    number: Math.min,
    floats: (x, y) => x.min(y),
  },
};

/** Columns that are summed together: a line of the cache. */
export const STRIP = 64;

/** The upper half of four floats, as the lower. */
function upper(x: F32x4): F32x4 {
  return x.shuffle(x, [2, 3, 2, 3]);
}

/** Define `SumRows`, `SumColumns`, `ProdRows`, `MaxRows`, ... */
export function defineReductions(m: Assembler): void {
  const rows = {
    scratch: I32,
    x: I32,
    y: I32,
    rows: I32,
    bytes: I32,
    count: I32,
  };
  const columns = { ...rows, rowBytes: I32, outer: I32 };

  m.export("SumRows", rows, (f, { x, y, rows, bytes, count }) => {
    const whole = f.let(bytes.and(-32));
    f.for(rows, 1, () => {
      const sums = [0, 1, 2, 3].map(() => f.let(F64.of(0).splat()));
      f.for(whole, 32, (i) => {
        [0, 16].forEach((offset, k) => {
          const v = f.let(load(F32x4, x.add(i), offset));
          f.set(sums[2 * k]!, sums[2 * k]!.add(v.toF64()));
          f.set(sums[2 * k + 1]!, sums[2 * k + 1]!.add(upper(v).toF64()));
        });
      });
      const four = f.let(sums[0]!.add(sums[1]!).add(sums[2]!.add(sums[3]!)));
      const total = f.let(four.lane(0).add(four.lane(1)));
      f.for(bytes, 4, (i) => {
        f.set(total, total.add(load(F32, x.add(i)).toF64()));
      }, whole);
      f.store(y, total.div(count.toF64()).toF32());
      f.set(x, x.add(bytes));
      f.set(y, y.add(4));
    });
  });

  m.export("SumColumns", columns, (f, p) => {
    const { scratch, rows, bytes, rowBytes, count } = p;
    const scale = f.let(F64.of(1).div(count.toF64()).splat());
    const whole = f.let(bytes.and(-STRIP)), from = f.local(I32);
    /** Sums of four columns, as two times two. */
    const add = (
      sums: readonly ReturnType<F64["splat"]>[],
      k: number,
      v: F32x4,
    ) => {
      f.set(sums[2 * k]!, sums[2 * k]!.add(v.toF64()));
      f.set(sums[2 * k + 1]!, sums[2 * k + 1]!.add(upper(v).toF64()));
    };
    const result = (sums: readonly ReturnType<F64["splat"]>[], k: number) =>
      sums[2 * k]!.mul(scale).toF32()
        .shuffle(sums[2 * k + 1]!.mul(scale).toF32(), [0, 1, 4, 5]);
    f.for(p.outer, 1, () => {
      f.for(whole, STRIP, (i) => {
        const sums = Array.from({ length: 8 }, () => f.let(F64.of(0).splat()));
        f.set(from, p.x.add(i));
        f.for(rows, 1, () => {
          [0, 1, 2, 3].forEach((k) =>
            add(sums, k, f.let(load(F32x4, from, 16 * k)))
          );
          f.set(from, from.add(rowBytes));
        });
        [0, 1, 2, 3].forEach((k) =>
          f.store(p.y.add(i), result(sums, k), 16 * k)
        );
      });
      const x = f.let(p.x.add(whole)), y = f.let(p.y.add(whole));
      eachVector(f, scratch, bytes.sub(whole), (lanes) => {
        const sums = [0, 1].map(() => f.let(F64.of(0).splat()));
        f.set(from, x);
        f.for(rows, 1, () => {
          add(sums, 0, lanes.load(from));
          f.set(from, from.add(rowBytes));
        });
        lanes.store(y, result(sums, 0));
      });
      f.set(p.x, p.x.add(rowBytes.mul(rows)));
      f.set(p.y, p.y.add(bytes));
    });
  });

  m.export("ProdRows", rows, (f, { x, y, rows, bytes }) => {
    f.for(rows, 1, () => {
      const product = f.let(F64.of(1));
      f.for(
        bytes,
        4,
        (i) => f.set(product, product.mul(load(F32, x.add(i)).toF64())),
      );
      f.store(y, product.toF32());
      f.set(x, x.add(bytes));
      f.set(y, y.add(4));
    });
  });

  for (const [name, { empty, floats }] of Object.entries(REDUCTIONS)) {
    if (!floats) continue;
    m.export(`${name}Rows`, rows, (f, { scratch, x, y, rows, bytes }) => {
      f.for(rows, 1, () => {
        const best = f.let(F32x4.of(empty));
        eachVector(f, scratch, bytes, (lanes) => {
          f.set(best, floats(best, lanes.only(lanes.load(x), empty)));
        });
        f.store(y, acrossLanes(f, best, floats));
        f.set(x, x.add(bytes));
        f.set(y, y.add(4));
      });
    });
    m.export(
      `${name}Columns`,
      columns,
      (f, { scratch, x, y, rows, bytes, rowBytes, outer }) => {
        const from = f.local(I32);
        f.for(outer, 1, () => {
          eachVector(f, scratch, bytes, (lanes) => {
            const best = f.let(F32x4.of(empty));
            f.set(from, x);
            f.for(rows, 1, () => {
              f.set(best, floats(best, lanes.load(from)));
              f.set(from, from.add(rowBytes));
            });
            lanes.store(y, best);
          });
          f.set(x, x.add(rowBytes.mul(rows)));
          f.set(y, y.add(bytes));
        });
      },
    );
  }
}

/** Four lanes in one. */
function acrossLanes(
  f: Body,
  x: F32x4,
  combine: (x: F32x4, y: F32x4) => F32x4,
): F32 {
  const two = f.let(combine(x, upper(x)));
  return combine(two, two.shuffle(two, [1, 1, 1, 1])).lane(0);
}
