import { assertAlmostEquals, assertEquals } from "@std/assert";
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

/** `[n, h, w, c]`, filter, stride, padding. */
type Size = number | [number, ...number[]];

const IMAGES: [number[], Size, Size, "valid" | "same" | number][] = [
  [[1, 4, 4, 1], 2, 2, "valid"],
  [[2, 5, 6, 3], 3, 1, "same"],
  [[2, 7, 5, 4], 3, 2, "same"],
  [[3, 6, 6, 9], 2, 2, "valid"],
  [[1, 5, 5, 2], 3, 2, 1],
  [[2, 3, 3, 5], 1, 1, "valid"],
  [[1, 2, 2, 1], 5, 1, "same"],
  [[0, 4, 4, 2], 2, 2, "valid"],
  [[2, 5, 7, 6], 2, 2, "valid"],
  [[2, 7, 7, 5], 2, 3, "valid"],
  [[1, 6, 5, 4], 2, 1, "valid"],
  [[2, 5, 5, 3], 1, 2, "valid"],
  [[2, 5, 7, 8], [1, 3], [1, 3], "valid"],
  [[2, 5, 5, 3], 2, 2, "same"],
];

/** Different numbers, in any order, all between `low` and `high`. */
function distinct(
  shape: readonly number[],
  next: () => number,
  low: number,
  high: number,
) {
  const n = shape.reduce((x, y) => x * y, 1);
  const order = Array.from({ length: n }, (_, i) => [next(), i] as const).sort((
    a,
    b,
  ) => a[0] - b[0]);
  return tf.tensor(order.map(([, i]) => low + (high - low) * i / n), [
    ...shape,
  ]);
}

const SIGNS = [[-9, -1], [-1, 1], [1, 9]] as const;

Deno.test("maxPool and its gradient are right for windows of any sign", async () => {
  const cases = IMAGES.flatMap(([shape, filterSize, strides, pad]) =>
    SIGNS.flatMap(([low, high]): Case[] => {
      const attrs = { filterSize, strides, pad, includeBatchInIndex: false };
      const name =
        `[${shape}] ${filterSize} ${strides} ${pad} ${low} to ${high}`;
      const pool = (x: tf.Tensor) => kernel("MaxPool", { x }, attrs);
      const forward: Case = [
        `forward ${name}`,
        (next) => pool(distinct(shape, next, low, high)),
      ];
      if (shape[0] === 0) return [forward];
      return [
        forward,
        [`gradient ${name}`, (next) => {
          const input = distinct(shape, next, low, high), output = pool(input);
          const dy = tensor(output.shape, next);
          return kernel("MaxPoolGrad", { dy, input, output }, attrs);
        }],
        ...[false, true].map((includeBatchInIndex): Case => [
          `index ${name}`,
          (next) => {
            const x = distinct(shape, next, low, high);
            const options = { ...attrs, includeBatchInIndex };
            return tf.engine().runKernel(
              "MaxPoolWithArgmax",
              { x },
              options,
            ) as tf.Tensor[];
          },
        ]),
      ];
    })
  );
  await assertSameAsCpu(cases);
});

Deno.test("maxPool3d and its gradient are right for windows of any sign", async () => {
  const table: [number[], Size, Size, "valid" | "same"][] = [
    [[1, 4, 4, 4, 1], 2, 2, "valid"],
    [[2, 5, 4, 3, 6], [2, 1, 2], [2, 1, 2], "valid"],
    [[2, 3, 5, 4, 3], 3, 2, "same"],
    [[1, 3, 4, 3, 5], 2, 1, "valid"],
  ];
  await assertSameAsCpu(
    table.flatMap(([shape, filterSize, strides, pad]) =>
      SIGNS.flatMap(([low, high]): Case[] => {
        const attrs = { filterSize, strides, pad, dataFormat: "NDHWC" };
        const name = `[${shape}] ${low} to ${high}`;
        return [
          [`forward ${name}`, (next) =>
            kernel(
              "MaxPool3D",
              { x: distinct(shape, next, low, high) },
              attrs,
            )],
          [`gradient ${name}`, (next) => {
            const input = distinct(shape, next, low, high);
            const output = kernel("MaxPool3D", { x: input }, attrs);
            return kernel("MaxPool3DGrad", {
              dy: tensor(output.shape, next),
              input,
              output,
            }, attrs);
          }],
        ];
      })
    ),
  );
});

Deno.test("maxPool passes the gradient to the largest element of an all-negative window", async () => {
  await useWasm();
  guarded(() => {
    const input = tf.tensor4d([-4, -3, -1, -2], [1, 2, 2, 1]);
    const attrs = { filterSize: 2, strides: 2, pad: "valid" };
    const output = kernel("MaxPool", { x: input }, attrs);
    assertEquals(values(output), [-1]);
    const dy = tf.ones([1, 1, 1, 1]);
    assertEquals(values(kernel("MaxPoolGrad", { dy, input, output }, attrs)), [
      0,
      0,
      1,
      0,
    ]);
  });
});

