/**
 * The gradient of attention, in tiles: three kernels, in the terms of `attention.ts`.
 *
 * ```text
 * delta_i = Σ dy_i y_i        ds = p (dy Vᵀ - delta)
 * dV = pᵀ dy        dK = dsᵀ Q / √size        dQ = ds K / √size
 * ```
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import type { KernelFunc } from "../../kernel.ts";
import { webGpuBackend } from "../backend.ts";
import {
  accumulate,
  accumulators,
  cached,
  elementType,
  FIXED,
  type Layout,
  lines,
  loadTiles,
  memory,
  placement,
  products,
  reader,
  rowOf,
  sizesOf,
  store,
  THREADS,
  UNIFORMS,
} from "./attention_tiles.ts";
import { eachColumn, type RowProgram, runRows } from "./rows.ts";
import { output, runShader, type Shader } from "./run.ts";

/** The sum of the products of two rows. */
const DELTA: RowProgram = {
  name: "attention_delta",
  outputs: { DELTA: "f32" },
  inputs: { Y: "f32", DY: "f32" },
  code: `var sum = 0.0;
  ${eachColumn("sum += Y[at] * DY[at];")}
  let delta = rowSum(sum);
  if (isFirst) { DELTA[row] = delta; }`,
};

/** What both shaders share. */
function common(
  layout: Layout,
): Pick<Shader, "inputs" | "uniforms" | "threads" | "declarations"> {
  const type = elementType(layout);
  return {
    inputs: {
      ...{ Q: type, K: type, V: type, DY: type },
      ...{ LSE: "f32", DELTA: "f32" },
    },
    uniforms: UNIFORMS,
    threads: THREADS,
    declarations: [
      memory(layout),
      reader("readQ", "Q", layout),
      reader("readK", "K", layout),
      reader("readV", "V", layout),
      reader("readDY", "DY", layout),
    ].join("\n"),
  };
}

/** The gradient of the queries: a workgroup has some of them, and goes over keys. */
const ofQueries = cached((layout: Layout, causal: boolean): Shader => {
  const { rows, size } = layout, scale = 1 / Math.sqrt(size);
  const numbers = (array: string) =>
    `vec4<f32>(${[0, 1, 2, 3].map((r) => `${array}[fixed${r}]`).join(", ")})`;
  return {
    name: `attention_grad_queries ${size} ${rows} ${causal}`,
    outputs: { DQ: elementType(layout) },
    ...common(layout),
    code: `${placement("uniforms.queries", causal)}
  let query = vec4<u32>(first + 4u * ty) + vec4<u32>(0u, 1u, 2u, 3u);
  let offset = uniforms.keys - uniforms.queries;
  let end = ${
      causal
        ? `min(uniforms.keys, first + ${FIXED}u + offset)`
        : "uniforms.keys"
    };
  let lse = ${numbers("LSE")};
  let delta = ${numbers("DELTA")};
  ${accumulators("dq", layout)}
  for (var k0 = 0u; k0 < end; k0 += ${rows}u) {
    workgroupBarrier();
    ${loadTiles(layout, "readK", "readV", "k0", "uniforms.keys")}
    workgroupBarrier();
    ${products(layout, "readQ", "readDY")}
    ${
      lines(rows / 8, (c) =>
        `{ let key = k0 + tx + ${8 * c}u;
      let seen = ${
          causal
            ? "vec4<u32>(key) <= query + vec4<u32>(offset)"
            : "vec4<bool>(key < uniforms.keys)"
        };
      let ds = exp(s${c} * ${scale} - lse) * (t${c} - delta);
      weightsA[tx + ${8 * c}u][ty] = select(vec4<f32>(), ds, seen); }`)
    }
    workgroupBarrier();
    ${accumulate(layout, [{ to: "dq", weights: "weightsA", tile: "tileA" }])}
  }
  ${store("DQ", "dq", layout, "uniforms.queries", () => `${scale}`)}`,
  };
});

/** The gradients of keys and values: a workgroup has some, and goes over queries. */
const ofKeys = cached((layout: Layout, causal: boolean): Shader => {
  const { rows, size } = layout, scale = 1 / Math.sqrt(size);
  const type = elementType(layout);
  return {
    name: `attention_grad_keys ${size} ${rows} ${causal}`,
    outputs: { DK: type, DV: type },
    ...common(layout),
    code: `${placement("uniforms.keys", false)}
  let key = vec4<u32>(first + 4u * ty) + vec4<u32>(0u, 1u, 2u, 3u);
  let offset = uniforms.keys - uniforms.queries;
  // The first query that sees the first key, at the beginning of a tile.
  let begin = ${
      causal ? `(max(first, offset) - offset) / ${rows}u * ${rows}u` : "0u"
    };
  ${accumulators("dk", layout)}
  ${accumulators("dv", layout)}
  for (var q0 = begin; q0 < uniforms.queries; q0 += ${rows}u) {
    workgroupBarrier();
    ${loadTiles(layout, "readQ", "readDY", "q0", "uniforms.queries")}
    workgroupBarrier();
    ${products(layout, "readK", "readV")}
    ${
      lines(rows / 8, (c) =>
        `{ let query = q0 + tx + ${8 * c}u;
      let at = ${
          rowOf("uniforms.queries", "min(query, uniforms.queries - 1u)")
        };
      let seen = vec4<bool>(query < uniforms.queries)${
          causal ? " & (key <= vec4<u32>(query + offset))" : ""
        };
      let p = select(vec4<f32>(), exp(s${c} * ${scale} - LSE[at]), seen);
      let ds = select(vec4<f32>(), p * (t${c} - DELTA[at]), seen);
      weightsA[tx + ${8 * c}u][ty] = ds;
      weightsB[tx + ${8 * c}u][ty] = p; }`)
    }
    workgroupBarrier();
    ${
      accumulate(layout, [
        { to: "dk", weights: "weightsA", tile: "tileA" },
        { to: "dv", weights: "weightsB", tile: "tileB" },
      ])
    }
  }
  ${store("DK", "dk", layout, "uniforms.keys", () => `${scale}`)}
  ${store("DV", "dv", layout, "uniforms.keys", () => "1.0")}`,
  };
});

/** The gradients of queries, keys and values. */
export function attentionGrad(
  { inputs, attrs }: Parameters<KernelFunc>[0],
  layout: Layout,
): tf.TensorInfo[] {
  const { query, key, value, y, lse, dy } = inputs as Record<
    string,
    tf.TensorInfo
  >;
  const options = attrs as unknown as PlainAttentionOptions,
    { causal } = options;
  const { count, queries, keys, numbers } = sizesOf(
    query!.shape,
    key!.shape,
    options,
  );
  const delta = output(lse!.shape);
  runRows(DELTA, y!.shape, [delta], [y!, dy!]);
  const given = [query!, key!, value!, dy!, lse!, delta];
  const dq = output(query!.shape);
  const dk = output(key!.shape), dv = output(value!.shape);
  const groups = (rows: number) => count * Math.ceil(rows / FIXED);
  runShader(
    ofQueries(layout, causal),
    [dq],
    given,
    numbers,
    groups(queries),
  );
  runShader(ofKeys(layout, causal), [dk, dv], given, numbers, groups(keys));
  webGpuBackend().disposeData(delta.dataId);
  return [dq, dk, dv];
}
