/**
 * Moving boxes of elements from one layout to another: what slicing, joining,
 * padding, tiling, reversing and transposing come down to.
 *
 * @module
 */
import { recording } from "../../../internal/recording.ts";
import { F32, load } from "../assembler/assembler.ts";
import { wasmBackend } from "../machine/backend.ts";
import { partsOf, wasmFunction } from "../machine/functions.ts";
import { copyFloats } from "./floats.ts";
import { defineTranspose } from "./matrices.ts";

/** Three loops, the first the outermost: how often, and how far in bytes each time. */
const moveLoops = wasmFunction(
  "move",
  {
    addresses: ["from", "to"],
    numbers: [
      "n1",
      "in1",
      "out1",
      "n2",
      "in2",
      "out2",
      "n3",
      "in3",
      "out3",
      "bytes",
    ],
  },
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

/**
 * How many bytes a call copies as they lie; undefined if it is no call of `move`, or
 * moves them apart.
 *
 * @param fn The number of the function.
 * @param numbers The arguments that are no addresses.
 */
export function straightBytes(
  fn: unknown,
  numbers: readonly unknown[],
): number | undefined {
  if (fn !== moveLoops.number || numbers.length !== 10) return undefined;
  const isOnce = [0, 3, 6].every((i) => numbers[i] === 1);
  return isOnce ? numbers[9] as number : undefined;
}

/** Transposes of planes, in two loops. */
const transposePlanes = wasmFunction(
  "transpose",
  {
    addresses: ["to", "from"],
    numbers: [
      "toRow",
      "fromRow",
      "rows",
      "columns",
      "n1",
      "in1",
      "out1",
      "n2",
      "in2",
      "out2",
    ],
  },
  (f, p, m) => {
    const { toRow, fromRow, rows, columns } = p;
    const transpose = defineTranspose(m);
    f.for(p.n1, 1, (i) => {
      f.for(p.n2, 1, (j) => {
        const from = p.from.add(i.mul(p.in1)).add(j.mul(p.in2));
        const to = p.to.add(i.mul(p.out1)).add(j.mul(p.out2));
        f.run(transpose({ to, toRow, from, fromRow, rows, columns }));
      });
    });
  },
);

/** One loop of a move: how often, and how far in bytes each time. */
export interface Loop {
  readonly n: number;
  readonly in: number;
  readonly out: number;
}

/** A loop that does nothing. */
const ONCE: Loop = { n: 1, in: 0, out: 0 };

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

/** Bytes that are copied in a nanosecond, about: in stretches, and float by float. */
const SPEED = 10, SINGLE = 3;

/** How many bytes loops move. */
function total(loops: readonly Loop[], bytes: number): number {
  return loops.reduce((product, { n }) => product * n, bytes);
}

/** Which of the loops threads share: the outermost that is long enough, or the longest. */
function sharedLoop(loops: readonly Loop[], parts: number): number {
  const found = loops.findIndex(({ n }) => n >= parts);
  if (found >= 0) return found;
  const most = Math.max(...loops.map(({ n }) => n));
  return loops.findIndex(({ n }) => n === most);
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
  const work = total(rest, bytes) / (bytes > 4 ? SPEED : SINGLE);
  if (rest.length === 0) {
    const floats = bytes / 4;
    return moveLoops.ranges(floats, work, (first, end) => ({
      ...loopsOf([]),
      from: from + 4 * first,
      to: to + 4 * first,
      bytes: 4 * (end - first),
    }), 1024);
  }
  const shared = sharedLoop(rest, partsOf(work)), loop = rest[shared]!;
  moveLoops.ranges(loop.n, work, (first, end) => ({
    ...loopsOf(rest.with(shared, { ...loop, n: end - first })),
    from: from + first * loop.in,
    to: to + first * loop.out,
    bytes,
  }));
}

/** At most three loops as arguments. */
function loopsOf(loops: readonly Loop[]) {
  const [l1, l2, l3] = [ONCE, ONCE, ONCE, ...loops].slice(-3) as [
    Loop,
    Loop,
    Loop,
  ];
  return {
    n1: l1.n,
    in1: l1.in,
    out1: l1.out,
    n2: l2.n,
    in2: l2.in,
    out2: l2.out,
    n3: l3.n,
    in3: l3.in,
    out3: l3.out,
  };
}

function moveBytes(
  from: number,
  to: number,
  loops: readonly Loop[],
  bytes: number,
) {
  recording.now?.wasm?.memory();
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
    // Threads share the outer loops or a side of the planes.
    const loops = [...[ONCE, ONCE, ...outer].slice(-2), row, last] as [
      Loop,
      Loop,
      Loop,
      Loop,
    ];
    const work = total(loops, bytes) / SINGLE;
    const shared = sharedLoop(loops, partsOf(work)), loop = loops[shared]!;
    transposePlanes.ranges(loop.n, work, (first, end) => {
      const [l1, l2, row, last] = loops.with(shared, {
        ...loop,
        n: end - first,
      }) as typeof loops;
      return {
        to: to + first * loop.out,
        toRow: row.out,
        from: from + first * loop.in,
        fromRow: last.in,
        rows: row.n,
        columns: last.n,
        n1: l1.n,
        in1: l1.in,
        out1: l1.out,
        n2: l2.n,
        in2: l2.in,
        out2: l2.out,
      };
    }, shared > 1 ? 4 : 1);
  };
  visit(from, to, others);
}
