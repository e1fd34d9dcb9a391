/**
 * Windows of any size, stride and padding against plain loops: values and
 * gradients, on every backend.
 */
import { assert, assertEquals } from "@std/assert";
import * as tf from "../../tf.ts";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { FULL, numbers, onEachBackend } from "../_backends.ts";

registerGradients();

type Pad = "valid" | "same" | number;

/** Windows over axes of a volume; images have a first axis of 1. */
interface Windows {
  readonly size: readonly number[];
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly pad: Pad;
}

/** Where the windows of one axis begin. */
function starts({ size, window, strides, pad }: Windows, axis: number) {
  const [n, k, s] = [size[axis]!, window[axis]!, strides[axis]!];
  if (n === 1 && k === 1) return [0]; // images are not padded in depth
  if (pad === "same") {
    const out = Math.ceil(n / s);
    const before = Math.floor(Math.max(0, (out - 1) * s + k - n) / 2);
    return Array.from({ length: out }, (_, i) => i * s - before);
  }
  const p = pad === "valid" ? 0 : pad;
  const out = Math.floor((n + 2 * p - k) / s) + 1;
  return Array.from({ length: out }, (_, i) => i * s - p);
}

/** Call `fn` with each output, and the pairs of a place and an input that it sees. */
function eachWindow(
  w: Windows,
  fn: (out: number, seen: readonly [place: number, at: number][]) => void,
): number[] {
  const [zs, ys, xs] = [0, 1, 2].map((axis) => starts(w, axis));
  const [D, H, W] = w.size as [number, number, number];
  const [d, h, v] = w.window as [number, number, number];
  let out = 0;
  for (const z of zs!) {
    for (const y of ys!) {
      for (const x of xs!) {
        const seen: [number, number][] = [];
        for (let i = 0; i < d * h * v; i++) {
          const [c, b, a] = [
            z + Math.floor(i / (h * v)),
            y + Math.floor(i / v) % h,
            x + i % v,
          ];
          const isInside = a >= 0 && a < W && b >= 0 && b < H && c >= 0 &&
            c < D;
          if (isInside) seen.push([i, (c * H + b) * W + a]);
        }
        fn(out++, seen);
      }
    }
  }
  return [zs!.length, ys!.length, xs!.length];
}

/** One channel, one image: value, gradient of the input, gradient of the filter. */
function reference(
  kind: "conv" | "max" | "avg",
  w: Windows,
  x: readonly number[],
  f: readonly number[],
) {
  const y: number[] = [], dx = x.map(() => 0), df = f.map(() => 0);
  const shape = eachWindow(w, (out, seen) => {
    const dy = weight(out);
    if (kind === "conv") {
      y.push(seen.reduce((sum, [i, at]) => sum + f[i]! * x[at]!, 0));
      for (const [i, at] of seen) {
        dx[at]! += dy * f[i]!;
        df[i]! += dy * x[at]!;
      }
    } else if (kind === "avg") {
      y.push(seen.reduce((sum, [, at]) => sum + x[at]!, 0) / seen.length);
      for (const [, at] of seen) dx[at]! += dy / seen.length;
    } else {
      const [, best] = seen.reduce((p, q) => x[q[1]]! > x[p[1]]! ? q : p);
      y.push(x[best]!);
      dx[best]! += dy;
    }
  });
  return { y, dx, df, shape };
}

/** The gradient in an output. */
function weight(out: number): number {
  return 1 + out * 5 % 7;
}

interface Op {
  readonly kind: "conv" | "max" | "avg";
  readonly isVolume?: boolean;
  readonly run: (
    x: tf.Tensor,
    filter: tf.Tensor,
    w: Windows,
  ) => tf.Tensor;
}

type Pair = [number, number];
type Triple = [number, number, number];

const pair = (list: readonly number[]) => list.slice(1) as Pair;
const triple = (list: readonly number[]) => [...list] as Triple;

