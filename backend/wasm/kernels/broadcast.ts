/**
 * Broadcasting as loops over rows.
 *
 * @module
 */
import { joined, type Loop, move } from "./moves.ts";
import { free, output, pointer } from "../machine/registry.ts";

/** Loops over the result, the first the outermost: steps in elements of `a` and `b`. */
export function broadcast(
  a: readonly number[],
  b: readonly number[],
  shape: readonly number[],
): Loop[] {
  const steps = (own: readonly number[]) => {
    const missing = shape.length - own.length;
    let step = 1;
    const result = shape.map(() => 0);
    for (let axis = own.length - 1; axis >= 0; axis--) {
      if (own[axis] !== 1) result[axis + missing] = step;
      step *= own[axis]!;
    }
    return result;
  };
  const [left, right] = [steps(a), steps(b)];
  const loops = joined(
    shape.map((n, i) => ({ n, in: left[i]!, out: right[i]! })),
  );
  return loops.length ? loops : [{ n: 1, in: 1, out: 1 }];
}

/** Call `row` for each pair of the last two loops, with where it begins in `a`, `b` and the result. */
export function eachRows(
  loops: readonly Loop[],
  row: (rows: Loop, inner: Loop, a: number, b: number, y: number) => void,
) {
  const inner = loops.at(-1)!, rows = loops.at(-2) ?? { n: 1, in: 0, out: 0 };
  let y = 0;
  const visit = (a: number, b: number, [loop, ...rest]: readonly Loop[]) => {
    if (!loop) {
      row(rows, inner, a, b, y);
      y += rows.n * inner.n;
    } else {
      for (let i = 0; i < loop.n; i++) {
        visit(a + i * loop.in, b + i * loop.out, rest);
      }
    }
  };
  visit(0, 0, loops.slice(0, -2));
}

/** Columns under which a row costs more than its elements. */
const NARROW = 32;

/**
 * Run `fn` with loops over wider rows, where one operand is a narrow row that is
 * repeated: it is laid out often enough first.
 */
export function widened(
  [pa, pb]: readonly [number, number],
  loops: readonly Loop[],
  fn: (pa: number, pb: number, loops: readonly Loop[], done: number) => void,
) {
  const [rows, inner] = loops as [Loop, Loop];
  const isNarrow = loops.length === 2 && inner.n < NARROW &&
    inner.in === 1 && inner.out === 1 && rows.n >= 4 * NARROW;
  const isLeft = isNarrow && rows.in === 0;
  if (!isLeft && !(isNarrow && rows.out === 0)) return fn(pa, pb, loops, 0);
  const times = Math.ceil(4 * NARROW / inner.n), n = times * inner.n;
  const row = output([n]), bytes = 4 * inner.n, at = pointer(row);
  move(isLeft ? pa : pb, at, [{ n: times, in: 0, out: bytes }], bytes);
  const [p, q] = isLeft ? [at, pb] : [pa, at];
  const whole = Math.floor(rows.n / times),
    done = whole * times,
    rest = rows.n - done;
  const step = (loop: Loop, n: number, times: number) => ({
    n,
    in: loop.in * times,
    out: loop.out * times,
  });
  fn(p, q, [step(rows, whole, times), { n, in: 1, out: 1 }], 0);
  if (rest > 0) {
    const [i, j] = [4 * done * rows.in, 4 * done * rows.out];
    fn(p + i, q + j, [step(rows, rest, 1), inner], done * inner.n);
  }
  free(row);
}
