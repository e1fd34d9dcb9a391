import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  assertSameAsCpu,
  type Case,
  dot,
  guarded,
  kernel,
  random,
  tensor,
  useWasm,
  values,
} from "./_wasm.ts";

type Pad = "valid" | "same" | number;

/** `[n, h, w, c]`, `[kh, kw, filters]`, stride, padding, dilation. */
const IMAGES: [
  number[],
  number[],
  number | [number, number],
  Pad,
  number | [number, number],
][] = [
  [[2, 5, 5, 3], [3, 3, 4], 1, "same", 1],
  [[2, 5, 6, 3], [3, 3, 4], 1, "valid", 1],
  [[1, 7, 6, 2], [3, 2, 5], 2, "same", 1],
  [[3, 8, 7, 4], [2, 3, 3], [2, 1], "valid", 1],
  [[2, 4, 4, 5], [1, 1, 7], 1, "valid", 1],
  [[2, 6, 6, 8], [1, 1, 8], 2, "valid", 1],
  [[1, 9, 9, 1], [5, 5, 6], 1, 2, 1],
  [[1, 3, 3, 2], [5, 5, 2], 1, "same", 1],
  [[2, 9, 8, 3], [3, 3, 4], 1, "same", 2],
  [[1, 9, 9, 2], [2, 3, 3], 1, "valid", 3],
  [[0, 4, 4, 2], [2, 2, 3], 1, "valid", 1],
  [[4, 30, 30, 9], [3, 3, 8], 1, "same", 1],
  [[2, 9, 7, 5], [3, 2, 11], 1, "same", 1],
  [[3, 12, 11, 4], [4, 3, 9], 1, "valid", 1],
  [[3, 7, 6, 6], [2, 3, 13], 2, "same", 1],
  [[2, 17, 16, 1], [5, 5, 16], 1, "same", 1],
  [[1, 5, 5, 4], [1, 1, 8], 1, 2, 1],
  [[2, 4, 5, 4], [3, 3, 9], 1, 3, 1],
  [[1, 6, 6, 3], [3, 3, 8], 2, 4, 1],
  [[2, 8, 9, 2], [3, 3, 5], 1, 5, 2],
  [[3, 2, 2, 3], [3, 3, 8], 1, "same", 1],
  [[2, 9, 8, 4], [3, 3, 10], [1, 2], "same", [2, 1]],
];

Deno.test("conv2d and both its gradients are the cpu backend's, for all strides, paddings and sizes", async () => {
  const cases = IMAGES.flatMap(
    ([x, [kh, kw, n], strides, pad, dilations]): Case[] => {
      const name =
        `[${x}] ${kh}x${kw}x${n} stride ${strides} ${pad} dilation ${dilations}`;
      const filterShape = [kh!, kw!, x[3]!, n!],
        attrs = { strides, pad, dataFormat: "NHWC" };
      const info = tf.backend_util.computeConv2DInfo(
        x as [number, number, number, number],
        filterShape as [number, number, number, number],
        strides,
        dilations,
        pad,
      );
      const forward: Case = [
        `conv2d ${name}`,
        (next) =>
          kernel("Conv2D", {
            x: tensor(x, next),
            filter: tensor(filterShape, next),
          }, {
            ...attrs,
            dilations,
          }),
      ];
      if (dilations !== 1 || info.outShape.includes(0)) return [forward];
      return [
        forward,
        [`filter gradient ${name}`, (next) => {
          const inputs = {
            x: tensor(x, next),
            dy: tensor(info.outShape, next),
          };
          return kernel("Conv2DBackpropFilter", inputs, {
            ...attrs,
            filterShape,
          });
        }],
        [`input gradient ${name}`, (next) => {
          const inputs = {
            dy: tensor(info.outShape, next),
            filter: tensor(filterShape, next),
          };
          return kernel("Conv2DBackpropInput", inputs, {
            ...attrs,
            inputShape: x,
          });
        }],
      ];
    },
  );
  await assertSameAsCpu(cases, { tolerance: 3e-5 });
});

