/**
 * The right factor of many products, copied once as their tiles read it.
 *
 * @module
 */
import { I32 } from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";
import { at } from "./matrices.ts";
import { definePack, NR } from "./tiles.ts";

/** Bytes of a packed factor: its columns are made whole panels. */
export function sizeOfPacked(K: number, N: number): number {
  return 4 * K * Math.ceil(N / NR) * NR;
}

/**
 * Copy B to `to` in panels: `K` rows of 8 columns each, one after the other. Products with
 * the flag `PACKED` read that. `across` is not 0 if B is stored as its transpose.
 */
export const packFactor = wasmFunction("packFactor", {
  addresses: ["b", "to"],
  numbers: ["bRow", "N", "K", "across"],
}, (f, { b, to, bRow, N, K, across }, m) => {
  const pack = definePack(m, NR), zero = I32.of(0);
  f.for(N, NR, (n) => {
    f.run(pack({
      to,
      from: across.select(at(b, n, bRow, zero), at(b, zero, bRow, n)),
      step: bRow,
      lines: N.sub(n).min(NR),
      K,
      across,
    }));
    f.set(to, to.add(K.mul(4 * NR)));
  });
});
