/**
 * Products on WebGPU: ours beside the shaders of tfjs, on the same device.
 *
 * ```sh
 * deno run -A bench/webgpu/products.ts [--size 512] [--rounds 5]
 * ```
 *
 * Times are medians, from the call until the device has nothing more to do.
 */
import { parseArgs } from "node:util";
// Before ours take their place.
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";

const NAMES = [
  tf.BatchMatMul,
  tf.Conv2D,
  tf.Conv2DBackpropInput,
  tf.Conv2DBackpropFilter,
  tf.DepthwiseConv2dNative,
  tf.DepthwiseConv2dNativeBackpropInput,
  tf.DepthwiseConv2dNativeBackpropFilter,
];
const shipped = new Map(
  NAMES.map((name) => [name, tf.getKernel(name, "webgpu").kernelFunc]),
);
const { webGpuBackend } = await import("../../backend/webgpu/backend.ts");
const { useBackend } = await import("../../mod.ts");

const { values: options } = parseArgs({
  options: {
    size: { type: "string", default: "512" },
    rounds: { type: "string", default: "5" },
  },
});
const size = Number(options.size), rounds = Number(options.rounds);
const info = await useBackend("webgpu");
console.log(`${info.adapter}, Deno ${info.versions.deno}`);
const backend = webGpuBackend();
// On the device, since tfjs computes with small numbers of the host there.
const one = tf.range(0, 1);
backend.uploadToGPU(one.dataId);

function wait(): void {
  tf.tidy(() => tf.add(one, 1).dataSync());
}

/** The median time of a kernel, in milliseconds. */
function timeOf(
  kernel: tf.KernelFunc,
  inputs: Record<string, tf.Tensor>,
  attrs: object,
): number {
  const times: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    wait();
    const start = performance.now();
    const y = kernel({
      inputs,
      attrs: attrs as tf.NamedAttrMap,
      backend: backend as object,
    }) as tf.TensorInfo;
    wait();
    if (i > 0) times.push(performance.now() - start);
    backend.disposeData(y.dataId);
  }
  return times.sort((a, b) => a - b)[rounds >> 1]!;
}

function compare(
  what: string,
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: object,
  flops: number,
): void {
  const [ours, theirs] = [
    tf.getKernel(name, "webgpu").kernelFunc,
    shipped.get(name)!,
  ].map((kernel) => timeOf(kernel, inputs, attrs)) as [number, number];
  console.log(
    `${what.padEnd(44)} ours ${ours.toFixed(2)} ms (${
      (flops / ours / 1e6).toFixed(1)
    } GFLOP/s), tfjs ${theirs.toFixed(2)} ms: ${(theirs / ours).toFixed(1)}x`,
  );
  tf.dispose(inputs);
}

const random = (shape: number[]) => tf.randomNormal(shape);

for (
  const [kind, transposeA, transposeB] of [
    ["NN", false, false],
    ["NT", false, true],
    ["TN", true, false],
    ["TT", true, true],
  ] as const
) {
  compare(
    `matMul ${size} ${kind}`,
    tf.BatchMatMul,
    { a: random([size, size]), b: random([size, size]) },
    { transposeA, transposeB },
    2 * size ** 3,
  );
}

/** Layers: images, channels, filters, side of the filter. */
const LAYERS: [string, [number, number, number, number], [number, number]][] = [
  ["28x28x1 to 24, 5x5, batch 32", [32, 28, 28, 1], [24, 5]],
  ["12x12x24 to 32, 3x3, batch 32", [32, 12, 12, 24], [32, 3]],
  ["16x16x64 to 64, 3x3, batch 8", [8, 16, 16, 64], [64, 3]],
];
for (const [what, shape, [filters, side]] of LAYERS) {
  const [batch, height, width, channels] = shape;
  const filterShape = [side, side, channels, filters];
  const outShape = [batch, height - side + 1, width - side + 1, filters];
  const flops = 2 * tf.util.sizeFromShape(outShape) * side * side * channels;
  const attrs = { strides: 1, pad: "valid", dataFormat: "NHWC" };
  const [x, filter, dy] = [shape, filterShape, outShape].map(random);
  const kept = { x: x!, filter: filter!, dy: dy! };
  compare(
    `convolution ${what}`,
    tf.Conv2D,
    {
      x: tf.clone(kept.x),
      filter: tf.clone(kept.filter),
    },
    { ...attrs, dilations: 1 },
    flops,
  );
  compare(
    "  its input gradient",
    tf.Conv2DBackpropInput,
    {
      dy: tf.clone(kept.dy),
      filter: tf.clone(kept.filter),
    },
    { ...attrs, inputShape: shape },
    flops,
  );
  compare(
    "  its filter gradient",
    tf.Conv2DBackpropFilter,
    {
      x: tf.clone(kept.x),
      dy: tf.clone(kept.dy),
    },
    { ...attrs, filterShape },
    flops,
  );
  tf.dispose(kept);
}
const start = performance.now();
for (let i = 0; i < 100; i++) wait();
console.log(
  `a read of a scalar: ${((performance.now() - start) / 100).toFixed(3)} ms`,
);
Deno.exit();
