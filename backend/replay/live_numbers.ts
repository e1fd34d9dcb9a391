import type { TableScalars } from "../../internal/recording.ts";

/**
 * Computes the numbers of rows, once for those that depend on the same kernel, step,
 * rate and group and come one after the other.
 */
export class LiveNumbers {
  #kernel: object | undefined;
  #step: number | undefined;
  #rate: object | undefined;
  #group: object | undefined;
  #numbers: readonly number[] = [];

  /** The numbers of a row. */
  of({ kernel, step, rate, group, now }: TableScalars): readonly number[] {
    const s = step(), r = rate();
    const isKnown = kernel === this.#kernel && s === this.#step &&
      r === this.#rate && group === this.#group;
    if (!isKnown) {
      this.#kernel = kernel;
      [this.#step, this.#rate, this.#group] = [s, r, group];
      this.#numbers = now();
    }
    return this.#numbers;
  }
}

/** Whether rows depend on the same step, rate and group. */
export function areAlike(rows: readonly TableScalars[]): boolean {
  if (rows.length === 0) return true;
  const { group, step, rate } = rows[0]!, n = step(), now = rate();
  return rows.every((row) =>
    row.group === group && row.step() === n &&
    (row.rate === rate || row.rate() === now)
  );
}
