/**
 * The inside of line charts: axes and lines.
 *
 * @module
 */
import { type Axis, makeAxis, tickLabel } from "./axis.ts";
import { escapeXml, fillOf, isDashed, strokeOf } from "./palette.ts";
import { pathOf, type Point, round, smoothed, thinned } from "./points.ts";

/** A line of a chart. */
export interface Series {
  /** The name in the legend. */
  readonly name: string;
  /** The points by ascending `x`; points that are not finite leave a gap. */
  readonly points: readonly Point[];
  /**
   * The index of its color, of which there are eight; from 8 on they are the same again,
   * with dashed lines. Default: the index of the line.
   */
  readonly color?: number;
  /**
   * Whether to draw a smoothed line, and the points faintly behind it.
   *
   * @default {false}
   */
  readonly smooth?: boolean;
  /** Whether to mark each point. Default: if there are at most 30. */
  readonly marks?: boolean;
}

/** What a plot shows. */
export interface PlotOptions {
  /** The label of the horizontal axis. */
  readonly x: string;
  /** The lines. */
  readonly series: readonly Series[];
  /** Whether the vertical axis is logarithmic. */
  readonly log: boolean;
  /** Whether the horizontal axis is logarithmic. */
  readonly logX: boolean;
  /** Where the horizontal axis begins and ends. Default: where the points do. */
  readonly range?: readonly [from: number, to: number];
  /** A vertical line with a label. */
  readonly mark?: { readonly x: number; readonly label: string };
}

/** A plot in parts, each the text of SVG elements. */
export interface Plot {
  readonly x: Axis;
  readonly y: Axis;
  /** The grid and the labels of both axes. */
  readonly axes: string;
  /** One element for each line. */
  readonly lines: readonly string[];
  /** What is drawn over the lines. */
  readonly notes: string;
}

/** The size of a chart, and where its plot begins and ends. */
export const SIZE = {
  width: 560,
  left: 62,
  right: 536,
  top: 34,
  bottom: 256,
} as const;

const { width: WIDTH, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM } =
  SIZE;

/** Draw a plot. */
export function plotOf(options: PlotOptions): Plot {
  const { series, log, logX, range } = options;
  const isDrawable = ([x, y]: Point) =>
    Number.isFinite(x) && Number.isFinite(y) && (!log || y > 0) &&
    (!logX || x > 0);
  const points = series.flatMap((s) => s.points).filter(isDrawable);
  const xAxis = makeAxis(range ?? points.map(([x]) => x), logX, LEFT, RIGHT);
  const values = points.map(([, y]) => y);
  const yAxis = makeAxis(values, log, BOTTOM, TOP, true);
  const toScreen = (point: Point): Point | undefined =>
    isDrawable(point) ? [xAxis.at(point[0]), yAxis.at(point[1])] : undefined;
  return {
    x: xAxis,
    y: yAxis,
    axes: axesOf(xAxis, yAxis, options.x),
    lines: series.map((s, i) => `<g>${lineOf(s, s.color ?? i, toScreen)}</g>`),
    notes: markOf(options.mark, xAxis) + (points.length > 0 ? "" : NO_VALUES),
  };
}

const NO_VALUES = `<text x="${(LEFT + RIGHT) / 2}" y="${
  (TOP + BOTTOM) / 2
}" text-anchor="middle">no values</text>`;

function axesOf(x: Axis, y: Axis, label: string): string {
  const rows = y.ticks.map((tick) => {
    const at = round(y.at(tick));
    return `<path d="M${LEFT} ${at}H${RIGHT}" class="grid"/>` +
      `<text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${
        tickLabel(tick, y.ticks)
      }</text>`;
  });
  const columns = x.ticks.map((tick) =>
    `<text x="${round(x.at(tick))}" y="${BOTTOM + 18}" text-anchor="middle">${
      tickLabel(tick, x.ticks)
    }</text>`
  );
  return `<g class="axes">${rows.join("")}${columns.join("")}</g>` +
    `<text x="${RIGHT}" y="${BOTTOM + 36}" text-anchor="end">${
      escapeXml(label)
    }</text>`;
}

function lineOf(
  { points, smooth = false, marks = points.length <= 30 }: Series,
  color: number,
  toScreen: (point: Point) => Point | undefined,
): string {
  const dashes = isDashed(color) ? ' stroke-dasharray="6 3"' : "";
  const path = (points: readonly Point[], style: string) =>
    `<path d="${pathOf(points.map(toScreen))}" ${
      strokeOf(color)
    } fill="none" stroke-linejoin="round" ${style}/>`;
  const thin = thinned(points);
  if (smooth && points.length > 20) {
    return path(thin, 'stroke-opacity="0.3"') +
      path(thinned(smoothed(points)), `stroke-width="2"${dashes}`);
  }
  // Lines of no length with round ends stay round if a page stretches the plot.
  const dots = (marks || points.length === 1 ? thin : [])
    .map(toScreen).filter((at) => at !== undefined)
    .map(([x, y]) => `M${round(x)} ${round(y)}h0`).join("");
  return path(thin, `stroke-width="2"${dashes}`) +
    (dots === ""
      ? ""
      : `<path d="${dots}" ${
        strokeOf(color)
      } fill="none" stroke-width="5.5" stroke-linecap="round"/>`);
}

function markOf(mark: PlotOptions["mark"], axis: Axis): string {
  if (!mark) return "";
  const x = round(axis.at(mark.x));
  return `<path d="M${x} ${TOP}V${BOTTOM}" stroke="currentColor" stroke-dasharray="4 3"/>` +
    `<text x="${x}" y="${TOP + 10}" ${
      x > WIDTH / 2 ? 'text-anchor="end" dx="-6"' : 'dx="6"'
    }>${escapeXml(mark.label)}</text>`;
}

/** A small square in a color, in two halves if the line is dashed. */
export function swatch(x: number, y: number, color: number): string {
  const rect = (x: number, width: number, round: number) =>
    `<rect x="${x}" y="${y}" width="${width}" height="10" rx="${round}" ${
      fillOf(color)
    }/>`;
  const left = round(x);
  return isDashed(color)
    ? rect(left, 4, 0) + rect(round(left + 6), 4, 0)
    : rect(left, 10, 2);
}
