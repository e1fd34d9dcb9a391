/**
 * Moving boxes of elements from one layout to another: what slicing, joining,
 * padding, tiling, reversing and transposing come down to.
 *
 * @module
 */
import { type Assembler, F32, I32, load } from "../assembler/assembler.ts";
import { wasmBackend } from "../machine/backend.ts";
import { defineTranspose } from "./tiles.ts";
import { run } from "../machine/parallel.ts";
import { copyFloats } from "./patches.ts";
import { eachVector } from "../assembler/lanes.ts";

/** Define `move`, `transpose`, `boolToFloat`, `boolToInt`, `gatherRows` and `addRows`. */
export function defineMoves(m: Assembler): void {
  const loops = {
    ...{ n1: I32, in1: I32, out1: I32 },
    ...{ n2: I32, in2: I32, out2: I32 },
    ...{ n3: I32, in3: I32, out3: I32 },
  };
  m.export(
    "move",
    { scratch: I32, from: I32, to: I32, ...loops, bytes: I32 },
    (f, p) => {
      const { bytes } = p;
      f.for(p.n1, 1, (i) => {
        f.for(p.n2, 1, (j) => {
          const from = f.let(p.from.add(i.mul(p.in1)).add(j.mul(p.in2)));
          const to = f.let(p.to.add(i.mul(p.out1)).add(j.mul(p.out2)));
          const rows = (copy: () => void) =>
            f.for(p.n3, 1, () => {
              copy();
              f.set(from, from.add(p.in3));
              f.set(to, to.add(p.out3));
            });
          f.if(
            bytes.eq(4),
            () => rows(() => f.store(to, load(F32, from))),
            () => rows(() => copyFloats(f, to, from, bytes)),
          );
        });
      });
    },
  );

  const transpose = defineTranspose(m);
  const plane = {
    to: I32,
    toRow: I32,
    from: I32,
    fromRow: I32,
    rows: I32,
    columns: I32,
  };
  const { n3: _, in3: _in3, out3: _out3, ...outer } = loops;
  m.export("transpose", { scratch: I32, ...plane, ...outer }, (f, p) => {
    const { toRow, fromRow, rows, columns } = p;
    f.for(p.n1, 1, (i) => {
      f.for(p.n2, 1, (j) => {
        const from = p.from.add(i.mul(p.in1)).add(j.mul(p.in2));
        const to = p.to.add(i.mul(p.out1)).add(j.mul(p.out2));
        f.run(transpose({ to, toRow, from, fromRow, rows, columns }));
      });
    });
  });

  const casts = { scratch: I32, from: I32, to: I32, bytes: I32 };
  m.export("boolToFloat", casts, (f, { scratch, from, to, bytes }) => {
    eachVector(f, scratch, bytes, (lanes) => {
      lanes.store(to, lanes.loadBytes(from).toF32());
    });
  });
  m.export("boolToInt", casts, (f, { scratch, from, to, bytes }) => {
    eachVector(f, scratch, bytes, (lanes) => {
      lanes.store(to, lanes.loadBytes(from).floats());
    });
  });

  const rows = {
    scratch: I32,
    from: I32,
    to: I32,
    ids: I32,
    count: I32,
    bytes: I32,
  };
  m.export("gatherRows", rows, (f, { from, to, ids, count, bytes }) => {
    f.for(count.shl(2), 4, (i) => {
      copyFloats(
        f,
        to,
        f.let(from.add(load(I32, ids.add(i)).mul(bytes))),
        bytes,
      );
      f.set(to, to.add(bytes));
    });
  });
  m.export("addRows", { ...rows, most: I32 }, (f, p) => {
    const { scratch, from, to, ids, count, bytes, most } = p;
    f.for(count.shl(2), 4, (i) => {
      const id = f.let(load(I32, ids.add(i)));
      f.if(id.lt(most), () => {
        const row = f.let(to.add(id.mul(bytes)));
        eachVector(f, scratch, bytes, (lanes) => {
          lanes.store(row, lanes.load(row).add(lanes.load(from)));
        });
      });
      f.set(from, from.add(bytes));
    });
  });
}

