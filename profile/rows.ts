import type { HostEvent, WorkEvent } from "./events.ts";

/** What was measured of a kernel. Times are milliseconds of all steps together. */
export interface ProfileRow {
  /**
   * The kernel, or other work: `"fused (...)"`, and `"fusion"` in a compiled function, is
   * elementwise math that was compiled to one kernel, such as that of an optimizer;
   * `"replay"` is a call of a compiled function without its kernels, `"effect"`,
   * `"guard"` and `"inspect"` are what it does on the host.
   */
  readonly kernel: string;
  /** How often it ran. */
  readonly calls: number;
  /** Its time by the clock of the profile, without kernels that it calls. */
  readonly total: number;
  /** The part of the time of all kernels, in [0, 1]. */
  readonly share: number;
  /** Its time on the host, without kernels that it calls. */
  readonly host: number;
  /** The bytes of all that it read and wrote, if known. */
  readonly bytes: number | undefined;
}

/** A row for each name, the one that kept the device or the host longest first. */
export function rowsOf(
  host: readonly HostEvent[],
  device: readonly WorkEvent[] | undefined,
): ProfileRow[] {
  const totals = new Map<
    string,
    { calls: number; host: number; device: number; bytes: number | undefined }
  >();
  const totalsOf = (kernel: string) => {
    let own = totals.get(kernel);
    if (!own) {
      own = { calls: 0, host: 0, device: 0, bytes: 0 };
      totals.set(kernel, own);
    }
    return own;
  };
  for (const { name, self, bytes } of host) {
    const own = totalsOf(name);
    own.calls++;
    own.host += self;
    own.bytes = own.bytes === undefined || bytes === undefined
      ? undefined
      : own.bytes + bytes;
  }
  for (const { name, duration } of device ?? []) {
    totalsOf(name).device += duration;
  }
  const rows = [...totals].map(([kernel, own]) => ({
    kernel,
    calls: own.calls,
    total: device ? own.device : own.host,
    host: own.host,
    bytes: own.bytes,
  }));
  const all = sum(rows.map(({ total }) => total));
  return rows
    .map((row) => ({ ...row, share: all > 0 ? row.total / all : 0 }))
    .sort((a, b) => longest(b) - longest(a));
}

function longest({ total, host }: ProfileRow): number {
  return Math.max(total, host);
}

/** The sum of some numbers. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, x) => total + x, 0);
}