for (const images of [1, 7]) {
  Deno.test({
    name:
      `conv2d of ${images} images and its gradients have the same bits with any number of threads`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const x = [images, 20, 20, 16], filterShape = [3, 3, 16, 20];
      const out = [images, 20, 20, 20];
      const attrs = {
        strides: 1,
        pad: "same",
        dataFormat: "NHWC",
        dilations: 1,
      };
      const results: number[][][] = [];
      for (const threads of [1, 2, 5]) {
        await useWasm(threads);
        tf.tidy(() => {
          const next = random(1);
          const image = tensor(x, next), filter = tensor(filterShape, next);
          const dy = tensor(out, next);
          results.push([
            kernel("Conv2D", { x: image, filter }, attrs),
            kernel("Conv2DBackpropFilter", { x: image, dy }, {
              ...attrs,
              filterShape,
            }),
            kernel("Conv2DBackpropInput", { dy, filter }, {
              ...attrs,
              inputShape: x,
            }),
          ].map(values));
        });
      }
      assertEquals(results[1], results[0]);
      assertEquals(results[2], results[0]);
      await useWasm(1);
    },
  });
}

Deno.test("conv2d takes channels first, and so do its gradients", async () => {
  await useWasm();
  guarded(() => {
    let i = 0;
    const next = () => (i = (i + 0.37) % 1);
    const x = tensor([2, 6, 5, 3], next), filter = tensor([3, 3, 3, 4], next);
    const first = (t: tf.Tensor) => tf.transpose(t, [0, 3, 1, 2]);
    const last = (t: tf.Tensor) => tf.transpose(t, [0, 2, 3, 1]);
    const nhwc = { strides: 2, pad: "same", dataFormat: "NHWC", dilations: 1 };
    const nchw = { ...nhwc, dataFormat: "NCHW" };
    const y = kernel("Conv2D", { x, filter }, nhwc);
    assertEquals(
      values(last(kernel("Conv2D", { x: first(x), filter }, nchw))),
      values(y),
    );
    const filterShape = filter.shape;
    const a = kernel("Conv2DBackpropFilter", { x, dy: y }, {
      ...nhwc,
      filterShape,
    });
    const b = kernel("Conv2DBackpropFilter", { x: first(x), dy: first(y) }, {
      ...nchw,
      filterShape,
    });
    assertEquals(values(b), values(a));
    const c = kernel("Conv2DBackpropInput", { dy: y, filter }, {
      ...nhwc,
      inputShape: x.shape,
    });
    const d = kernel("Conv2DBackpropInput", { dy: first(y), filter }, {
      ...nchw,
      inputShape: first(x).shape,
    });
    assertEquals(values(last(d)), values(c));
  });
});

for (const [channels, filters] of [[3, 4], [5, 9]] as const) {
  Deno.test(`the gradients of a dilated conv2d from ${channels} to ${filters} channels are adjoint to it`, async () => {
    await useWasm();
    guarded(() => {
      const next = random(1);
      const attrs = {
        strides: 1,
        pad: "same",
        dataFormat: "NHWC",
        dilations: [2, 3],
      };
      const x = tensor([2, 9, 8, channels], next, 0);
      const filter = tensor([3, 2, channels, filters], next, 0);
      const y = kernel("Conv2D", { x, filter }, attrs);
      const dy = tensor(y.shape, next, 0);
      const want = dot(y, dy);
      const dx = kernel("Conv2DBackpropInput", { dy, filter }, {
        ...attrs,
        inputShape: x.shape,
      });
      const dw = kernel("Conv2DBackpropFilter", { x, dy }, {
        ...attrs,
        filterShape: filter.shape,
      });
      for (const got of [dot(x, dx), dot(filter, dw)]) {
        if (Math.abs(got - want) > 1e-6 * Math.abs(want)) {
          throw new Error(`${got} != ${want}`);
        }
      }
    });
  });
}

Deno.test("fused conv2d adds its bias and ends with its activation", async () => {
  const cases = ["relu", "elu", "sigmoid", "leakyrelu"].flatMap((
    activation,
  ): Case[] =>
    [[4], []].map((
      bias,
    ) => [`${activation} [${bias}]`, (next) =>
      kernel("FusedConv2D", {
        x: tensor([2, 5, 5, 3], next),
        filter: tensor([3, 3, 3, 4], next),
        bias: tensor(bias, next),
      }, {
        strides: 1,
        pad: "same",
        dataFormat: "NHWC",
        dilations: 1,
        activation,
        leakyreluAlpha: 0.3,
      })]
    )
  );
  await assertSameAsCpu(cases);
});