const OPS: Record<string, Op> = {
  conv2d: {
    kind: "conv",
    run: (x, f, { strides, pad }) =>
      tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, pair(strides), pad),
  },
  "fused.conv2d": {
    kind: "conv",
    run: (x, filter, { strides, pad }) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        strides: pair(strides),
        pad,
      }),
  },
  depthwiseConv2d: {
    kind: "conv",
    run: (x, f, { strides, pad }) =>
      tf.depthwiseConv2d(
        x as tf.Tensor4D,
        f as tf.Tensor4D,
        pair(strides),
        pad,
      ),
  },
  "fused.depthwiseConv2d": {
    kind: "conv",
    run: (x, filter, { strides, pad }) =>
      tf.fused.depthwiseConv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        strides: pair(strides),
        pad,
      }),
  },
  "conv2d of channels first": {
    kind: "conv",
    run: (x, f, { strides, pad }) =>
      tf.transpose(
        tf.conv2d(
          tf.transpose(x as tf.Tensor4D, [0, 3, 1, 2]),
          f as tf.Tensor4D,
          pair(strides),
          pad,
          "NCHW",
        ),
        [0, 2, 3, 1],
      ),
  },
  maxPool: {
    kind: "max",
    run: (x, _, { window, strides, pad }) =>
      tf.maxPool(x as tf.Tensor4D, pair(window), pair(strides), pad),
  },
  avgPool: {
    kind: "avg",
    run: (x, _, { window, strides, pad }) =>
      tf.avgPool(x as tf.Tensor4D, pair(window), pair(strides), pad),
  },
  conv3d: {
    kind: "conv",
    isVolume: true,
    run: (x, f, { strides, pad }) =>
      tf.conv3d(
        x as tf.Tensor5D,
        f as tf.Tensor5D,
        triple(strides),
        pad as "same",
      ),
  },
  maxPool3d: {
    kind: "max",
    isVolume: true,
    run: (x, _, { window, strides, pad }) =>
      tf.maxPool3d(x as tf.Tensor5D, triple(window), triple(strides), pad),
  },
  avgPool3d: {
    kind: "avg",
    isVolume: true,
    run: (x, _, { window, strides, pad }) =>
      tf.avgPool3d(x as tf.Tensor5D, triple(window), triple(strides), pad),
  },
};

const IMAGES: readonly Windows[] = [
  { size: [1, 6, 6], window: [1, 3, 3], strides: [1, 2, 1], pad: 1 },
  { size: [1, 6, 6], window: [1, 3, 3], strides: [1, 1, 2], pad: 1 },
  { size: [1, 6, 6], window: [1, 3, 2], strides: [1, 1, 1], pad: 1 },
  { size: [1, 5, 7], window: [1, 2, 3], strides: [1, 3, 1], pad: 1 },
  { size: [1, 6, 5], window: [1, 3, 2], strides: [1, 2, 2], pad: 0 },
  { size: [1, 4, 7], window: [1, 3, 4], strides: [1, 1, 3], pad: 2 },
  { size: [1, 3, 5], window: [1, 2, 1], strides: [1, 3, 2], pad: "same" },
  { size: [1, 1, 3], window: [1, 1, 2], strides: [1, 1, 3], pad: "same" },
  { size: [1, 7, 2], window: [1, 2, 1], strides: [1, 4, 2], pad: "same" },
  { size: [1, 6, 4], window: [1, 3, 1], strides: [1, 2, 1], pad: "valid" },
];

const VOLUMES: readonly Windows[] = [
  { size: [1, 1, 2], window: [1, 1, 1], strides: [1, 1, 2], pad: "same" },
  { size: [3, 4, 5], window: [2, 1, 3], strides: [3, 2, 1], pad: "same" },
  { size: [4, 4, 4], window: [3, 4, 1], strides: [2, 2, 2], pad: "same" },
  { size: [3, 3, 5], window: [1, 2, 1], strides: [1, 1, 1], pad: "valid" },
  { size: [3, 4, 6], window: [1, 2, 3], strides: [1, 2, 3], pad: "valid" },
  { size: [6, 3, 4], window: [3, 1, 2], strides: [3, 1, 2], pad: "valid" },
  { size: [3, 4, 4], window: [2, 2, 3], strides: [1, 2, 1], pad: "same" },
  { size: [4, 5, 3], window: [3, 3, 2], strides: [1, 2, 1], pad: 1 },
];

