/**
 * Axes of charts: scale, round numbers, and labels.
 *
 * @module
 */

/** An axis of a chart. */
export interface Axis {
  /** The screen coordinate of a value. */
  readonly at: (value: number) => number;
  /** The values that are labeled. */
  readonly ticks: readonly number[];
  /** The screen coordinates of both ends. */
  readonly ends: readonly [start: number, end: number];
  /** The values at both ends. */
  readonly range: readonly [min: number, max: number];
  /** Whether it is logarithmic. */
  readonly log: boolean;
}

/**
 * An axis for `values`, from screen coordinate `start` to `end`.
 *
 * @param log Whether it is logarithmic.
 * @param widen Whether a linear axis ends at round numbers.
 */
export function makeAxis(
  values: readonly number[],
  log: boolean,
  start: number,
  end: number,
  widen = false,
): Axis {
  const scale = log ? Math.log10 : (x: number) => x;
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (values.length === 0) [min, max] = [log ? 0.1 : 0, 1];
  // Values that differ by rounding only are drawn as equal ones.
  const size = Math.max(Math.abs(min), Math.abs(max));
  if (max - min <= 1e-9 * size || size < 1e-300) {
    const room = log ? 0 : Math.abs(min) / 2 || 1;
    [min, max] = log ? [min / 2, max * 2] : [min - room, max + room];
  }
  let ticks = ticksOf(min, max, log);
  if (widen && !log) {
    const step = ticks[1]! - ticks[0]!;
    min = Math.floor(min / step + 1e-9) * step;
    max = Math.ceil(max / step - 1e-9) * step;
    ticks = ticksOf(min, max, log);
  }
  const [from, to] = [scale(min), scale(max)];
  return {
    at: (value) => start + (scale(value) - from) / (to - from) * (end - start),
    ticks,
    ends: [start, end],
    range: [min, max],
    log,
  };
}

/**
 * About six round numbers from `min` to `max`; on a logarithmic axis powers of ten,
 * also 2 and 5 times these if there are few.
 *
 * The script of a page has the text of this function, which must need nothing else.
 */
export function ticksOf(min: number, max: number, log: boolean): number[] {
  // Closer numbers are no different ticks, of twelve digits.
  if (max - min <= 1e-10 * Math.max(Math.abs(min), Math.abs(max))) return [min];
  const ticks: number[] = [];
  const decades = log ? Math.log10(max / min) : 0;
  if (decades < 0.7) {
    const rough = (max - min) / 6;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((s) => s * power >= rough * 0.999)! * power;
    const first = Math.ceil(min / step - 1e-9);
    for (let i = first; i * step <= max + 1e-9 * step; i++) {
      ticks.push(Number((i * step).toPrecision(12)));
    }
    return ticks;
  }
  const every = Math.max(1, Math.ceil(decades / 7));
  const factors = decades < 2.5 ? [1, 2, 5] : [1];
  for (let p = Math.floor(Math.log10(min)); p <= Math.log10(max); p += every) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** p).toPrecision(3));
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}

/**
 * The text of a tick.
 *
 * The script of a page has the text of this function, which must need nothing else.
 */
export function tickLabel(tick: number, ticks: readonly number[]): string {
  const largest = Math.max(...ticks.map(Math.abs));
  const isSmall = Math.abs(tick) < 1e-3 && largest < 1;
  if (tick === 0) return "0";
  if (largest >= 1e6 || isSmall) {
    return tick.toExponential().replace("e+", "e");
  }
  return largest >= 10000 ? `${tick / 1000}k` : String(tick);
}
