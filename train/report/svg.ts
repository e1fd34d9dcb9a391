/**
 * Line charts as SVG text.
 *
 * @module
 */
import { formatNumber } from "../format.ts";

/** A point of a line. */
export type Point = readonly [x: number, y: number];

/** A line of a chart. */
export interface Series {
  /** What the legend says. */
  readonly name: string;
  /** The points, by ascending `x`; those that are not finite leave a gap. */
  readonly points: readonly Point[];
  /** Which of the eight colors. Default: the place in the list. */
  readonly color?: number;
  /**
   * Draw the points faintly, and over them their smoothed course.
   *
   * @default {false}
   */
  readonly smooth?: boolean;
  /** Mark each point. Default: where there are at most 30. */
  readonly marks?: boolean;
}

/** Options of {@linkcode lineChart}. */
export interface LineChartOptions {
  /** The title. */
  readonly title: string;
  /** What the horizontal axis counts. */
  readonly x?: string;
  /** The lines. */
  readonly series: readonly Series[];
  /** A logarithmic vertical axis; needs positive values. @default {false} */
  readonly log?: boolean;
  /** A logarithmic horizontal axis; needs positive values. @default {false} */
  readonly logX?: boolean;
  /** A vertical line with a label. */
  readonly mark?: { readonly x: number; readonly label: string };
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 62;
const RIGHT = 24;
const TOP = 34;
const BOTTOM = 44;
/** More points than this are thinned out; a screen shows no more. */
const MAX_POINTS = 600;

/** The colors of Okabe and Ito, told apart by color-blind readers, without black. */
const COLORS: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#8a6fdf",
  "#7f7f7f",
];

/** The color of the `i`-th line or class. */
export function colorOf(i: number): string {
  return COLORS[i % COLORS.length]!;
}

/**
 * Draw lines.
 *
 * Inside a page, text and grid take its color, so the chart fits light and dark
 * ones; in a file of its own it is dark on white.
 *
 * @param options See {@linkcode LineChartOptions}.
 * @returns An `<svg>` element.
 */
