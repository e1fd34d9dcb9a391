/**
 * Drawings of surfaces and paths, in the colors of the page.
 *
 * @module
 */
import type { Path, Surface } from "./paths.ts";

const SIZE = { width: 340, height: 230 };

/** A surface with its levels, and a path on it. */
export function drawPath(surface: Surface, { lr, points }: Path): string {
  const [left, right, low, high] = surface.view;
  const place = (x: number, y: number) =>
    `${round((x - left) / (right - left) * SIZE.width)},${
      round((high - y) / (high - low) * SIZE.height)
    }`;
  const [first, ...others] = points.map(([x, y]) => place(x, y));
  const dots = others.map((at) => {
    const [x, y] = at.split(",");
    return `<circle class="step" cx="${x}" cy="${y}" r="1.6"/>`;
  });
  const [startX, startY] = first!.split(",");
  const [endX, endY] = place(...surface.minimum).split(",");
  const label = `The path on ${surface.title} with rate ${rate(lr)}`;
  return [
    `<svg class="surface" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${label}">`,
    ...surface.levels.map((level) =>
      `<path class="level" d="${contour(surface, level, place)}"/>`
    ),
    `<polyline class="path" points="${[first, ...others].join(" ")}"/>`,
    ...dots,
    `<circle class="start" cx="${startX}" cy="${startY}" r="4"/>`,
    `<path class="minimum" d="M${endX},${endY}m-5,0h10m-5,-5v10"/>`,
    "</svg>",
  ].join("\n");
}

/** A rate in two digits. */
export function rate(lr: number): string {
  return `${Number(lr.toPrecision(2))}`;
}

/** The line where a surface has a level. */
function contour(
  surface: Surface,
  level: number,
  place: (x: number, y: number) => string,
): string {
  const [left, right] = surface.view;
  const upper: string[] = [], lower: string[] = [];
  const count = 150;
  for (let i = 0; i <= count; i++) {
    const x = left + (right - left) * i / count;
    const [top, bottom] = surface.heights(x, level);
    if (Number.isNaN(top)) {
      if (upper.length > 0) break;
      continue;
    }
    upper.push(place(x, top));
    lower.unshift(place(x, bottom));
  }
  const beginsInside = !Number.isNaN(surface.heights(left, level)[0]);
  const line = [...upper, ...lower].join("L");
  // A level that the left edge cuts is not closed there.
  return line && `M${line}${beginsInside ? "" : "Z"}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