/** One loop of a move: how often, and how far in bytes each time. */
export interface Loop {
  readonly n: number;
  readonly in: number;
  readonly out: number;
}

/** Leave out loops of one, and join those that are one longer loop. */
export function joined(loops: readonly Loop[]): Loop[] {
  const result: Loop[] = [];
  for (const loop of loops) {
    if (loop.n === 1) continue;
    const last = result.at(-1);
    if (
      last && last.in === loop.n * loop.in && last.out === loop.n * loop.out
    ) {
      result[result.length - 1] = {
        n: last.n * loop.n,
        in: loop.in,
        out: loop.out,
      };
    } else result.push(loop);
  }
  return result;
}

/** Copy `bytes` bytes for each turn of the loops, the first the outermost. */
export function move(
  from: number,
  to: number,
  loops: readonly Loop[],
  bytes: number,
): void {
  if (bytes === 0 || loops.some(({ n }) => n === 0)) return;
  const rest = joined(loops), inner = rest.at(-1);
  if (inner && inner.in === bytes && inner.out === bytes) {
    return move(from, to, rest.slice(0, -1), bytes * inner.n);
  }
  if (rest.length > 3) {
    const [first, ...others] = rest as [Loop, ...Loop[]];
    for (let i = 0; i < first.n; i++) {
      move(from + i * first.in, to + i * first.out, others, bytes);
    }
    return;
  }
  if (bytes % 4 || from % 4 || to % 4) return moveBytes(from, to, rest, bytes);
  const once = { n: 1, in: 0, out: 0 };
  const three = [once, once, once, ...rest].slice(-3);
  run("move", [[
    from,
    to,
    ...three.flatMap(({ n, in: i, out }) => [n, i, out]),
    bytes,
  ]]);
}

function moveBytes(
  from: number,
  to: number,
  loops: readonly Loop[],
  bytes: number,
) {
  const heap = wasmBackend().wasm.HEAPU8;
  const visit = (
    from: number,
    to: number,
    [loop, ...rest]: readonly Loop[],
  ) => {
    if (!loop) return void heap.copyWithin(to, from, from + bytes);
    for (let i = 0; i < loop.n; i++) {
      visit(from + i * loop.in, to + i * loop.out, rest);
    }
  };
  visit(from, to, loops);
}

/** Steps in bytes along each axis of a contiguous tensor. */
export function strides(shape: readonly number[], bytes: number): number[] {
  const result: number[] = [];
  for (let axis = shape.length - 1, step = bytes; axis >= 0; axis--) {
    result[axis] = step;
    step *= shape[axis]!;
  }
  return result;
}

/**
 * Permute axes: output axis `i` is input axis `perm[i]`. Where the last axis
 * changes, planes are transposed four by four.
 */
export function permute(
  from: number,
  to: number,
  shape: readonly number[],
  perm: readonly number[],
  bytes: number,
): void {
  const inSteps = strides(shape, bytes);
  const outSteps = strides(perm.map((axis) => shape[axis]!), bytes);
  const loops = joined(
    perm.map((axis, i) => ({
      n: shape[axis]!,
      in: inSteps[axis]!,
      out: outSteps[i]!,
    })),
  );
  const last = loops.at(-1),
    source = loops.findIndex((loop) => loop.in === bytes);
  if (
    bytes !== 4 || !last || last.in === bytes || source < 0 ||
    loops.some(({ n }) => n === 0)
  ) {
    return move(from, to, loops, bytes);
  }
  const row = loops[source]!;
  const others = loops.filter((loop) => loop !== row && loop !== last);
  const visit = (from: number, to: number, outer: readonly Loop[]): void => {
    if (outer.length > 2) {
      const [loop, ...rest] = outer as [Loop, ...Loop[]];
      for (let i = 0; i < loop.n; i++) {
        visit(from + i * loop.in, to + i * loop.out, rest);
      }
      return;
    }
    const once = { n: 1, in: 0, out: 0 };
    const two = [once, once, ...outer].slice(-2).flatMap((
      { n, in: i, out },
    ) => [n, i, out]);
    run("transpose", [[to, row.out, from, last.in, row.n, last.n, ...two]]);
  };
  visit(from, to, others);
}
