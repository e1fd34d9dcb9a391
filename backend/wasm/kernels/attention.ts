/**
 * Attention in tiles, run by `backend/ops/attention.ts`: no matrix of all queries by
 * all keys is in memory, and nothing is computed of keys that no query of a tile sees.
 *
 * ```text
 * s = Q Kᵀ / √size        p = e^(s - most) / sum        y = p V
 * most_i = max_j s_ij, sum_i = Σ_j e^(s_ij - most_i), over the keys j that i sees
 * ```
 *
 * (Dao et al. 2022, "FlashAttention".)
 *
 * @module
 */
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import type { I32 } from "../assembler/assembler.ts";
import { wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";
import { attentionGrad } from "./attention_grad.ts";
import {
  defineMultiply,
  eachHead,
  eachQuery,
  eachTile,
  headsOf,
  inRanges,
  loadNumbers,
  loadPlaces,
  scaleRows,
} from "./attention_heads.ts";
import { clearFloats } from "./floats.ts";
import { defineTranspose } from "./matrices.ts";
import { softmaxRow } from "./softmax.ts";

const forward = wasmFunction(
  "Attention",
  {
    addresses: ["query", "key", "value", "y", "sums", "sizes", "workspace"],
    numbers: ["first", "end"],
  },
  (f, p, m) => {
    const transpose = defineTranspose(m),
      multiply = defineMultiply(m, p.scratch);
    const n = loadNumbers(f, p.sizes), { row, size, keys, across } = n;
    const { transposed, weights, queries } = loadPlaces(f, n, p.workspace, 1);
    const [keysAcross] = transposed as [I32], [scores] = weights as [I32];
    const bytes = f.let(size.shl(2));
    eachHead(f, n, p.first, p.end, (head) => {
      const [query, y] = [p.query, p.y].map((x) => f.let(x.add(head.query)));
      const [key, value] = [p.key, p.value].map((x) => f.let(x.add(head.key)));
      const sums = f.let(p.sums.add(head.queriesBefore.shl(3)));
      f.run(transpose({
        ...{ to: keysAcross, toRow: across, rows: size },
        ...{ from: key!, fromRow: row, columns: keys },
      }));
      eachTile(f, n, (tile) => {
        const at = f.let(tile.first.mul(row));
        const scaled = { at: queries, row: bytes };
        const given = { at: query!.add(at), row };
        scaleRows(f, n, p.scratch, tile.rows, scaled, given);
        f.run(multiply({
          ...{ a: queries, aRow: bytes, b: keysAcross, bRow: across },
          ...{ c: scores, cRow: across },
          ...{ M: tile.rows, N: tile.columns, K: size },
        }));
        eachQuery(f, n, tile, (i, seen) => {
          const scored = f.let(scores.add(i.mul(across)));
          const { most, scale } = softmaxRow(
            f,
            p.scratch,
            scored,
            scored,
            seen,
          );
          const kept = f.let(sums.add(tile.first.add(i).shl(3)));
          f.store(kept, most.lane(0));
          f.store(kept, scale.lane(0), 4);
          const rest = f.let(tile.seen.shl(2).sub(seen));
          clearFloats(f, f.let(scored.add(seen)), rest);
        });
        f.run(multiply({
          ...{ a: scores, aRow: across, b: value!, bRow: row },
          ...{ c: y!.add(at), cRow: row },
          ...{ M: tile.rows, N: size, K: tile.seen },
        }));
      });
    });
  },
  { perThread: true },
);

/** Register `Attention`, which gives the result and what its gradient needs, and that. */
export function registerAttention(): void {
  replace<"query" | "key" | "value", PlainAttentionOptions>(
    "Attention",
    ({ inputs: { query, key, value }, attrs }) => {
      const heads = headsOf(query.shape, key.shape, attrs);
      expectSize("attention", "value", value.shape, size(key.shape));
      const y = output(query.shape);
      // The largest score of each query, and 1 / sum.
      const sums = output([2 * heads.count * heads.numbers.queries]);
      inRanges(
        heads,
        { matrices: 1, products: 2 },
        (ranges) =>
          forward.run(...ranges.map((range) => ({
            ...range,
            query: pointer(query),
            key: pointer(key),
            value: pointer(value),
            y: pointer(y),
            sums: pointer(sums),
          }))),
      );
      return [y, sums];
    },
  );
  replace<
    "query" | "key" | "value" | "y" | "lse" | "dy",
    PlainAttentionOptions
  >("AttentionGrad", ({ inputs, attrs }) => attentionGrad(inputs, attrs));
}
