/** Products in mixed precision: sums in float64 of factors that are rounded to f16. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  backendInfo,
  compile,
  optim,
  ParamState,
  random,
  tf,
  useBackend,
} from "../../mod.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { memoryOf, nameOf, threadsOf } from "../../backend/webgpu/gemm/tile.ts";
import { LARGER } from "../../bench/device/mixed.ts";
import { product } from "../../bench/device/products.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { HAS_HALF } from "../_mixed.ts";
import * as convolution from "./_convolution.ts";
import { withAdapter } from "./_device.ts";
import * as matmul from "./_matmul.ts";

const only = HAS_HALF ? ["webgpu"] as const : [];

/** The nearest values of f16, the even one of two. */
function half(values: ArrayLike<number>): Float32Array {
  return Float32Array.from(values, (x) => {
    if (!Number.isFinite(x) || x === 0) return x;
    // The distance of neighbours: 2^-10 of the power of 2 below, and 2^-24 at least.
    const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - 10, -24);
    const steps = x / unit, below = Math.floor(steps), rest = steps - below;
    const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
    const rounded = (below + (isUp ? 1 : 0)) * unit;
    return Math.abs(rounded) > 65504 ? Math.sign(x) * Infinity : rounded;
  });
}

/** Run `fn` in mixed precision. */
async function mixed(fn: () => void | Promise<void>): Promise<void> {
  await useBackend("webgpu", { precision: "mixed" });
  try {
    await fn();
  } finally {
    await useBackend("webgpu");
  }
}

function onWebGpu(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, () => mixed(fn), { only });
}

onWebGpu(
  "mixed products in all layouts, of odd sizes and of sizes that vectors of four fit",
  () => {
    random.seed(1);
    for (const layout of matmul.LAYOUTS) {
      for (
        const [m, n, k] of [[1, 1, 1], [3, 129, 17], [65, 5, 33], [64, 68, 36]]
      ) {
        matmul.check(matmul.shapes(m!, n!, k!, layout), half);
      }
    }
  },
);

onWebGpu("mixed products whose terms are cut, and by the largest tile", () => {
  random.seed(2);
  for (const layout of matmul.LAYOUTS) {
    matmul.check(matmul.shapes(33, 36, 2049, layout), half);
  }
  matmul.check(matmul.shapes(2050, 2049, 3, matmul.LAYOUTS[0]!), half);
});

if (FULL) {
  onWebGpu(
    "the larger tiles that bench/device measures have the same sums",
    () => {
      const { limits } = webGpuBackend().device;
      random.seed(7);
      for (const size of [66, 132]) {
        const a = matmul.filled([size, size]) as tf.Tensor2D;
        const b = matmul.filled([size, size]) as tf.Tensor2D;
        const x = half(a.dataSync()), y = half(b.dataSync());
        for (const layout of ["NN", "NT", "TN"] as const) {
          const expected = Float64Array.from({ length: size ** 2 }, (_, at) => {
            const i = Math.floor(at / size), j = at % size;
            let sum = 0;
            for (let t = 0; t < size; t++) {
              sum += x[layout === "TN" ? t * size + i : i * size + t]! *
                y[layout === "NT" ? j * size + t : t * size + j]!;
            }
            return sum;
          });
          for (const tile of LARGER) {
            const fits =
              memoryOf(tile) / 2 <= limits.maxComputeWorkgroupStorageSize;
            if (
              !fits ||
              threadsOf(tile) > limits.maxComputeInvocationsPerWorkgroup
            ) {
              console.log(`the device is too small for ${nameOf(tile)}`);
              continue;
            }
            const termsPerSplit = tile.k * Math.ceil(size / tile.k);
            const info = product(a, b, layout, {
              tile,
              splits: 1,
              termsPerSplit,
            });
            const c = tf.engine().makeTensorFromTensorInfo(info);
            c.dataSync().forEach((value, i) => {
              const error = Math.abs(value - expected[i]!);
              assert(
                error < 1e-4,
                `${nameOf(tile)} ${layout}: off by ${error}`,
              );
            });
            c.dispose();
          }
        }
        tf.dispose([a, b]);
      }
    },
  );
}

onWebGpu("mixed products of batches that broadcast", () => {
  random.seed(3);
  for (const [a, b] of [[[3], [3]], [[2, 1], [1, 3]], [[], [4]]]) {
    for (const layout of matmul.LAYOUTS) {
      const { a: p, b: q } = matmul.shapes(8, 5, 12, layout);
      matmul.check({ a: [...a!, ...p], b: [...b!, ...q], ...layout }, half);
    }
  }
});

onWebGpu("mixed convolutions and their gradients", () => {
  random.seed(4);
  for (const attrs of convolution.ATTRS) {
    for (const [channels, filters] of [[3, 5], [4, 8]]) {
      const filter = [3, 2, channels!, filters!];
      convolution.check({ x: [2, 9, 8, channels!], filter, attrs }, half);
    }
  }
  const dilated = { dilations: [2, 3], pad: "same" } as const;
  convolution.check({
    x: [2, 9, 10, 4],
    filter: [3, 3, 4, 4],
    attrs: dilated as unknown as NonNullable<convolution.Case["attrs"]>,
  }, half);
  convolution.check({ x: [2, 6, 7, 8], filter: [1, 1, 8, 4] }, half);
  convolution.check({ x: [8, 14, 14, 12], filter: [3, 3, 12, 16] }, half);
  convolution.check({ x: [2, 5, 6, 7, 3], filter: [2, 3, 3, 3, 4] }, half);
});

