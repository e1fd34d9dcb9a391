/**
 * Masks: which parameters something applies to.
 *
 * @module
 */

/**
 * Which parameters: those whose path a regular expression matches, or those for
 * which a function of path and shape returns true.
 */
export type Mask =
  | RegExp
  | ((path: string, shape: readonly number[]) => boolean);

/** Whether `mask` holds for a parameter; without a mask it does. */
export function matches(
  mask: Mask | undefined,
  path: string,
  shape: readonly number[],
): boolean {
  if (!mask) return true;
  // `search` starts at 0 even where a global expression remembers its place.
  if (mask instanceof RegExp) return path.search(mask) >= 0;
  return mask(path, shape);
}

/** The mask of matrices and kernels: not of biases and gains. */
export function isMatrix(_path: string, shape: readonly number[]): boolean {
  return shape.length > 1;
}
