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
import { escapeXml } from "./palette.ts";
import { plotOf, type PlotOptions, type Series, SIZE, swatch } from "./plot.ts";
import { round } from "./points.ts";

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

/** The height of the chart above the legend, and of each row of it. */
const HEIGHT = 300;
const ROW = 18;

/**
 * Draw a line chart, with a legend below if there are several lines.
 *
 * Inside a page, text and grid have the text color of the page, so that the chart
 * fits light and dark themes. As a file it is dark on white.
 *
 * @param options See {@linkcode LineChartOptions}.
 * @returns An `<svg>` element.
 */
export function lineChart(options: LineChartOptions): string {
  checkOptions("draw a chart", options, RULES);
  return drawChart(options);
}

/** Draw a line chart, whose horizontal axis is `range` if that is given. */
export function drawChart(
  options: LineChartOptions & Pick<PlotOptions, "range">,
): string {
  const { title, x = "step", series, log = false, logX = false } = options;
  const { axes, lines, notes } = plotOf({ ...options, x, log, logX });
  const { text, rows } = legend(series);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${
    HEIGHT + ROW * Math.max(0, rows - 1)
  }" role="img" aria-label="${
    escapeXml(title)
  }" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">
<style>svg:root{color:#333;background:#fff}.grid{stroke:currentColor;stroke-opacity:.15;fill:none}</style>
<text x="${SIZE.left}" y="18" font-size="14" font-weight="600">${
    escapeXml(title)
  }</text>
${text}
${axes}
${lines.join("\n")}
${notes}
</svg>`;
}

/** The names of all lines below the chart, and how many rows they take. */
function legend(series: readonly Series[]): { text: string; rows: number } {
  if (series.length < 2) return { text: "", rows: 0 };
  const entries: string[] = [];
  let [x, row]: [number, number] = [SIZE.left, 0];
  for (const [i, s] of series.entries()) {
    const name = s.name.length > 70 ? s.name.slice(0, 69) + "…" : s.name;
    const width = name.length * 6.6 + 28;
    // The label of the axis is beside the first row.
    if (x > SIZE.left && x + width > SIZE.width - (row === 0 ? 60 : 0)) {
      x = SIZE.left;
      row++;
    }
    const y = HEIGHT - 8 + ROW * row;
    entries.push(
      swatch(x, y - 10, s.color ?? i) +
        `<text x="${round(x + 14)}" y="${y}">${escapeXml(name)}</text>`,
    );
    x += width;
  }
  return { text: entries.join(""), rows: row + 1 };
}
