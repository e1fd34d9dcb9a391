/**
 * Masks: selections of parameters.
 *
 * @module
 */

/**
 * Selects parameters: those with a path that a regular expression matches, or those
 * for which a function of path and shape returns true.
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
  // `search` ignores `lastIndex`, which a global expression would continue from.
  if (mask instanceof RegExp) return path.search(mask) >= 0;
  return mask(path, shape);
}

/** Selects parameters of two or more axes: weights, not biases and gains. */
export function isMatrix(_path: string, shape: readonly number[]): boolean {
  return shape.length > 1;
}