onWebGpu("mixed precision leaves depthwise convolutions in f32", () => {
  random.seed(5);
  convolution.check({
    x: [2, 9, 8, 4],
    filter: [3, 2, 4, 2],
    isDepthwise: true,
  });
});

onEachBackend(
  "the precision decides how factors are rounded, and full is the default",
  async () => {
    random.seed(6);
    const a = random.normal([20, 30]) as tf.Tensor2D;
    const b = random.normal([30, 10]) as tf.Tensor2D;
    const product = () => tf.tidy(() => tf.matMul(a, b).dataSync());
    assertEquals(backendInfo().precision, "full");
    const full = product();
    await mixed(() => {
      assertEquals(backendInfo().precision, "mixed");
      const other = product();
      const sizes = tf.tidy(() => tf.matMul(tf.abs(a), tf.abs(b)).dataSync());
      let most = 0;
      other.forEach((x, i) => {
        most = Math.max(most, Math.abs(x - full[i]!) / sizes[i]!);
      });
      // Two factors, each rounded by 2^-11 of its size at most.
      assert(most > 2 ** -16 && most < 2 ** -10, `error ${most}`);
    });
    assertEquals(product(), full);
    tf.dispose([a, b]);
  },
  { only },
);

onWebGpu(
  "a factor that f16 cannot hold is infinite, and integers are not rounded",
  () => {
    const one = tf.ones<tf.Rank.R2>([1, 1]);
    for (
      const [x, y] of [
        [65519, 65504],
        [65520, Infinity],
        [-1e30, -Infinity],
        [NaN, NaN],
        [2 ** -24, 2 ** -24],
        [2 ** -26, 0],
      ]
    ) {
      assertEquals(
        tf.matMul(tf.tensor2d([[x!]]), one).dataSync()[0],
        y,
        `${x}`,
      );
    }
    const large = tf.tensor2d([[2 ** 25 + 1]], undefined, "int32");
    const whole = tf.ones<tf.Rank.R2>([1, 1], "int32");
    assertEquals(tf.matMul(large, whole).dataSync()[0], 2 ** 25 + 1);
  },
);

onWebGpu("bias and activation of mixed products are in f32", () => {
  const a = tf.tensor2d([[1 + 2 ** -12, 2]]), b = tf.tensor2d([[1], [1]]);
  const bias = tf.tensor1d([2 ** -12]);
  const y = tf.fused.matMul({ a, b, bias, activation: "relu" });
  assertEquals(y.dataSync()[0], 3 + 2 ** -12);
});

onEachBackend(
  "steps of optimizers are those of full precision, also with tiny gradients",
  async () => {
    const optimizers: Record<string, () => optim.Optimizer> = {
      Muon: () => new optim.Muon({ lr: 0.1 }) as optim.Optimizer,
      Soap: () => new optim.Soap({ preconditionFrequency: 2, eps: 1e-12 }),
      GaLore: () => new optim.GaLore({ rank: 2, eps: 1e-12 }),
    };
    const run = async (make: () => optim.Optimizer) => {
      const w = new ParamState(tf.ones([6, 8]));
      using optimizer = make().registerTrainableWeights({ w });
      for (let k = 1; k <= 5; k++) {
        const g = tf.sin(tf.range(k, 48 + k));
        optimizer.step({ w: tf.mul(tf.reshape(g, [6, 8]), 1e-7) });
      }
      const values = [...await w.value.data()];
      w.dispose();
      return values;
    };
    for (const [name, make] of Object.entries(optimizers)) {
      const full = await run(make);
      assert(full.some((x) => x !== 1), name);
      await mixed(async () => assertEquals(await run(make), full, name));
    }
  },
  { only },
);

onEachBackend(
  "a compiled function is recorded anew for each precision",
  async () => {
    const a = tf.tensor2d([[1 + 2 ** -12]]), b = tf.tensor2d([[1]]);
    const product = compile((a: tf.Tensor2D, b: tf.Tensor2D) =>
      tf.matMul(a, b)
    );
    const run = () => {
      for (let i = 0; i < 3; i++) product(a, b).dispose();
      const y = product(a, b), value = y.dataSync()[0];
      y.dispose();
      return value;
    };
    assertEquals(run(), 1 + 2 ** -12);
    await mixed(() => assertEquals(run(), 1));
    assertEquals(run(), 1 + 2 ** -12);
    const { programs, replayed } = product.report();
    assertEquals([programs.length, replayed], [2, 8]);
    product.dispose();
    tf.dispose([a, b]);
  },
  { only },
);

onEachBackend(
  "mixed precision needs shader-f16, and nothing changes without it",
  async () => {
    const before = backendInfo();
    await withAdapter({ without: "shader-f16" }, async () => {
      await assertRejects(
        () => useBackend("webgpu", { precision: "mixed" }),
        Error,
        'Cannot start WebGPU: precision "mixed" needs an adapter with shader-f16, which ',
      );
    });
    assertEquals(backendInfo(), before);
  },
  { only },
);

Deno.test("mixed precision is refused on other backends, and nothing changes", async () => {
  await useBackend("cpu");
  for (const name of ["wasm", "cpu"] as const) {
    await assertRejects(
      () => useBackend(name, { precision: "mixed" }),
      RangeError,
      `Cannot use backend: precision must be "full" on ${name}: current value is "mixed"`,
    );
    assertEquals(backendInfo().backend, "cpu");
  }
  await assertRejects(
    () => useBackend("webgpu", { precision: "half" as never }),
    RangeError,
    'precision must be one of "full", "mixed": current value is "half"',
  );
  assertEquals(
    (await useBackend("cpu", { precision: "full" })).precision,
    "full",
  );
});
