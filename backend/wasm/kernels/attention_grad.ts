/**
 * The gradient of attention, in the tiles of `attention.ts`: the weights are computed
 * once more from the largest score and the sum of each query.
 *
 * ```text
 * dV = pᵀ dy        ds = p (dy Vᵀ - Σ dy y)        dQ = ds K / √size        dK = dsᵀ Q / √size
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import { type Body, F32, F32x4, I32, load } from "../assembler/assembler.ts";
import { eachVector, type Lanes, sumLanes } from "../assembler/lanes.ts";
import { expNegative } from "../assembler/math.ts";
import { wasmFunction } from "../machine/functions.ts";
import { expectSize, output, pointer, size } from "../machine/registry.ts";
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
import { ACCUMULATE, TRANSPOSE_A } from "./tiles.ts";

const backward = wasmFunction(
  "AttentionGrad",
  {
    addresses: [
      ...["query", "key", "value", "y", "sums", "dy"] as const,
      ...["dq", "dk", "dv", "sizes", "workspace"] as const,
    ],
    numbers: ["first", "end"],
  },
  (f, p, m) => {
    const { scratch } = p;
    const transpose = defineTranspose(m), multiply = defineMultiply(m, scratch);
    const n = loadNumbers(f, p.sizes), { row, size, keys, across } = n;
    const { transposed, weights, queries } = loadPlaces(f, n, p.workspace, 2);
    const [keysAcross, valuesAcross] = transposed as [I32, I32];
    const [scores, slopes] = weights as [I32, I32];
    const bytes = f.let(size.shl(2));
    eachHead(f, n, p.first, p.end, (head) => {
      const [query, y, dy, dq] = [p.query, p.y, p.dy, p.dq].map((x) =>
        f.let(x.add(head.query))
      ) as [I32, I32, I32, I32];
      const [key, value, dk, dv] = [p.key, p.value, p.dk, p.dv].map((x) =>
        f.let(x.add(head.key))
      ) as [I32, I32, I32, I32];
      const sums = f.let(p.sums.add(head.queriesBefore.shl(3)));
      const turned = { toRow: across, rows: size, fromRow: row, columns: keys };
      f.run(transpose({ ...turned, to: keysAcross, from: key }));
      f.run(transpose({ ...turned, to: valuesAcross, from: value }));
      eachTile(f, n, (tile) => {
        const at = f.let(tile.first.mul(row));
        const [out, slope] = [y, dy].map((x) => f.let(x.add(at))) as [I32, I32];
        const scaled = { at: queries, row: bytes };
        const given = { at: query.add(at), row };
        scaleRows(f, n, scratch, tile.rows, scaled, given);
        const wide = {
          ...{ bRow: across, cRow: across },
          ...{ M: tile.rows, N: tile.columns, K: size },
        };
        f.run(multiply({
          ...{ ...wide, a: queries, aRow: bytes, b: keysAcross, c: scores },
        }));
        f.run(multiply({
          ...{ ...wide, a: slope, aRow: row, b: valuesAcross, c: slopes },
        }));
        eachQuery(f, n, tile, (i, seen) => {
          const line = f.let(i.mul(across));
          const scored = f.let(scores.add(line)),
            sloped = f.let(slopes.add(line));
          const kept = f.let(sums.add(tile.first.add(i).shl(3)));
          const shift = f.let(i.mul(row));
          const mean = dot(f, scratch, out.add(shift), slope.add(shift), bytes);
          const most = f.let(load(F32, kept).splat());
          const scale = f.let(load(F32, kept, 4).splat());
          eachVector(f, scratch, seen, (lanes) => {
            const e = expNegative(f, f.let(lanes.load(scored).sub(most)));
            const weight = f.let(e.mul(scale));
            lanes.store(scored, weight);
            lanes.store(sloped, lanes.load(sloped).sub(mean).mul(weight));
          });
          const rest = f.let(tile.seen.shl(2).sub(seen));
          for (const x of [scored, sloped]) {
            clearFloats(f, f.let(x.add(seen)), rest);
          }
        });
        const long = { bRow: row, cRow: row, N: size };
        const flags = f.let(
          I32.of(TRANSPOSE_A).or(
            tile.isLast.select(I32.of(0), I32.of(ACCUMULATE)),
          ),
        );
        const sum = { M: tile.seen, K: tile.rows, aRow: across, flags };
        f.run(multiply({ ...long, ...sum, a: scores, b: slope, c: dv }));
        f.run(multiply({
          ...{ ...long, ...sum, a: slopes, b: queries, bRow: bytes, c: dk },
        }));
        const first = f.let(dq.add(at));
        f.run(multiply({
          ...{ ...long, a: slopes, aRow: across, b: key, c: first },
          ...{ M: tile.rows, K: tile.seen },
        }));
        const gradients = { at: first, row };
        scaleRows(f, n, scratch, tile.rows, gradients, gradients);
      });
    });
  },
  { perThread: true },
);

/** The sum of products of two rows, in each lane. */
function dot(f: Body, scratch: I32, a: I32, b: I32, bytes: I32): F32x4 {
  const x = f.let(a), y = f.let(b), sum = f.let(F32x4.of(0));
  eachVector(f, scratch, bytes, (lanes: Lanes) => {
    const product = f.let(lanes.load(x).mul(lanes.load(y)));
    f.set(sum, sum.add(lanes.only(product, 0)));
  });
  return f.let(sumLanes(sum).splat());
}

/** The gradients in queries, keys and values. */
export function attentionGrad(
  { query, key, value, y, lse: sums, dy }: Readonly<
    Record<"query" | "key" | "value" | "y" | "lse" | "dy", tf.TensorInfo>
  >,
  attrs: PlainAttentionOptions,
): tf.TensorInfo[] {
  const heads = headsOf(query.shape, key.shape, attrs);
  const kernel = "the gradient of attention";
  expectSize(kernel, "value", value.shape, size(key.shape));
  expectSize(kernel, "y", y.shape, size(query.shape));
  expectSize(kernel, "dy", dy.shape, size(query.shape));
  const dq = output(query.shape);
  const dk = output(key.shape), dv = output(value.shape);
  inRanges(
    heads,
    { matrices: 2, products: 5 },
    (ranges) =>
      backward.run(...ranges.map((range) => ({
        ...range,
        query: pointer(query),
        key: pointer(key),
        value: pointer(value),
        y: pointer(y),
        sums: pointer(sums),
        dy: pointer(dy),
        dq: pointer(dq),
        dk: pointer(dk),
        dv: pointer(dv),
      }))),
  );
  return [dq, dk, dv];
}
