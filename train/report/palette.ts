/**
 * The colors of charts, and text as it is written in them.
 *
 * @module
 */

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

/** The same, lighter, for a dark background. */
const DARK_COLORS: readonly string[] = [
  "#4aa8e6",
  "#ff8b4a",
  "#2fc99a",
  "#e6a0c8",
  "#f5b942",
  "#9ad7fa",
  "#b09cf5",
  "#adadad",
];

/** The index among the colors of the `i`-th line or class. */
function indexOf(i: number): number {
  return i % COLORS.length;
}

/** The color of the `i`-th line or class. */
export function colorOf(i: number): string {
  return COLORS[indexOf(i)]!;
}

/** Attributes that draw lines in the `i`-th color, which pages may replace by class. */
export function strokeOf(i: number): string {
  return `class="stroke-${indexOf(i)}" stroke="${colorOf(i)}"`;
}

/** Attributes that fill areas with the `i`-th color, which pages may replace by class. */
export function fillOf(i: number): string {
  return `class="fill-${indexOf(i)}" fill="${colorOf(i)}"`;
}

/** Rules for pictures in a dark part of a page, which a selector names. */
export function darkStyle(selector: string): string {
  return DARK_COLORS.map((color, i) =>
    `${selector} .stroke-${i}{stroke:${color}}${selector} .fill-${i}{fill:${color}}`
  ).join("\n");
}

/** The colors as style sheet: variables, and classes of lines, areas and HTML elements. */
export function colorStyle(): string {
  const variables = (colors: readonly string[]) =>
    colors.map((color, i) => `--color-${i}:${color}`).join(";");
  const classes = COLORS.map((_, i) =>
    `.stroke-${i}{stroke:var(--color-${i})}.fill-${i}{fill:var(--color-${i})}.back-${i}{background:var(--color-${i})}`
  );
  return `:root{${variables(COLORS)}}
@media (prefers-color-scheme: dark){:root{${variables(DARK_COLORS)}}}
${classes.join("\n")}`;
}

/** Whether the `i`-th line is dashed, since another one has its color. */
export function isDashed(i: number): boolean {
  return i >= COLORS.length;
}

/** The classes of HTML elements with the `i`-th color as background. */
export function backOf(i: number): string {
  return `back-${indexOf(i)}${isDashed(i) ? " dashed" : ""}`;
}

/** Escape text for XML and HTML, attributes included. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
