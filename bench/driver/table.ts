import type { Summary } from "./statistics.ts";

/** A table of Markdown; a cell that is missing is empty. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): string {
  const line = (cells: readonly (string | undefined)[]) =>
    `| ${head.map((_, i) => cells[i] ?? "").join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)]
    .join("\n");
}

/** Three digits that count, without an exponent. */
export function digits(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (size >= 100) return x.toFixed(0);
  if (size >= 10) return x.toFixed(1);
  return size >= 1 ? x.toFixed(2) : String(Number(x.toPrecision(3)));
}

/** `median (low to high)` */
export function spread({ median, low, high }: Summary): string {
  return `${digits(median)} (${digits(low)} to ${digits(high)})`;
}

/** `1 thread`, `2 threads` */
export function threadsOf(count: number): string {
  return `${count} thread${count === 1 ? "" : "s"}`;
}
