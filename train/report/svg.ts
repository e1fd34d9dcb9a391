/**
 * Line charts as SVG.
 *
 * @module
 */
import {
  anything,
  boolean,
  checkOptions,
  listOf,
  type OptionRules,
  string,
} from "../../internal/check.ts";
import { makeAxis, tickLabel } from "./axis.ts";
import { pathOf, type Point, round, smoothed, thinned } from "./points.ts";

/** A line of a chart. */
export interface Series {
  /** The name in the legend. */
  readonly name: string;
  /** The points by ascending `x`; points that are not finite leave a gap. */
  readonly points: readonly Point[];
  /** The index of one of the eight colors. Default: the index of the line. */
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

/** Options of {@linkcode lineChart}. */
export interface LineChartOptions {
  /** The title. */
  readonly title: string;
  /** The label of the horizontal axis. @default {"step"} */
  readonly x?: string;
  /** The lines. */
  readonly series: readonly Series[];
  /** Whether the vertical axis is logarithmic; others than positive values are left out. @default {false} */
  readonly log?: boolean;
  /** Whether the horizontal axis is logarithmic. @default {false} */
  readonly logX?: boolean;
  /** A vertical line with a label. */
  readonly mark?: { readonly x: number; readonly label: string };
}

const RULES: OptionRules<LineChartOptions> = {
  title: string,
  x: string,
  series: listOf(anything),
  log: boolean,
  logX: boolean,
  mark: anything,
};

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 62;
const RIGHT = 24;
const TOP = 34;
const BOTTOM = 44;
/** The colors of Okabe and Ito without black; color-blind readers can tell them apart. */
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
 * Draw a line chart.
 *
 * Inside a page, text and grid have the text color of the page, so that the chart
 * fits light and dark themes. As a file it is dark on white.
 *
 * @param options See {@linkcode LineChartOptions}.
 * @returns An `<svg>` element.
 */
export function lineChart(options: LineChartOptions): string {
  checkOptions("draw a chart", options, RULES);
  const { title, x: xLabel = "step", log = false, logX = false } = options;
  const drawable = ([x, y]: Point) =>
    Number.isFinite(x) && Number.isFinite(y) && (!log || y > 0) &&
    (!logX || x > 0);
  const points = options.series.flatMap((s) => s.points).filter(drawable);
  const xAxis = makeAxis(points.map(([x]) => x), logX, LEFT, WIDTH - RIGHT);
  const yAxis = makeAxis(
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

/** Escape text for XML and HTML, attributes included. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** The names of the lines, below the chart, as many as fit. */
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
