/**
 * Permuting the axes of arrays on the host.
 *
 * @module
 */
import type { Elements } from "./header.ts";

/** The sizes of `shape` in the order of `axes`. */
export function permute<T>(shape: readonly T[], axes: readonly number[]): T[] {
  return axes.map((axis) => shape[axis]!);
}

/** The inverse permutation of `axes`. */
export function inverse(axes: readonly number[]): number[] {
  return axes.map((_, axis) => axes.indexOf(axis));
}

/**
 * Permute the axes of an array, as `tf.transpose` does.
 *
 * @param elements The elements, last axis fastest.
 * @param shape The sizes of the axes.
 * @param axes The axis that becomes the first, the second, ...
 * @returns A new array.
 */
export function transposed<E extends Elements>(
  elements: E,
  shape: readonly number[],
  axes: readonly number[],
): E {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, size) => product * size, 1)
  );
  const sizes = permute(shape, axes);
  const steps = permute(strides, axes);
  const result = elements.slice() as E;
  const index = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = elements[from]!;
    // Increment the index, last axis fastest.
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
