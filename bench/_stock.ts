/**
 * The rival in benchmarks of WASM kernels: tfjs' own kernels, in the same process
 * and memory, swapped in while a rival runs. Gradient functions are the same for
 * both; the two kernels that tfjs lacks are composed of its own.
 */
import * as tf from "@tensorflow/tfjs-core";
import "../autodiff/mod.ts"; // registers gradients
import { useBackend } from "../backend/mod.ts";
import { stockKernels } from "../backend/wasm/machine/registry.ts";

const ours = new Map<string, tf.KernelConfig>(),
  theirs = new Map<string, tf.KernelConfig>();
let isStock = false;

/** Start WASM with one thread, for both. */
export async function start(): Promise<void> {
  await useBackend("wasm", { threads: 1 });
  for (const [name, config] of stockKernels()) theirs.set(name, config);
  compose("Conv2DBackpropFilter", filterGradient);
  compose("UnsortedSegmentSum", segmentSum);
  for (const name of theirs.keys()) ours.set(name, tf.getKernel(name, "wasm"));
}

function compose(
  kernelName: string,
  fn: (inputs: tf.NamedTensorMap, attrs: never) => tf.Tensor,
) {
  theirs.set(kernelName, {
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => fn(inputs as unknown as tf.NamedTensorMap, attrs as never)),
  });
}

/** The gradient of a filter: one `matMul` for each of its places, transposed explicitly. */
function filterGradient(
  { x, dy }: tf.NamedTensorMap,
  attrs: {
    strides: number;
    pad: "same" | "valid";
    filterShape: [number, number, number, number];
  },
): tf.Tensor {
  const { strides, pad, filterShape } = attrs,
    shape = x!.shape as [number, number, number, number];
  const c = tf.backend_util.computeConv2DInfo(
    shape,
    filterShape,
    strides,
    1,
    pad,
  );
  const {
    batchSize: n,
    outHeight: h,
    outWidth: w,
    inChannels,
    filterHeight,
    filterWidth,
  } = c;
  const { top, bottom, left, right } = c.padInfo, M = n * h * w;
  const padded = tf.pad(x!, [[0, 0], [top, bottom], [left, right], [0, 0]]);
  const gradient = tf.reshape(dy!, [M, c.outChannels]);
  const parts: tf.Tensor[] = [];
  for (let i = 0; i < filterHeight; i++) {
    for (let j = 0; j < filterWidth; j++) {
      const part = tf.slice(padded, [0, i, j, 0], [n, h, w, inChannels]);
      parts.push(
        tf.matMul(tf.transpose(tf.reshape(part, [M, inChannels])), gradient),
      );
    }
  }
  return tf.reshape(tf.concat(parts, 0), filterShape);
}

function segmentSum(
  { x, segmentIds }: tf.NamedTensorMap,
  attrs: { numSegments: number },
) {
  const indices = tf.reshape(segmentIds!, [-1, 1]) as tf.Tensor2D;
  return tf.scatterND(indices, x!, [attrs.numSegments, ...x!.shape.slice(1)]);
}

function put(kernels: ReadonlyMap<string, tf.KernelConfig>) {
  for (const [name, config] of kernels) {
    tf.unregisterKernel(name, "wasm");
    tf.registerKernel(config);
  }
}

/** Run `fn` with tfjs' own kernels, and free what it makes. */
export function withStock(fn: () => void): void {
  if (!isStock) put(theirs);
  isStock = true;
  tf.tidy(() => void fn());
}

/** Run `fn` with our kernels, and free what it makes. */
export function withOurs(fn: () => void): void {
  if (isStock) put(ours);
  isStock = false;
  tf.tidy(() => void fn());
}

/** Register a bench of ours against tfjs' kernels. */
export function versus(group: string, fn: () => void): void {
  Deno.bench("tfjs", { group, baseline: true }, () => withStock(fn));
  Deno.bench("ours", { group }, () => withOurs(fn));
}
