/** How a product is cut: what a workgroup and an invocation of it compute. */
export interface Tile {
  /** Rows of the result that a workgroup computes. */
  readonly m: number;
  /** Columns of the result that a workgroup computes. */
  readonly n: number;
  /** Terms of the sums that are in the workgroup's memory at a time. */
  readonly k: number;
  /** Rows that an invocation computes: a multiple of 4. */
  readonly threadM: number;
  /** Columns that an invocation computes: a multiple of 4. */
  readonly threadN: number;
}

/** The tiles that are used, from large to small. */
export const TILES: readonly Tile[] = [
  { m: 128, n: 128, k: 8, threadM: 8, threadN: 8 },
  { m: 64, n: 64, k: 16, threadM: 8, threadN: 8 },
  { m: 32, n: 32, k: 16, threadM: 4, threadN: 4 },
];

/** For results of few columns, and of few rows. */
export const THIN = {
  columns: { m: 256, n: 4, k: 4, threadM: 4, threadN: 4 },
  rows: { m: 4, n: 256, k: 4, threadM: 4, threadN: 4 },
} as const satisfies Record<string, Tile>;

/** Invocations of a workgroup. */
export function threadsOf({ m, n, threadM, threadN }: Tile): number {
  return (m / threadM) * (n / threadN);
}

/** Bytes of memory of a workgroup, where each row of 4 has one more against conflicts. */
export function memoryOf({ m, n, k }: Tile): number {
  return 16 * k * (m / 4 + 1 + n / 4 + 1);
}

/** What tells a tile from others. */
export function nameOf({ m, n, k, threadM, threadN }: Tile): string {
  return `${m}x${n}x${k}/${threadM}x${threadN}`;
}