for (const [name, { kind, isVolume = false, run }] of Object.entries(OPS)) {
  onEachBackend(
    `${name} and its gradient are right for windows, strides and paddings that differ by axis`,
    async (backend) => {
      // Padding by a number is not offered by tf.conv3d.
      const all = (isVolume ? VOLUMES : IMAGES).filter(({ pad }) =>
        name !== "conv3d" || typeof pad !== "number"
      );
      const cases = FULL || backend !== "webgpu" ? all : all.slice(0, 4);
      for (const w of cases) {
        const n = w.size.reduce((p, q) => p * q);
        const k = w.window.reduce((p, q) => p * q);
        const x = Array.from({ length: n }, (_, i) => (i * 37) % 101 - 50);
        const f = Array.from({ length: k }, (_, i) => 1 + 2 * i);
        const want = reference(kind, w, x, f);
        const axes = (list: readonly number[]) =>
          isVolume ? list : list.slice(1);
        const input = tf.tensor(x, [1, ...axes(w.size), 1]);
        const filter = tf.tensor(f, [...axes(w.window), 1, 1]);
        const y = run(input, filter, w);
        assertEquals(y.shape, [1, ...axes(want.shape), 1], JSON.stringify(w));
        const dy = tf.tensor(want.y.map((_, i) => weight(i)), y.shape);
        const grads = tf.grads((x: tf.Tensor, f: tf.Tensor) =>
          kind === "conv"
            ? run(x, f, w)
            : tf.add(run(x, f, w), tf.mul(tf.sum(f), 0))
        )([input, filter], dy);
        const results: [string, tf.Tensor, number[]][] = [
          ["value", y, want.y],
          ["gradient of the input", grads[0]!, want.dx],
          ["gradient of the filter", grads[1]!, want.df],
        ];
        for (const [what, tensor, expected] of results) {
          const got = await numbers(tensor);
          const error = Math.max(
            ...got.map((g, i) => Math.abs(g - expected[i]!)),
          );
          assert(
            got.length === expected.length && error < 1e-3,
            `${what} of ${JSON.stringify(w)}: ${got} instead of ${expected}`,
          );
        }
        tf.dispose([input, filter, y, dy, grads]);
      }
    },
  );
}

onEachBackend("conv1d takes a number as padding, with a gradient", async () => {
  const x = tf.tensor2d([1, 2, 3, 4, 5], [5, 1]);
  const filter = tf.tensor3d([1, 10, 100], [3, 1, 1]);
  const run = (x: tf.Tensor2D) => tf.conv1d(x, filter, 2, 1);
  const y = run(x);
  assertEquals([y.shape, await numbers(y)], [[3, 1], [210, 432, 54]]);
  const dx = tf.grad((x: tf.Tensor) => run(x as tf.Tensor2D))(x);
  assertEquals(await numbers(dx), [10, 101, 10, 101, 10]);
});

onEachBackend("transposed convolutions scatter as windows gather", async () => {
  // With a filter of 1 and stride 2, values lie at every other place.
  const y = tf.conv3dTranspose(
    tf.ones([1, 2, 2, 2, 1]) as tf.Tensor5D,
    tf.ones([1, 1, 1, 1, 1]) as tf.Tensor5D,
    [1, 4, 4, 4, 1],
    2,
    "same",
  );
  const at = (i: number) => i % 2 === 0 ? 1 : 0;
  const want = Array.from(
    { length: 64 },
    (_, i) => at(i % 4) * at(Math.floor(i / 4) % 4) * at(Math.floor(i / 16)),
  );
  assertEquals(await numbers(y), want);
  // Strides that differ, and a number as padding.
  const z = tf.conv2dTranspose(
    tf.ones([1, 2, 3, 1]) as tf.Tensor4D,
    tf.ones([3, 3, 1, 1]) as tf.Tensor4D,
    [1, 3, 3, 1],
    [2, 1],
    1,
  );
  assertEquals(await numbers(z), [2, 3, 2, 4, 6, 4, 2, 3, 2]);
});
