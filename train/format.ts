/**
 * Numbers and durations as people read them.
 *
 * @module
 */

/** A number in at most four significant digits: `0.0312`, `1.2e-5`, `812`. */
export function formatNumber(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (size >= 1000) return size < 1e6 ? x.toFixed(0) : x.toExponential(1);
  if (size !== 0 && size < 1e-3) return x.toExponential(1);
  return String(Number(x.toPrecision(4)));
}

/** Seconds as `mm:ss` or `h:mm:ss`. */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const pad = (x: number) => String(x).padStart(2, "0");
  const [h, m, s] = [
    Math.floor(total / 3600),
    Math.floor(total / 60) % 60,
    total % 60,
  ];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${pad(m)}:${pad(s)}`;
}