Deno.test("maxPool passes the gradient to the first of equal elements, and to a NaN", async () => {
  await useWasm();
  guarded(() => {
    const attrs = { filterSize: 2, strides: 2, pad: "valid" };
    const rows: [number[], number][] = [
      [[1, 1, 1, 1], 0],
      [[0, 2, 2, 1], 1],
      [[0, 1, 2, 2], 2],
      [[0, 1, 2, 3], 3],
      [[-Infinity, -Infinity, -Infinity, -Infinity], 0],
      [[0, NaN, 2, 3], 1],
      [[NaN, 1, NaN, 3], 0],
      [[0, 1, 2, NaN], 3],
    ];
    for (const channels of [1, 4]) {
      for (const [window, first] of rows) {
        const each = <T>(x: T) => Array<T>(channels).fill(x);
        const input = tf.tensor4d(window.flatMap(each), [1, 2, 2, channels]);
        const output = kernel("MaxPool", { x: input }, attrs);
        const dy = tf.fill([1, 1, 1, channels], 5);
        assertEquals(
          values(kernel("MaxPoolGrad", { dy, input, output }, attrs)),
          [0, 1, 2, 3].flatMap((i) => each(i === first ? 5 : 0)),
        );
      }
    }
  });
});

Deno.test("maxPool and its gradient have the same bits with any number of threads", async () => {
  for (const [filterSize, strides] of [[2, 2], [3, 2]]) {
    const attrs = { filterSize, strides, pad: "same" };
    const results: number[][][] = [];
    for (const threads of [1, 2, 5]) {
      await useWasm(threads);
      tf.tidy(() => {
        const input = tensor([9, 22, 22, 10], random(1));
        const output = kernel("MaxPool", { x: input }, attrs);
        const dy = tensor(output.shape, random(2));
        const dx = kernel("MaxPoolGrad", { dy, input, output }, attrs);
        results.push([values(output), values(dx)]);
      });
    }
    assertEquals(results[1], results[0]);
    assertEquals(results[2], results[0]);
  }
  await useWasm();
});

Deno.test("maxPool3d of negative numbers is not 1.2e-38", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor5d([-8, -7, -6, -5, -4, -3, -2, -1], [1, 2, 2, 2, 1]);
    assertEquals(values(tf.maxPool3d(x, 2, 2, "valid")), [-1]);
  });
});

Deno.test("maxPool of a window with NaN is NaN", async () => {
  await useWasm();
  guarded(() => {
    const x = tf.tensor4d([1, NaN, 3, 4, 5, 6, 7, 8], [1, 2, 4, 1]);
    assertEquals(values(tf.maxPool(x, 2, 2, "valid")), [NaN, 8]);
  });
});

Deno.test("the gradients of depthwiseConv2d are the cpu backend's", async () => {
  const table: [
    number[],
    number[],
    number,
    "valid" | "same" | number,
    number,
  ][] = [
    [[2, 5, 5, 3], [3, 3, 3, 1], 1, "same", 1],
    [[1, 6, 7, 4], [3, 2, 4, 2], 1, "valid", 1],
    [[2, 7, 7, 2], [2, 2, 2, 3], 2, "same", 1],
    [[1, 8, 8, 5], [3, 3, 5, 1], 1, "valid", 1],
    [[1, 5, 5, 9], [3, 3, 9, 1], 2, 1, 1],
  ];
  await assertSameAsCpu(
    table.flatMap(([shape, filterShape, strides, pad, dilations]): Case[] => {
      const attrs = { strides, pad, dilations };
      const name = `[${shape}] [${filterShape}] ${strides} ${pad} ${dilations}`;
      const { outShape } = tf.backend_util.computeConv2DInfo(
        shape as [number, number, number, number],
        filterShape as [number, number, number, number],
        strides,
        dilations,
        pad,
        undefined,
        true,
      );
      return [
        [`filter ${name}`, (next) => {
          const inputs = { x: tensor(shape, next), dy: tensor(outShape, next) };
          return kernel("DepthwiseConv2dNativeBackpropFilter", inputs, {
            ...attrs,
            filterShape,
          });
        }],
        [`input ${name}`, (next) => {
          const inputs = {
            dy: tensor(outShape, next),
            filter: tensor(filterShape, next),
          };
          const options = { ...attrs, inputShape: shape };
          return kernel("DepthwiseConv2dNativeBackpropInput", inputs, options);
        }],
      ];
    }),
  );
});

Deno.test("the gradients of a dilated depthwiseConv2d are adjoint to it", async () => {
  // tfjs' cpu backend leaves the dilation out.
  await useWasm();
  guarded(() => {
    const next = random(9);
    const attrs = { strides: 1, pad: "same", dilations: 2 };
    const x = tensor([2, 8, 7, 3], next), filter = tensor([3, 3, 3, 2], next);
    const y = kernel("DepthwiseConv2dNative", { x, filter }, attrs);
    const dy = tensor(y.shape, next), want = dot(y, dy);
    const inputShape = x.shape, filterShape = filter.shape;
    const dx = kernel("DepthwiseConv2dNativeBackpropInput", { dy, filter }, {
      ...attrs,
      inputShape,
    });
    const dw = kernel("DepthwiseConv2dNativeBackpropFilter", { x, dy }, {
      ...attrs,
      filterShape,
    });
    assertAlmostEquals(dot(x, dx), want, 1e-4);
    assertAlmostEquals(dot(filter, dw), want, 1e-4);
  });
});
