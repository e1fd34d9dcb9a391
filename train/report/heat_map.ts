/**
 * Matrices as pictures, such as confusion matrices.
 *
 * @module
 */
import { formatNumber } from "../format.ts";
import type { Matrix } from "../logs/run_log.ts";
import { colorOf, escapeXml } from "./palette.ts";
import { round } from "./points.ts";

/** A matrix to draw. */
export interface HeatMap {
  /** The title. */
  readonly title: string;
  /** The values, row by row. */
  readonly matrix: Matrix;
  /** The names of rows and columns. Default: their numbers. */
  readonly classes?: readonly string[] | undefined;
}

const WIDTH = 560;
/** The most classes whose values are written; more would not be readable. */
const MAX_WRITTEN = 14;
/** The color of cells, the same in light and dark pages. */
const FILL = `fill="${colorOf(0)}"`;
/** That of the fullest cell: text in the color of the page can be read on it. */
const MAX_OPACITY = 0.75;
/** The most characters of a name. */
const MAX_NAME = 12;

/**
 * A `<figure>` with a matrix. The color of a cell is its share of the sum of its row, so
 * that rows of rare classes are as visible as others.
 */
export function heatMapFigure(
  { title, matrix, classes = [] }: HeatMap,
): string {
  const rows = matrix.length, columns = matrix[0]!.length;
  const name = (i: number) => {
    const text = classes[i] ?? String(i);
    return text.length > MAX_NAME ? text.slice(0, MAX_NAME - 1) + "…" : text;
  };
  const longest = Math.max(
    ...Array.from(
      { length: Math.max(rows, columns) },
      (_, i) => name(i).length,
    ),
  );
  const left = 40 + 7 * longest;
  const cell = Math.min(64, (WIDTH - left - 10) / columns);
  const isSlanted = longest * 7 > cell;
  const top = 44 + (isSlanted ? 5.5 * longest : 0);
  const isSquare = rows === columns;
  // Of many classes, only some have room for their names.
  const every = Math.ceil(14 / cell);
  const parts = matrix.flatMap((row, i) => {
    const sum = row.reduce((a, b) => a + Math.abs(b), 0);
    return row.map((value, j) => {
      const share = sum > 0 ? Math.abs(value) / sum : 0;
      const [x, y] = [left + j * cell, top + i * cell];
      const text = `${isSquare ? "label" : "row"} ${classes[i] ?? i}, ${
        isSquare ? "prediction" : "column"
      } ${classes[j] ?? j}: ${formatNumber(value)}, ${
        (100 * share).toFixed(1)
      } % of the row`;
      return `<g><title>${escapeXml(text)}</title><rect x="${round(x)}" y="${
        round(y)
      }" width="${round(cell - 1)}" height="${
        round(cell - 1)
      }" ${FILL} fill-opacity="${
        Math.round(100 * (0.04 + share * (MAX_OPACITY - 0.04))) / 100
      }"/>${
        rows <= MAX_WRITTEN && columns <= MAX_WRITTEN && value !== 0
          ? `<text x="${round(x + cell / 2 - 0.5)}" y="${
            round(y + cell / 2 + 4)
          }" text-anchor="middle">${formatNumber(value)}</text>`
          : ""
      }</g>`;
    });
  });
  const rowNames = Array.from(
    { length: rows },
    (_, i) =>
      i % every
        ? ""
        : `<text x="${round(left - 7)}" y="${
          round(top + (i + 0.5) * cell + 4)
        }" text-anchor="end">${escapeXml(name(i))}</text>`,
  );
  const columnNames = Array.from({ length: columns }, (_, j) => {
    const [x, y] = [round(left + (j + 0.5) * cell), round(top - 7)];
    const turn = isSlanted
      ? `transform="rotate(-45 ${x} ${y})"`
      : 'text-anchor="middle"';
    return j % every
      ? ""
      : `<text x="${x}" y="${y}" ${turn}>${escapeXml(name(j))}</text>`;
  });
  const middle = round(top + rows * cell / 2);
  const axes = isSquare
    ? `<text x="${
      round(left + columns * cell / 2)
    }" y="14" text-anchor="middle">prediction</text>` +
      `<text x="14" y="${middle}" text-anchor="middle" transform="rotate(-90 14 ${middle})">label</text>`
    : "";
  return `<figure>
<h3>${escapeXml(title)}</h3>
<svg viewBox="0 0 ${WIDTH} ${
    round(top + rows * cell + 10)
  }" role="img" aria-label="${escapeXml(title)}">
${axes}
${rowNames.join("")}
${columnNames.join("")}
${parts.join("\n")}
</svg>
</figure>`;
}
