/**
 * Orders of axes.
 *
 * @module
 */
/** The sizes of `shape` in the order of `axes`. */
export function permute<T>(shape: readonly T[], axes: readonly number[]): T[] {
  return axes.map((axis) => shape[axis]!);
}

/** The inverse permutation of `axes`. */
export function inverse(axes: readonly number[]): number[] {
  return axes.map((_, axis) => axes.indexOf(axis));
}