export function lineChart(options: LineChartOptions): string {
  const { title, x: xLabel = "step", log = false, logX = false } = options;
  const drawable = ([x, y]: Point) =>
    Number.isFinite(x) && Number.isFinite(y) && (!log || y > 0) &&
    (!logX || x > 0);
  const points = options.series.flatMap((s) => s.points).filter(drawable);
  const xAxis = axis(points.map(([x]) => x), logX, LEFT, WIDTH - RIGHT);
  const yAxis = axis(
    points.map(([, y]) => y),
    log,
    HEIGHT - BOTTOM,
    TOP,
    true,
  );

  const grid = yAxis.ticks.map((tick) => {
    const y = round(yAxis.at(tick));
    return `<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" class="grid"/>` +
      `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${
        tickLabel(tick, yAxis.ticks)
      }</text>`;
  });
  const labels = xAxis.ticks.map((tick) =>
    `<text x="${round(xAxis.at(tick))}" y="${
      HEIGHT - BOTTOM + 18
    }" text-anchor="middle">${tickLabel(tick, xAxis.ticks)}</text>`
  );
  const lines = options.series.map((series, i) => {
    const color = colorOf(series.color ?? i);
    const toScreen = ([x, y]: Point): Point => [xAxis.at(x), yAxis.at(y)];
    const path = (points: readonly Point[], style: string) => {
      const gaps = points.map((p) => drawable(p) ? toScreen(p) : undefined);
      return `<path d="${
        pathOf(gaps)
      }" fill="none" stroke="${color}" stroke-linejoin="round" ${style}/>`;
    };
    const thin = thinned(series.points);
    if (series.smooth && series.points.length > 20) {
      return path(thin, 'stroke-opacity="0.25"') +
        path(thinned(smoothed(series.points)), 'stroke-width="2"');
    }
    const { marks = series.points.length <= 30 } = series;
    return path(thin, 'stroke-width="2"') +
      (marks || series.points.length === 1
        ? thin.filter(drawable).map(toScreen).map(([x, y]) =>
          `<circle cx="${round(x)}" cy="${round(y)}" r="2.5" fill="${color}"/>`
        ).join("")
        : "");
  });
  const { mark } = options;
  const markX = mark ? round(xAxis.at(mark.x)) : 0;
  const marker = mark
    ? `<path d="M${markX} ${TOP}V${
      HEIGHT - BOTTOM
    }" stroke="currentColor" stroke-dasharray="4 3"/>` +
      `<text x="${markX}" y="${TOP + 10}" ${
        markX > WIDTH / 2 ? 'text-anchor="end" dx="-6"' : 'dx="6"'
      }>${escapeXml(mark.label)}</text>`
    : "";
  const empty = points.length === 0
    ? `<text x="${WIDTH / 2}" y="${
      HEIGHT / 2
    }" text-anchor="middle">no values</text>`
    : "";

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${
    escapeXml(title)
  }" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">
<style>svg:root{color:#333;background:#fff}.grid{stroke:currentColor;stroke-opacity:.15;fill:none}</style>
<text x="${LEFT}" y="18" font-size="14" font-weight="600">${
    escapeXml(title)
  }</text>
${legend(options.series)}
${grid.join("")}
${labels.join("")}
<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${
    escapeXml(xLabel)
  }</text>
${lines.join("\n")}
${marker}${empty}
</svg>`;
}

/** Text that may stand in XML and HTML, also inside an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function axis(
  values: readonly number[],
  log: boolean,
  start: number,
  end: number,
  /** Whether the axis ends at round numbers, if it is linear. */
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

/** Powers of ten; also 2 and 5 times these where they would be few. */
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

function tickLabel(tick: number, ticks: readonly number[]): string {
  const largest = Math.max(...ticks.map(Math.abs));
  if (tick !== 0 && (largest < 1e-3 || largest >= 1e6)) {
    return tick.toExponential().replace("e+", "e");
  }
  if (largest >= 10000) return `${tick / 1000}k`;
  return tick !== 0 && Math.abs(tick) < 1e-3
    ? formatNumber(tick)
    : String(tick);
}

/** The names of the lines, below the chart; those that do not fit are left out. */
function legend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  const entries: string[] = [];
  let x = LEFT;
  for (const [i, s] of series.entries()) {
    const name = s.name.length > 24 ? s.name.slice(0, 23) + "…" : s.name;
    const width = name.length * 6.6 + 28;
    if (x + width > WIDTH - 60) {
      entries.push(`<text x="${round(x)}" y="${HEIGHT - 8}">…</text>`);
      break;
    }
    entries.push(
      `<rect x="${round(x)}" y="${
        HEIGHT - 18
      }" width="10" height="10" rx="2" fill="${colorOf(s.color ?? i)}"/>` +
        `<text x="${round(x + 14)}" y="${HEIGHT - 8}">${
          escapeXml(name)
        }</text>`,
    );
    x += width;
  }
  return entries.join("");
}

function pathOf(points: readonly (Point | undefined)[]): string {
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

/** The smallest and the largest point of each stretch, so that spikes stay. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MAX_POINTS) return points;
  const size = Math.ceil(2 * points.length / MAX_POINTS);
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const stretch = points.slice(start, start + size);
    const gap = stretch.find(([, y]) => !Number.isFinite(y));
    const low = stretch.reduce((a, b) => b[1] < a[1] ? b : a);
    const high = stretch.reduce((a, b) => b[1] > a[1] ? b : a);
    if (gap) kept.push(gap);
    else if (low === high) kept.push(low);
    else kept.push(...[low, high].sort((a, b) => a[0] - b[0]));
  }
  return kept;
}

/** Each value averaged with its neighbors, over about a fiftieth of all. */
function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.ceil(points.length / 100);
  const sums = [0];
  const counts = [0];
  for (const [, y] of points) {
    const known = Number.isFinite(y);
    sums.push(sums.at(-1)! + (known ? y : 0));
    counts.push(counts.at(-1)! + (known ? 1 : 0));
  }
  return points.map(([x], i) => {
    // As many on either side, so that the ends do not lag.
    const side = Math.min(reach, i, points.length - 1 - i);
    const [from, to] = [i - side, i + side + 1];
    return [x, (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!)];
  });
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}
