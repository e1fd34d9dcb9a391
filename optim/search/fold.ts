/**
 * A smooth map of all numbers to those between 0 and 1.
 *
 * @module
 */

/** How close to an end the map begins to bend. */
const MARGIN = 1 / 20;

/**
 * The number between 0 and 1 that `y` stands for: `y` itself, but near an end, where
 * a parabola of `y` takes its place whose least value is the end. Beyond the parabola
 * the map is mirrored.
 *
 * ```text
 * x = y                    for a ≤ y ≤ 1 - a, a = 1/20
 * x = (y + a)² / (4 a)     for -a ≤ y < a; likewise at 1
 * ```
 *
 * It is the transformation of bounds in pycma's `BoundTransform`.
 */
export function foldIn(y: number): number {
  const period = 2 * (1 + 2 * MARGIN);
  const from = y + MARGIN;
  const place = from - period * Math.floor(from / period);
  const inside = Math.min(place, period - place) - MARGIN;
  if (inside < MARGIN) return (inside + MARGIN) ** 2 / (4 * MARGIN);
  if (inside <= 1 - MARGIN) return inside;
  return 1 - (1 + MARGIN - inside) ** 2 / (4 * MARGIN);
}

/** The number between -a and 1 + a that stands for `x`. */
export function unfold(x: number): number {
  if (x < MARGIN) return Math.sqrt(4 * MARGIN * x) - MARGIN;
  if (x <= 1 - MARGIN) return x;
  return 1 + MARGIN - Math.sqrt(4 * MARGIN * (1 - x));
}
