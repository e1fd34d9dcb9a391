/**
 * Filters in panels: what a direct convolution reads of them, in its order.
 *
 * @module
 */
import { F32, F32x4, I32, load } from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";

/** Columns of a panel. */
export const COLUMNS = 8;

/**
 * Panels `first` to `end` of the columns of a matrix: a line of the bias, then all
 * rows. Rows come in `places`, each of `rows`; steps are in bytes and may be negative.
 */
export const packPanels = wasmFunction(
  "packPanels",
  {
    addresses: ["from", "bias", "to"],
    numbers: [
      "first",
      "end",
      "places",
      "rows",
      "placeStep",
      "rowStep",
      "columnStep",
      "columns",
    ],
  },
  (f, p) => {
    const { from, bias, to, first, end, places, rows, columns } = p;
    const { placeStep, rowStep, columnStep } = p;
    const line = f.local(I32), count = f.local(I32);
    /** One line of a panel; columns that are not there are 0. */
    const pack = (at: I32, step: I32) => {
      f.if(count.eq(COLUMNS).and(step.eq(4)), () => {
        f.store(to, load(F32x4, at));
        f.store(to, load(F32x4, at, 16), 16);
      }, () => {
        for (let j = 0; j < COLUMNS; j++) {
          f.if(
            count.lt(j + 1),
            () => f.store(to, F32.of(0), 4 * j),
            () => f.store(to, load(F32, at.add(step.mul(j))), 4 * j),
          );
        }
      });
      f.set(to, to.add(4 * COLUMNS));
    };
    f.for(end, 1, (panel) => {
      const column = f.let(panel.mul(COLUMNS));
      f.set(count, columns.sub(column).min(COLUMNS));
      f.if(bias, () => {
        pack(f.let(bias.add(column.shl(2))), I32.of(4));
      }, () => {
        for (const offset of [0, 16]) f.store(to, F32x4.of(0), offset);
        f.set(to, to.add(4 * COLUMNS));
      });
      const place = f.let(from.add(column.mul(columnStep)));
      f.for(places, 1, () => {
        f.set(line, place);
        f.for(rows, 1, () => {
          pack(line, columnStep);
          f.set(line, line.add(rowStep));
        });
        f.set(place, place.add(placeStep));
      });
    }, first);
  },
);

/** Bytes of a panel of so many rows. */
export function panelBytes(rows: number): number {
  return 4 * COLUMNS * (1 + rows);
}