Deno.test("conv3d and conv3dTranspose, and gradients with stride 2, are the cpu backend's", async () => {
  const table: [number[], number[], number, "valid" | "same"][] = [
    [[1, 3, 3, 3, 1], [2, 2, 2, 1, 1], 1, "valid"],
    [[2, 4, 5, 4, 2], [3, 2, 3, 2, 3], 2, "same"],
    [[1, 4, 5, 6, 1], [3, 2, 3, 1, 1], 2, "same"],
    [[2, 5, 4, 3, 3], [2, 1, 2, 3, 2], 1, "same"],
    [[1, 6, 6, 6, 2], [2, 2, 2, 2, 2], 2, "valid"],
    [[2, 4, 5, 6, 4], [2, 3, 2, 4, 9], 1, "same"],
    [[1, 7, 5, 6, 4], [3, 2, 3, 4, 8], 1, "valid"],
    [[2, 7, 5, 6, 3], [3, 2, 3, 3, 8], 2, "same"],
  ];
  const cases = table.flatMap(([x, filterShape, strides, pad]): Case[] => {
    const attrs = { strides, pad, dataFormat: "NDHWC", dilations: 1 };
    const name = `[${x}] [${filterShape}] ${strides} ${pad}`;
    type Shape = [number, number, number, number, number];
    const { outShape } = tf.backend_util.computeConv3DInfo(
      x as Shape,
      filterShape as Shape,
      strides,
      1,
      pad,
    );
    return [
      [
        `forward ${name}`,
        (next) =>
          kernel("Conv3D", {
            x: tensor(x, next),
            filter: tensor(filterShape, next),
          }, attrs),
      ],
      [`filter ${name}`, (next) => {
        const inputs = { x: tensor(x, next), dy: tensor(outShape, next) };
        return kernel("Conv3DBackpropFilterV2", inputs, {
          ...attrs,
          filterShape,
        });
      }],
      [`input ${name}`, (next) => {
        const inputs = {
          dy: tensor(outShape, next),
          filter: tensor(filterShape, next),
        };
        return kernel("Conv3DBackpropInputV2", inputs, {
          ...attrs,
          inputShape: x,
        });
      }],
    ];
  });
  await assertSameAsCpu(cases);
});

Deno.test("conv3dTranspose of ones sums to all 64 products", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.ones([1, 2, 2, 2, 1]) as tf.Tensor5D;
    const filter = tf.ones([2, 2, 2, 1, 1]) as tf.Tensor5D;
    const y = tf.conv3dTranspose(x, filter, [1, 4, 4, 4, 1], 2, "same");
    assertEquals(values(tf.sum(y)), [64]);
  });
});

Deno.test("conv2d sees a filter that was overwritten in place", async () => {
  const { wasmBackend } = await import("../../backend/wasm/machine/backend.ts");
  await useWasm();
  tf.tidy(() => {
    const x = tf.ones([1, 3, 3, 1]) as tf.Tensor4D,
      w = tf.ones([3, 3, 1, 1]) as tf.Tensor4D;
    assertEquals(values(tf.conv2d(x, w, 1, "valid")), [9]);
    wasmBackend().typedArrayFromHeap(w).fill(10);
    assertEquals(values(tf.conv2d(x, w, 1, "valid")), [90]);
  });
});

Deno.test("conv2d of integers throws rather than returning garbage", async () => {
  await useWasm();
  tf.tidy(() => {
    const x = tf.ones([1, 3, 3, 1], "int32"),
      filter = tf.ones([2, 2, 1, 1], "int32");
    const attrs = {
      strides: 1,
      pad: "valid",
      dataFormat: "NHWC",
      dilations: 1,
    };
    assertThrows(
      () => kernel("Conv2D", { x, filter }, attrs),
      TypeError,
      "must be float32",
    );
  });
});
