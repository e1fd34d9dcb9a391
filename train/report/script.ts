/**
 * The scripts of a page: values under the pointer, zoom, lines on and off, and loading
 * the page again while the run goes on.
 *
 * @module
 */
import { tickLabel, ticksOf } from "./axis.ts";

/** Seconds between two loadings of the page of a run that goes on. */
export const RELOAD_SECONDS = 5;

/** Loads the page again, unless somebody is reading values or it is not seen. */
export const RELOAD_SCRIPT = `setInterval(() => {
  const isRead = document.querySelector(".tip:not([hidden])");
  if (document.visibilityState === "visible" && !isRead) location.reload();
}, ${1000 * RELOAD_SECONDS});`;

/**
 * For each chart, as `figure.ts` makes it. Coordinates of the plot become others by one
 * factor and one shift for each axis, logarithmic or not, so lines are drawn once.
 */
export const CHART_SCRIPT = String.raw`(() => {
const ticksOf = ${ticksOf};
const tickLabel = ${tickLabel};
const scale = (axis, value) => axis.log ? Math.log10(value) : value;
const place = ({ ends: [a, b], range, log }, value) => {
  const [from, to] = range.map((x) => scale({ log }, x));
  return a + (scale({ log }, value) - from) / (to - from) * (b - a);
};
const valueAt = ({ ends: [a, b], range, log }, at) => {
  const [from, to] = range.map((x) => scale({ log }, x));
  const x = from + (at - a) / (b - a) * (to - from);
  return log ? 10 ** x : x;
};
const round = (x) => Math.round(x * 10) / 10;
const shown = (x) => Math.abs(x) >= 1e6 || x !== 0 && Math.abs(x) < 1e-4
  ? x.toExponential(3) : String(Number(x.toPrecision(5)));

// What was chosen is in the address, so that it lasts when the page is loaded again.
let chosen = {};
try {
  chosen = JSON.parse(decodeURIComponent(location.hash.slice(1)));
} catch { /* nothing was chosen */ }

for (const figure of document.querySelectorAll("figure.chart")) {
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const svg = figure.querySelector("svg");
  const lines = svg.querySelector(".lines");
  const axes = svg.querySelector(".axes");
  const buttons = [...figure.querySelectorAll(".legend button")];
  const off = new Set();
  const [left, right] = chart.x.ends, [bottom, top] = chart.y.ends;
  let view = { x: chart.x, y: chart.y };
  let from = null;

  const cover = document.createElementNS(svg.namespaceURI, "g");
  svg.append(cover);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  figure.append(tip);

  const draw = () => {
    const factors = (old, now) => {
      const k = (old.ends[1] - old.ends[0]) /
        (place(old, now.range[1]) - place(old, now.range[0]));
      return [k, old.ends[0] - k * place(old, now.range[0])];
    };
    const [kx, tx] = factors(chart.x, view.x), [ky, ty] = factors(chart.y, view.y);
    lines.setAttribute("transform", "matrix(" + [kx, 0, 0, ky, tx, ty] + ")");
    const ys = ticksOf(...view.y.range, view.y.log), xs = ticksOf(...view.x.range, view.x.log);
    axes.innerHTML = ys.map((tick) => {
      const y = round(place(view.y, tick));
      return '<path d="M' + left + " " + y + "H" + right + '" class="grid"/><text x="' +
        (left - 8) + '" y="' + (y + 4) + '" text-anchor="end">' + tickLabel(tick, ys) + "</text>";
    }).join("") + xs.map((tick) =>
      '<text x="' + round(place(view.x, tick)) + '" y="' + (bottom + 18) +
      '" text-anchor="middle">' + tickLabel(tick, xs) + "</text>").join("");
  };

  /** The smallest and largest value of the lines that are on, between two steps. */
  const heights = (range) => {
    const values = chart.series.flatMap(({ points }, i) => off.has(i) ? [] :
      points.filter(([x, y]) => x >= range[0] && x <= range[1] && (!chart.y.log || y > 0))
        .map((point) => point[1]));
    if (values.length === 0) return chart.y.range;
    const low = Math.min(...values), high = Math.max(...values);
    if (low === high) return chart.y.range;
    const room = (high - low) * 0.05;
    return chart.y.log
      ? [low / (high / low) ** 0.05, high * (high / low) ** 0.05]
      : [low - room, high + room];
  };
  const zoom = (range) => {
    view = range
      ? { x: { ...chart.x, range }, y: { ...chart.y, range: heights(range) } }
      : { x: chart.x, y: chart.y };
    draw();
    keep();
  };

  const keep = () => {
    const range = view.x === chart.x ? null : view.x.range;
    chosen[chart.title] = { range, off: [...off] };
    try {
      history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(chosen)));
    } catch { /* some frames have no address */ }
  };
  const switchLine = (i, isOff) => {
    if (isOff) off.add(i); else off.delete(i);
    lines.children[i].style.display = isOff ? "none" : "";
    buttons[i].setAttribute("aria-pressed", String(!isOff));
  };
  buttons.forEach((button, i) => {
    button.setAttribute("aria-pressed", "true");
    button.onclick = () => { switchLine(i, !off.has(i)); keep(); };
  });
  const { range = null, off: hidden = [] } = chosen[chart.title] ?? {};
  for (const i of hidden) if (i < buttons.length) switchLine(i, true);
  if (range) zoom(range);

  /** The horizontal coordinate in the picture, within the plot. */
  const xOf = (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    return Math.min(right, Math.max(left, x));
  };
  const hide = () => { tip.hidden = true; cover.innerHTML = ""; };
  const hover = (event) => {
    const at = xOf(event), step = valueAt(view.x, at);
    const near = chart.series.flatMap(({ name, back, points }, i) => {
      if (off.has(i) || points.length === 0) return [];
      const point = points.reduce((a, b) =>
        Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a);
      return [{ name, back, point }];
    });
    if (near.length === 0) return hide();
    const nearest = near.map(({ point }) => point[0]).reduce((a, b) =>
      Math.abs(b - step) < Math.abs(a - step) ? b : a);
    const x = round(place(view.x, nearest));
    if (x < left - 1 || x > right + 1) return hide();
    const band = from === null ? "" : '<rect class="band" x="' + Math.min(from, at) +
      '" y="' + top + '" width="' + Math.abs(at - from) + '" height="' + (bottom - top) + '"/>';
    cover.innerHTML = band + '<path class="cursor" d="M' + x + " " + top + "V" + bottom + '"/>';
    tip.replaceChildren();
    const line = (text, back) => {
      const row = document.createElement("div");
      if (back) {
        const swatch = document.createElement("span");
        swatch.className = "swatch " + back;
        row.append(swatch);
      }
      row.append(text);
      tip.append(row);
    };
    line("step " + shown(nearest));
    // Lines with a point elsewhere say where it is.
    for (const { name, back, point } of near) {
      const where = point[0] === nearest ? "" : " (step " + shown(point[0]) + ")";
      line((chart.series.length > 1 ? name + " " : "") + shown(point[1]) + where, back);
    }
    tip.hidden = false;
    const box = figure.getBoundingClientRect(), picture = svg.getBoundingClientRect();
    const px = picture.left - box.left + x / svg.viewBox.baseVal.width * picture.width;
    // Beside the pointer, and within the figure.
    const width = tip.offsetWidth;
    const x0 = px > box.width / 2 ? px - 12 - width : px + 12;
    tip.style.left = Math.max(4, Math.min(x0, box.width - width - 4)) + "px";
    tip.style.top = picture.top - box.top + 12 + "px";
  };
  svg.onpointermove = hover;
  svg.onpointerdown = (event) => {
    if (event.pointerType === "mouse") from = xOf(event);
    hover(event);
  };
  svg.onpointerup = (event) => {
    const start = from, end = xOf(event);
    from = null;
    if (start !== null && Math.abs(end - start) > 8) {
      zoom([start, end].sort((a, b) => a - b).map((x) => valueAt(view.x, x)));
    }
    hover(event);
  };
  svg.onpointerleave = () => { from = null; hide(); };
  svg.ondblclick = () => zoom(null);
}
})();`;
