/**
 * Pictures of the plane: points, lines and bands, as SVG.
 *
 * @module
 */

/** A point of the plane. */
export type Point = readonly [x: number, y: number];

/** What a picture shows, from the back to the front. */
export interface Layer {
  /** Points, a line through them, or the area between two lines. */
  readonly kind: "points" | "line" | "band";
  readonly points: readonly Point[];
  /** The upper line of a band, below which `points` are. */
  readonly upper?: readonly Point[];
  /** A color of CSS. */
  readonly color: string;
  /** The name in the legend. Default: none. */
  readonly name?: string;
  /** The radius of points, or the width of a line. Default: 1.6. */
  readonly size?: number;
}

/** What a picture is of. */
export interface Picture {
  readonly title: string;
  /** The least and the greatest x and y that are shown. */
  readonly x: Point;
  readonly y: Point;
  readonly layers: readonly Layer[];
}

const SIZE = { width: 640, height: 360, left: 40, top: 34, right: 12, low: 28 };

/** A picture as the text of an SVG file, dark on white. */
export function picture({ title, x, y, layers }: Picture): string {
  const { width, height, left, top, right, low } = SIZE;
  const at = ([a, b]: Point) =>
    `${round(left + (a - x[0]) / (x[1] - x[0]) * (width - left - right))},${
      round(top + (y[1] - b) / (y[1] - y[0]) * (height - top - low))
    }`;
  const shapes = layers.map((layer) => shape(layer, at));
  const names = layers.filter(({ name }) => name).map(({ name, color }, i) =>
    `<text x="${width - right - 4}" y="${
      top + 14 + 15 * i
    }" text-anchor="end" fill="${color}">${name}</text>`
  );
  const ticks = [
    ...x.map((a) =>
      `<text x="${at([a, y[0]]).split(",")[0]}" y="${
        height - 10
      }" text-anchor="middle">${a}</text>`
    ),
    ...y.map((b) =>
      `<text x="${left - 6}" y="${
        Number(at([x[0], b]).split(",")[1]) + 4
      }" text-anchor="end">${b}</text>`
    ),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="20" font-size="14" font-weight="600">${title}</text>
<clipPath id="view"><rect x="${left}" y="${top}" width="${
    width - left - right
  }" height="${height - top - low}"/></clipPath>
<g clip-path="url(#view)">
${shapes.join("\n")}
</g>
<path d="M${left} ${top}V${height - low}H${
    width - right
  }" fill="none" stroke="#999"/>
${[...ticks, ...names].join("\n")}
</svg>
`;
}

function shape(
  { kind, points, upper = [], color, size = 1.6 }: Layer,
  at: (point: Point) => string,
): string {
  if (kind === "points") {
    // One path of dots: a circle for each would be many times as long.
    const dots = points.map((point) => `M${at(point)}h0`).join("");
    return `<path d="${dots}" stroke="${color}" stroke-width="${
      2 * size
    }" stroke-linecap="round"/>`;
  }
  const line = (line: readonly Point[]) => line.map(at).join("L");
  if (kind === "line") {
    return `<path d="M${
      line(points)
    }" fill="none" stroke="${color}" stroke-width="${size}" stroke-linejoin="round"/>`;
  }
  const around = `${line(points)}L${line(upper.toReversed())}`;
  return `<path d="M${around}Z" fill="${color}" opacity="0.25"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Write a picture to a file below `runs/`, and say where it is. */
export async function writePicture(name: string, text: string): Promise<void> {
  await Deno.mkdir("runs", { recursive: true });
  await Deno.writeTextFile(`runs/${name}.svg`, text);
  console.log(`picture runs/${name}.svg`);
}
