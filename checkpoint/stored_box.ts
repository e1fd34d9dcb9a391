/**
 * Boxes of elements that states and tensors in a file have in common.
 *
 * @module
 */
import { refuse } from "../internal/check.ts";

/** A box of elements that a state and a tensor in a file have in common. */
export interface StoredBox {
  /** The name of the tensor in the file. */
  readonly name: string;
  /** The whole shape of the tensor in the file. */
  readonly shape: readonly number[];
  /** Where the box begins in the file's tensor. */
  readonly from: readonly number[];
  /** Where the box begins in the state. */
  readonly at: readonly number[];
  /** The sizes of the box, in the order of the state's axes. */
  readonly size: readonly number[];
  /** For each axis of the file's tensor, the axis of the state that it is. */
  readonly axes: readonly number[];
  /** What elements of the file are multiplied by to be those of the state. */
  readonly sign: 1 | -1;
  /** Added to elements that are loaded then, and subtracted from those that are saved. */
  readonly plus: number;
  /** Whether it is the only one at its place in the state, or a term of a sum. */
  readonly term: "only" | "first" | "other";
}

/** The part of `box` from `begin` on along `axis`, counted from there. */
export function cut(
  box: StoredBox,
  axis: number,
  begin: number,
  length: number,
): StoredBox[] {
  const start = Math.max(box.at[axis]!, begin);
  const end = Math.min(box.at[axis]! + box.size[axis]!, begin + length);
  if (start >= end) return [];
  const skipped = start - box.at[axis]!;
  return [{
    ...box,
    at: box.at.with(axis, start - begin),
    size: box.size.with(axis, end - start),
    from: box.from.map((x, i) => box.axes[i] === axis ? x + skipped : x),
  }];
}

/** The size of an axis of a state. */
export function lengthOf(shape: readonly number[], axis: number): number {
  if (axis < shape.length) return shape[axis]!;
  const is = `below the rank of the state, of shape [${shape.join(", ")}]`;
  return refuse("use a stored value", "axis", is, axis);
}

/** The sum of numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, x) => total + x, 0);
}

/** A box of elements of a tensor in a file. */
export interface FileBox {
  /** Where it begins. */
  readonly from: readonly number[];
  /** Its sizes. */
  readonly size: readonly number[];
}

/** How many elements of `whole` are in none of `boxes`, which may overlap. */
export function elementsOutside(
  boxes: readonly FileBox[],
  { from, size }: FileBox,
): number {
  const count = size.reduce((product, length) => product * length, 1);
  if (count === 0) return 0;
  const met = boxes.find((box) =>
    box.from.every((x, i) =>
      x < from[i]! + size[i]! && from[i]! < x + box.size[i]!
    )
  );
  if (!met) return count;
  // What lies before and after the box on each axis, within it on the axes before.
  let outside = 0, begin = from, left = size;
  for (const [i, x] of met.from.entries()) {
    const end = begin[i]! + left[i]!;
    const first = Math.max(x, begin[i]!);
    const last = Math.min(x + met.size[i]!, end);
    const before = { from: begin, size: left.with(i, first - begin[i]!) };
    const after = { from: begin.with(i, last), size: left.with(i, end - last) };
    outside += elementsOutside(boxes, before) + elementsOutside(boxes, after);
    begin = begin.with(i, first);
    left = left.with(i, last - first);
  }
  return outside;
}
