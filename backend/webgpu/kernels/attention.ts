/**
 * Attention in tiles: no matrix of queries by keys is held in memory.
 *
 * ```text
 * s = Q Kᵀ / √size        p = e^(s - lse), 0 where masked        y = p V
 * lse_i = log Σ_j e^(s_ij) over the keys j that query i may see
 * ```
 *
 * With `causal`, query `i` sees the keys up to `i + keys - queries`.
 *
 * (Dao et al. 2022, "FlashAttention".)
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import { addKernel, type KernelFunc } from "../../kernel.ts";
import { webGpuBackend } from "../backend.ts";
import { attentionGrad } from "./attention_grad.ts";
import {
  accumulate,
  accumulators,
  cached,
  elementType,
  FIXED,
  type Layout,
  layoutOf,
  lines,
  loadTiles,
  memory,
  placement,
  products,
  reader,
  sizesOf,
  store,
  THREADS,
  UNIFORMS,
} from "./attention_tiles.ts";
import { output, runShader, type Shader } from "./run.ts";

const forward = cached((layout: Layout, causal: boolean): Shader => {
  const { rows, size } = layout, type = elementType(layout);
  const parts = rows / 8;
  return {
    name: `attention ${size} ${rows} ${causal}`,
    outputs: { Y: type, LSE: "f32" },
    inputs: { Q: type, K: type, V: type },
    uniforms: UNIFORMS,
    threads: THREADS,
    declarations: `${memory(layout)}
var<workgroup> pool : array<array<vec4<f32>, 8>, 8>;
${reader("readQ", "Q", layout)}
${reader("readK", "K", layout)}
${reader("readV", "V", layout)}
fn rowMost(x : vec4<f32>, tx : u32, ty : u32) -> vec4<f32> {
  pool[ty][tx] = x;
  workgroupBarrier();
  var y = pool[ty][0];
  ${lines(7, (i) => `y = max(y, pool[ty][${i + 1}]);`)}
  return y;
}
fn rowSum(x : vec4<f32>, tx : u32, ty : u32) -> vec4<f32> {
  workgroupBarrier();
  pool[ty][tx] = x;
  workgroupBarrier();
  var y = pool[ty][0];
  ${lines(7, (i) => `y += pool[ty][${i + 1}];`)}
  return y;
}`,
    code: `${placement("uniforms.queries", causal)}
  let query = vec4<u32>(first + 4u * ty) + vec4<u32>(0u, 1u, 2u, 3u);
  let offset = uniforms.keys - uniforms.queries;
  let end = ${
      causal
        ? `min(uniforms.keys, first + ${FIXED}u + offset)`
        : "uniforms.keys"
    };
  ${accumulators("y", layout)}
  var top = vec4<f32>(-3.4028234e38);
  var sum = vec4<f32>();
  for (var k0 = 0u; k0 < end; k0 += ${rows}u) {
    workgroupBarrier();
    ${loadTiles(layout, "readK", "readV", "k0", "uniforms.keys")}
    workgroupBarrier();
    ${products(layout, "readQ")}
    var most = top;
    ${
      lines(parts, (c) =>
        `let key${c} = k0 + tx + ${8 * c}u;
    let seen${c} = ${seen(`key${c}`, causal)};
    s${c} *= ${1 / Math.sqrt(size)};
    most = max(most, select(top, s${c}, seen${c}));`)
    }
    most = rowMost(most, tx, ty);
    let shrink = exp(top - most);
    top = most;
    sum *= shrink;
    ${
      lines(parts, (c) =>
        `{ let p = select(vec4<f32>(), exp(s${c} - most), seen${c});
      sum += p;
      weightsA[tx + ${8 * c}u][ty] = p; }`)
    }
    ${
      lines(4, (r) =>
        lines(layout.vectors / 8, (w) => `y${r}_${w} *= shrink[${r}];`))
    }
    workgroupBarrier();
    ${accumulate(layout, [{ to: "y", weights: "weightsA", tile: "tileB" }])}
  }
  let total = rowSum(sum, tx, ty);
  ${store("Y", "y", layout, "uniforms.queries", (r) => `(1.0 / total[${r}])`)}
  if (tx == 0u) {
    ${
      lines(4, (r) =>
        `if (query[${r}] < uniforms.queries) { LSE[fixed${r}] = top[${r}] + log(total[${r}]); }`)
    }
  }`,
  };
});

/** Which of four queries sees a key. */
function seen(key: string, causal: boolean): string {
  return causal
    ? `vec4<u32>(${key}) <= query + vec4<u32>(offset)`
    : `vec4<bool>(${key} < uniforms.keys)`;
}

const attention: KernelFunc = ({ inputs, attrs }) => {
  const { query, key, value } = inputs as Record<string, tf.TensorInfo>;
  const given = attrs as unknown as PlainAttentionOptions, { shape } = query!;
  const { count, queries, numbers } = sizesOf(shape, key!.shape, given);
  const y = output(shape), lse = output(shape.slice(0, 3));
  runShader(
    forward(layoutFor(shape[3]!), given.causal),
    [y, lse],
    [query!, key!, value!],
    numbers,
    count * Math.ceil(queries / FIXED),
  );
  return [y, lse];
};

/** The layout on this device, of a head that there are kernels for. */
function layoutFor(size: number): Layout {
  const { maxComputeWorkgroupStorageSize } = webGpuBackend().device.limits;
  return layoutOf(size, maxComputeWorkgroupStorageSize)!;
}

/** Register `Attention`, which gives the result and `lse`, and `AttentionGrad`. */
export function registerAttention(): void {
  addKernel("webgpu", "Attention", attention);
  addKernel("webgpu", "AttentionGrad", (args) => {
    const { query } = args.inputs as Record<string, tf.TensorInfo>;
    return attentionGrad(args, layoutFor(query!.shape[3]!));
  });
}
