/**
 * The nearest of some names, for errors that refuse a misspelled one. Internal.
 *
 * @module
 */

/**
 * The one of `names` that `name` most likely stands for: `tMax` for `T_max`,
 * `bias` for `useBias`, `betas` for `beta1`; undefined if none is like it.
 */
export function nearest(
  name: string,
  names: readonly string[],
): string | undefined {
  let best: string | undefined, least = Infinity;
  for (const candidate of names) {
    const [a, b] = [plain(name), plain(candidate)];
    const changes = distance(a, b);
    if (changes > Math.max(a.length, b.length) / 2) continue;
    // Of names that are as near, the one of nearly the same length.
    const cost = changes + Math.abs(a.length - b.length) / 100;
    if (cost < least) [best, least] = [candidate, cost];
  }
  return best;
}

function plain(name: string): string {
  return name.replaceAll(/[_\-\s]/g, "").toLowerCase();
}

/** How many letters change from `a` to `b`; leaving out a whole word costs one. */
function distance(a: string, b: string): number {
  if (a === b) return 0;
  if (a.length > 2 && b.length > 2 && (a.includes(b) || b.includes(a))) {
    return 1;
  }
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
