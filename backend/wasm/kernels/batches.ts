/**
 * Which matrices are multiplied with which, where batches broadcast.
 *
 * @module
 */

/** Offsets of the matrices that each matrix of the result is made from. */
export function offsets(
  shape: readonly number[],
  batch: readonly number[],
  step: number,
): number[] {
  const missing = batch.length - shape.length;
  let at = [0];
  let stride = step;
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    const own = axis < missing ? 1 : shape[axis - missing]!,
      by = own === 1 ? 0 : stride;
    const inner = at;
    at = Array.from(
      { length: batch[axis]! },
      (_, i) => inner.map((x) => x + i * by),
    ).flat();
    stride *= own;
  }
  return at;
}

/** Consecutive entries that differ by the same steps, as `[first, count, aStep, bStep]`. */
export function runs(
  a: readonly number[],
  b: readonly number[],
): [number, number, number, number][] {
  const found: [number, number, number, number][] = [];
  for (let first = 0; first < a.length;) {
    let next = first + 1;
    const aStep = (a[next] ?? 0) - a[first]!,
      bStep = (b[next] ?? 0) - b[first]!;
    while (
      next < a.length && a[next]! - a[next - 1]! === aStep &&
      b[next]! - b[next - 1]! === bStep
    ) next++;
    found.push([
      first,
      next - first,
      next - first > 1 ? aStep : 0,
      next - first > 1 ? bStep : 0,
    ]);
    first = next;
  }
  return found;
}
