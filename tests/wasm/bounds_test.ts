import { assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { guarded, kernel, useWasm } from "./_wasm.ts";

const WINDOWS = {
  filterSize: [2, 2],
  strides: [1, 1],
  pad: "valid",
  dataFormat: "NHWC",
  dilations: [1, 1],
};
const VOLUMES = { filterSize: [2, 2, 2], strides: [1, 1, 1], pad: "valid" };

/** Kernels, with tensors that are too small for the sizes in their options. */
const CASES: [string, Record<string, number[]>, object][] = [
  ["MaxPoolGrad", { dy: [1, 2, 2, 1], input: [1, 4, 4, 1] }, WINDOWS],
  ["MaxPool3DGrad", { dy: [1, 2, 2, 2, 1], input: [1, 4, 4, 4, 1] }, VOLUMES],
  ["Conv2DBackpropFilter", { x: [1, 4, 4, 1], dy: [1, 2, 2, 1] }, {
    ...WINDOWS,
    filterShape: [2, 2, 1, 1],
  }],
  ["Conv2DBackpropInput", { dy: [1, 2, 2, 1], filter: [2, 2, 1, 1] }, {
    ...WINDOWS,
    inputShape: [1, 4, 4, 1],
  }],
  ["Conv3DBackpropFilterV2", { x: [1, 4, 4, 4, 1], dy: [1, 2, 2, 2, 1] }, {
    ...VOLUMES,
    filterShape: [2, 2, 2, 1, 1],
  }],
  ["Conv3DBackpropInputV2", {
    dy: [1, 2, 2, 2, 1],
    filter: [2, 2, 2, 1, 1],
  }, { ...VOLUMES, inputShape: [1, 4, 4, 4, 1] }],
  ["DepthwiseConv2dNativeBackpropFilter", {
    x: [1, 4, 4, 2],
    dy: [1, 2, 2, 2],
  }, { ...WINDOWS, filterShape: [2, 2, 2, 1] }],
  ["DepthwiseConv2dNativeBackpropInput", {
    dy: [1, 2, 2, 2],
    filter: [2, 2, 2, 1],
  }, { ...WINDOWS, inputShape: [1, 4, 4, 2] }],
  ["Select", { condition: [4], t: [8], e: [4] }, {}],
  ["UnsortedSegmentSum", { x: [2, 3], segmentIds: [3] }, { numSegments: 2 }],
  ["CrossEntropy", { logits: [4, 5], labels: [3] }, {
    smoothing: 0,
    ignoreIndex: null,
  }],
  ["CrossEntropyGrad", { logits: [4, 5], labels: [4], lse: [4], dy: [2] }, {
    smoothing: 0,
    ignoreIndex: null,
  }],
  ["GeluGrad", { x: [8], dy: [4] }, {}],
  ["LstmGates", { x: [2, 8], y: [2, 4], c: [2, 2] }, {}],
  ["LstmGatesGrad", {
    ...{ gates: [2, 8], c: [2, 2], next: [2, 2] },
    ...{ dH: [1, 2], dNext: [2, 2] },
  }, {}],
  ["RowsProduct", { a: [2, 2], b: [4, 5] }, { first: 0, count: 3 }],
  ["RowsProduct", { a: [2, 3], b: [4, 5], bias: [4] }, { first: 1, count: 3 }],
  ["GruReset", { x: [2, 6], y: [2, 2], h: [2, 2] }, {}],
  ["GruUpdate", { gates: [2, 4], state: [2, 2], h: [2, 2] }, {}],
  ["MguGates", { x: [2, 4], y: [2, 2], state: [1, 2], h: [2, 2] }, {}],
  ["MguGatesGrad", {
    ...{ gates: [2, 4], state: [2, 2], h: [2, 2], dNext: [1, 2] },
  }, {}],
  ["SoftmaxGrad", { y: [2, 4], dy: [2, 2] }, {}],
  ["LayerNormGrad", { y: [2, 4], dy: [2, 2], scale: [2] }, {}],
  ["LayerNormGrad", { y: [2, 4], dy: [2, 4], scale: [1] }, {}],
];

const TYPES: Record<string, "bool" | "int32"> = {
  condition: "bool",
  labels: "int32",
  segmentIds: "int32",
};

for (const [name, shapes, attrs] of CASES) {
  Deno.test(`${name} refuses tensors smaller than its options say (${Object.keys(shapes)})`, async () => {
    await useWasm();
    guarded(() => {
      const inputs = Object.fromEntries(
        Object.entries(shapes).map(([key, shape]) => [
          key,
          tf.zeros(shape, TYPES[key] ?? "float32"),
        ]),
      );
      assertThrows(
        () => kernel(name, inputs, attrs),
        RangeError,
        "elements: current shape is",
      );
    });
  });
}

Deno.test("RowsProduct refuses rows that the matrix does not have", async () => {
  await useWasm();
  guarded(() => {
    const inputs = { a: tf.zeros([2, 3]), b: tf.zeros([4, 5]) };
    for (const first of [-1, 2]) {
      assertThrows(
        () => kernel("RowsProduct", inputs, { first, count: 3 }),
        RangeError,
        `b must have rows ${first} to ${first + 2}: current shape is [4,5]`,
      );
    }
  });
});

Deno.test("Concat refuses tensors whose other axes differ", async () => {
  await useWasm();
  guarded(() => {
    const list = [tf.zeros([2, 2]), tf.zeros([2, 3])];
    assertThrows(() => kernel("Concat", list as never, { axis: 0 }), Error);
  });
});
