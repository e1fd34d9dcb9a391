/**
 * Line charts of a page, with what its script needs to show values and to zoom.
 *
 * @module
 */
import type { Axis } from "./axis.ts";
import { backOf, escapeXml } from "./palette.ts";
import { plotOf, type Series, SIZE } from "./plot.ts";
import type { Point } from "./points.ts";
import { thinned } from "./points.ts";

/** A chart of a page. */
export interface Chart {
  /** The title. */
  readonly title: string;
  /** The lines. */
  readonly series: readonly Series[];
  /** Whether the vertical axis is logarithmic. */
  readonly log: boolean;
  /** The last step of the horizontal axis. */
  readonly steps: number;
}

/** With more lines, only the smoothed ones are seen. */
const MOST_FAINT = 3;

/** The space around the plot for the halves of lines at its border. */
const EDGE = 4;

/** A `<figure>` with a line chart over steps, and its legend. */
export function chartFigure({ title, series, log, steps }: Chart): string {
  const { left, right, top, bottom, width } = SIZE;
  const plot = plotOf({
    x: "step",
    series,
    log,
    logX: false,
    range: [0, steps],
  });
  const [x, y] = [left - EDGE, top - EDGE];
  const [w, h] = [right - left + 2 * EDGE, bottom - top + 2 * EDGE];
  // The heading is above the figure: the picture begins where the plot does.
  const crowded = series.length > MOST_FAINT ? " crowded" : "";
  return `<figure class="chart${crowded}">
<h3>${escapeXml(title)}</h3>
<svg viewBox="0 ${top - 12} ${width} ${
    bottom + 44 - top + 12
  }" role="img" aria-label="${escapeXml(title)}">
${plot.axes}
<svg class="area" x="${x}" y="${y}" width="${w}" height="${h}" viewBox="${x} ${y} ${w} ${h}"><g class="lines">
${plot.lines.join("\n")}
</g></svg>
${plot.notes}
</svg>
${legend(series)}
<script type="application/json">${json({ ...plot, title, series })}</script>
</figure>`;
}

function legend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  const entries = series.map(({ name, color }, i) =>
    `<button type="button"><span class="swatch ${backOf(color ?? i)}"></span>${
      escapeXml(name)
    }</button>`
  );
  return `<div class="legend">${entries.join("\n")}</div>`;
}

/** The data of the script. */
function json(
  { title, series, x, y }: {
    readonly title: string;
    readonly series: readonly Series[];
    readonly x: Axis;
    readonly y: Axis;
  },
): string {
  const axis = ({ ends, range, log }: Axis) => ({ ends, range, log });
  const data = {
    title,
    x: axis(x),
    y: axis(y),
    series: series.map(({ name, points, color }, i) => ({
      name,
      back: backOf(color ?? i),
      points: thinned(points).filter((p) => p.every(Number.isFinite))
        .map(([x, y]: Point) => [x, Number(y.toPrecision(5))]),
    })),
  };
  return JSON.stringify(data).replaceAll("<", "\\u003c");
}
