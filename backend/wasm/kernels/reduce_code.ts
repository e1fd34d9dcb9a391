/**
 * Reductions as WebAssembly code: of rows, and of columns.
 *
 * @module
 */
import {
  type Body,
  F32,
  F32x4,
  F64,
  F64x2,
  I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import {
  type ParameterName,
  type WasmFunction,
  wasmFunction,
} from "../machine/functions.ts";

/** A reduction, as tfjs calls it. */
export type ReductionName = "Sum" | "Prod" | "Max" | "Min";

/** Columns that are summed together: a line of the cache. */
export const STRIP = 64;

/** The upper half of four floats, as the lower. */
function upper(x: F32x4): F32x4 {
  return x.shuffle(x, [2, 3, 2, 3]);
}

const ROWS = {
  addresses: ["x", "y"],
  numbers: ["rows", "bytes", "count"],
} as const;
const COLUMNS = {
  ...ROWS,
  numbers: [...ROWS.numbers, "rowBytes", "outer"],
} as const;

/** The two functions of a reduction; there is none of columns for products. */
interface Functions {
  /** `rows` rows of `bytes` bytes, each to one number; a sum is divided by `count`. */
  readonly rows: WasmFunction<ParameterName<typeof ROWS>>;
  /** `outer` times the columns of `rows` rows, `rowBytes` apart, of `bytes` bytes. */
  readonly columns?: WasmFunction<ParameterName<typeof COLUMNS>>;
}

const sumRows = wasmFunction(
  "SumRows",
  ROWS,
  (f, { x, y, rows, bytes, count }) => {
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
  },
);

/** Add four columns to their sums, which are two times two. */
function addColumns(f: Body, sums: readonly F64x2[], k: number, v: F32x4) {
  f.set(sums[2 * k]!, sums[2 * k]!.add(v.toF64()));
  f.set(sums[2 * k + 1]!, sums[2 * k + 1]!.add(upper(v).toF64()));
}

/** Bytes of columns whose sums are in scratch memory. */
const GROUP = 4096;
/** What the second cache holds, in bytes, and rows that are summed at a time if it does not. */
const CACHE = 1 << 21, BLOCK = 32;

/** Where a cache does not hold all, rows are read nearly in the order of memory. */
const sumColumns = wasmFunction("SumColumns", COLUMNS, (f, p) => {
  const { scratch, rows, bytes, rowBytes, count } = p;
  const scale = f.let(F64.of(1).div(count.toF64()).splat());
  const whole = f.let(bytes.and(-STRIP)), from = f.local(I32);
  const kept = f.let(scratch.add(64)), to = f.local(I32);
  const isLarge = rows.mul(rowBytes).ge(CACHE);
  const block = f.let(isLarge.select(I32.of(BLOCK), rows));
  const sums = Array.from({ length: 8 }, () => f.local(F64x2));
  const result = (sums: readonly F64x2[], k: number) =>
    sums[2 * k]!.mul(scale).toF32()
      .shuffle(sums[2 * k + 1]!.mul(scale).toF32(), [0, 1, 4, 5]);
  f.for(p.outer, 1, () => {
    f.for(whole, GROUP, (group) => {
      const end = f.let(whole.sub(group).min(GROUP).add(group));
      f.clear(kept, end.sub(group).shl(1));
      f.for(rows, block, (row) => {
        const count = f.let(rows.sub(row).min(block));
        const first = f.let(p.x.add(row.mul(rowBytes)));
        f.set(to, kept);
        f.for(end, STRIP, (i) => {
          sums.forEach((sum, k) => f.set(sum, load(F64x2, to, 16 * k)));
          f.set(from, first.add(i));
          f.for(count, 1, () => {
            [0, 1, 2, 3].forEach((k) =>
              addColumns(f, sums, k, f.let(load(F32x4, from, 16 * k)))
            );
            f.set(from, from.add(rowBytes));
          });
          sums.forEach((sum, k) => f.store(to, sum, 16 * k));
          f.set(to, to.add(2 * STRIP));
        }, group);
      });
      f.set(to, kept);
      f.for(end, STRIP, (i) => {
        sums.forEach((sum, k) => f.set(sum, load(F64x2, to, 16 * k)));
        [0, 1, 2, 3].forEach((k) =>
          f.store(p.y.add(i), result(sums, k), 16 * k)
        );
        f.set(to, to.add(2 * STRIP));
      }, group);
    });
    const x = f.let(p.x.add(whole)), y = f.let(p.y.add(whole));
    eachVector(f, scratch, bytes.sub(whole), (lanes) => {
      const sums = [0, 1].map(() => f.let(F64.of(0).splat()));
      f.set(from, x);
      f.for(rows, 1, () => {
        addColumns(f, sums, 0, lanes.load(from));
        f.set(from, from.add(rowBytes));
      });
      lanes.store(y, result(sums, 0));
    });
    f.set(p.x, p.x.add(rowBytes.mul(rows)));
    f.set(p.y, p.y.add(bytes));
  });
});

const prodRows = wasmFunction("ProdRows", ROWS, (f, { x, y, rows, bytes }) => {
  f.for(rows, 1, () => {
    const product = f.let(F64.of(1));
    f.for(bytes, 4, (i) => {
      f.set(product, product.mul(load(F32, x.add(i)).toF64()));
    });
    f.store(y, product.toF32());
    f.set(x, x.add(bytes));
    f.set(y, y.add(4));
  });
});

/** The largest or smallest: `best` of two is taken lane by lane. */
function extreme(
  name: string,
  empty: number,
  best: (x: F32x4, y: F32x4) => F32x4,
): Functions {
  return {
    rows: wasmFunction(`${name}Rows`, ROWS, (f, p) => {
      const { scratch, x, y, rows, bytes } = p;
      f.for(rows, 1, () => {
        const found = f.let(F32x4.of(empty));
        eachVector(f, scratch, bytes, (lanes) => {
          f.set(found, best(found, lanes.only(lanes.load(x), empty)));
        });
        f.store(y, acrossLanes(f, found, best));
        f.set(x, x.add(bytes));
        f.set(y, y.add(4));
      });
    }),
    columns: wasmFunction(`${name}Columns`, COLUMNS, (f, p) => {
      const { scratch, x, y, rows, bytes, rowBytes, outer } = p;
      const from = f.local(I32);
      f.for(outer, 1, () => {
        eachVector(f, scratch, bytes, (lanes) => {
          const found = f.let(F32x4.of(empty));
          f.set(from, x);
          f.for(rows, 1, () => {
            f.set(found, best(found, lanes.load(from)));
            f.set(from, from.add(rowBytes));
          });
          lanes.store(y, found);
        });
        f.set(x, x.add(rowBytes.mul(rows)));
        f.set(y, y.add(bytes));
      });
    }),
  };
}

/** The functions of each reduction of floats. */
export const FUNCTIONS: Readonly<Record<ReductionName, Functions>> = {
  Sum: { rows: sumRows, columns: sumColumns },
  Prod: { rows: prodRows },
  Max: extreme("Max", -Infinity, (x, y) => x.max(y)),
  Min: extreme("Min", Infinity, (x, y) => x.min(y)),
};

/** Four lanes in one. */
function acrossLanes(
  f: Body,
  x: F32x4,
  combine: (x: F32x4, y: F32x4) => F32x4,
): F32 {
  const two = f.let(combine(x, upper(x)));
  return combine(two, two.shuffle(two, [1, 1, 1, 1])).lane(0);
}
