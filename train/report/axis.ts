/**
 * Axes of charts: scale, round numbers, and labels.
 *
 * @module
 */
import { formatNumber } from "../format.ts";

/** An axis of a chart. */
export interface Axis {
  /** The screen coordinate of a value. */
  readonly at: (value: number) => number;
  /** The values that are labeled. */
  readonly ticks: readonly number[];
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
  if (values.length === 0) [min, max] = [0, 1];
  if (min === max) {
    const room = log ? 0 : Math.abs(min) / 2 || 1;
    [min, max] = log ? [min / 2, max * 2] : [min - room, max + room];
  }
  const step = stepOf(min, max);
  if (widen && !log) {
    min = Math.floor(min / step + 1e-9) * step;
    max = Math.ceil(max / step - 1e-9) * step;
  }
  const ticks = log ? logTicks(min, max) : linearTicks(min, max, step);
  const [from, to] = [scale(min), scale(max)];
  return {
    at: (value) => start + (scale(value) - from) / (to - from) * (end - start),
    ticks,
  };
}

/** The distance between about five ticks. */
function stepOf(min: number, max: number): number {
  const rough = (max - min) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find((s) => s * power >= rough * 0.999)! * power;
}

/** About five round numbers. */
function linearTicks(min: number, max: number, step: number): number[] {
  const ticks: number[] = [];
  for (
    let i = Math.ceil(min / step - 1e-9);
    i * step <= max + 1e-9 * step;
    i++
  ) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten; also 2 and 5 times these if there are few. */
function logTicks(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  if (decades < 0.7) return linearTicks(min, max, stepOf(min, max));
  const every = Math.max(1, Math.ceil(decades / 7));
  const factors = decades < 2.5 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let p = Math.floor(Math.log10(min)); p <= Math.log10(max); p += every) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** p).toPrecision(3));
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}

/** The text of a tick. */
export function tickLabel(tick: number, ticks: readonly number[]): string {
  const largest = Math.max(...ticks.map(Math.abs));
  if (tick !== 0 && (largest < 1e-3 || largest >= 1e6)) {
    return tick.toExponential().replace("e+", "e");
  }
  if (largest >= 10000) return `${tick / 1000}k`;
  return tick !== 0 && Math.abs(tick) < 1e-3
    ? formatNumber(tick)
    : String(tick);
}
