/**
 * The points of lines: thinned, smoothed, and as SVG paths.
 *
 * @module
 */

/** A point of a line. */
export type Point = readonly [x: number, y: number];

/** The most points of a line; a screen shows no more. */
const MAX_POINTS = 600;

/** The commands of an SVG path; `undefined` leaves a gap. */
export function pathOf(points: readonly (Point | undefined)[]): string {
  let pen = "M";
  return points.map((point) => {
    if (point === undefined) {
      pen = "M";
      return "";
    }
    const command = `${pen}${round(point[0])} ${round(point[1])}`;
    pen = "L";
    return command;
  }).join("");
}

/** Fewer points: the smallest and largest of each interval, so that spikes remain. */
export function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MAX_POINTS) return points;
  const size = Math.ceil(2 * points.length / MAX_POINTS);
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const interval = points.slice(start, start + size);
    const gap = interval.find(([, y]) => !Number.isFinite(y));
    const low = interval.reduce((a, b) => b[1] < a[1] ? b : a);
    const high = interval.reduce((a, b) => b[1] > a[1] ? b : a);
    if (gap) kept.push(gap);
    else if (low === high) kept.push(low);
    else kept.push(...[low, high].sort((a, b) => a[0] - b[0]));
  }
  return kept;
}

/** A moving average over about a fiftieth of the points. */
export function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.ceil(points.length / 100);
  const sums = [0];
  const counts = [0];
  for (const [, y] of points) {
    const known = Number.isFinite(y);
    sums.push(sums.at(-1)! + (known ? y : 0));
    counts.push(counts.at(-1)! + (known ? 1 : 0));
  }
  return points.map(([x], i) => {
    // The same number on both sides where lines are steep, at the start. At the end one
    // side is left: single points there would look like jumps.
    const side = Math.min(reach, i);
    const from = i - side;
    const to = Math.min(points.length, i + side + 1);
    return [x, (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!)];
  });
}

/** `x` to one decimal, as coordinates are written. */
export function round(x: number): number {
  return Math.round(x * 10) / 10;
}
