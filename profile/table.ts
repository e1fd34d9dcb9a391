import { type ProfileRow, sum } from "./rows.ts";
import type { ProfileSummary } from "./summary.ts";

/** Rows of the table; what is shorter is put together. */
const MOST_ROWS = 20;

/** A profile as a table of text. */
export function tableOf(profile: ProfileSummary): string {
  const { rows, steps, clock } = profile;
  const perStep = (x: number) => (x / steps).toFixed(3);
  const cellsOf = (row: ProfileRow) => [
    row.kernel,
    trimmed(row.calls / steps),
    perStep(row.total),
    `${(100 * row.share).toFixed(1)} %`,
    ...(clock === "device" ? [perStep(row.host)] : []),
    row.bytes === undefined ? "" : formatBytes(row.bytes / steps),
  ];
  const shown = rows.slice(0, MOST_ROWS), rest = rows.slice(MOST_ROWS);
  const lines = shown.map(cellsOf);
  if (rest.length > 0) lines.push(cellsOf(together(rest)));
  const header = [
    "kernel",
    "calls/step",
    "ms/step",
    "share",
    ...(clock === "device" ? ["host ms/step"] : []),
    "moved/step",
  ];
  return [
    headline(profile),
    "",
    ...aligned([header, ...lines]),
    "",
    footer(profile),
  ]
    .join("\n");
}

function headline({ backend, threads, steps, time }: ProfileSummary): string {
  const machine = threads > 1 ? `${backend}, ${threads} threads` : backend;
  return `Profile of ${steps} step${steps === 1 ? "" : "s"} on ${machine}: ${
    (time / steps).toFixed(3)
  } ms a step`;
}

function footer(
  { clock, backend, kernelTime, hostTime, steps }: ProfileSummary,
): string {
  const kernels = `kernels ${(kernelTime / steps).toFixed(3)} ms a step`;
  const outside = `host outside kernels ${(hostTime / steps).toFixed(3)} ms`;
  const how = clock === "device"
    ? "by timestamps of the device, which works while the host goes on"
    : backend === "webgpu"
    ? "of giving commands: the device has no timestamps to tell how long they took"
    : "by the clock of the host";
  return `${kernels}, ${outside}; times of kernels are ${how}`;
}

function together(rows: readonly ProfileRow[]): ProfileRow {
  const total = (of: (row: ProfileRow) => number) => sum(rows.map(of));
  return {
    kernel: `${rows.length} others`,
    calls: total(({ calls }) => calls),
    total: total((row) => row.total),
    share: total(({ share }) => share),
    host: total(({ host }) => host),
    bytes: total(({ bytes = 0 }) => bytes),
  };
}

/** The first column to the left, numbers to the right. */
function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, i) =>
    Math.max(...lines.map((cells) => cells[i]!.length))
  );
  return lines.map((cells) =>
    cells.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
    ).join("  ").trimEnd()
  );
}

/** At most one digit after the point. */
function trimmed(x: number): string {
  return Number.isInteger(x) ? String(x) : x.toFixed(1);
}

/** Bytes in the largest unit that leaves at least 1. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
