/** Convolutions and their gradients against sums in float64. */
import { assertEquals } from "@std/assert";
import {
  type Axis,
  cells,
  type Geometry,
  imageGeometry,
  volumeGeometry,
  type WindowAttrs,
} from "../../backend/webgpu/gemm/geometry.ts";
import { cutTerms } from "../../backend/webgpu/gemm/depthwise.ts";
import { random, tf } from "../../mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";

const only = ["webgpu"] as const;

interface Case {
  readonly x: number[];
  readonly filter: number[];
  readonly attrs?: Partial<WindowAttrs>;
  readonly isDepthwise?: boolean;
}

/** Calls `visit` for each product of a convolution: where its three values are. */
function visitTerms(
  { batch, channels, filters, axes }: Geometry,
  isDepthwise: boolean,
  visit: (x: number, w: number, y: number) => void,
): void {
  const each = filters / channels;
  const along = (axis: number, image: number, place: number, cell: number) => {
    if (axis === axes.length) {
      for (let f = 0; f < filters; f++) {
        const y = cell * filters + f;
        if (isDepthwise) {
          const c = Math.floor(f / each);
          visit(image * channels + c, place * filters + f, y);
          continue;
        }
        for (let c = 0; c < channels; c++) {
          visit(image * channels + c, (place * channels + c) * filters + f, y);
        }
      }
      return;
    }
    const { input, output, window, stride, dilation, before } =
      axes[axis] as Axis;
    for (let o = 0; o < output; o++) {
      for (let w = 0; w < window; w++) {
        const i = o * stride + w * dilation - before;
        if (i < 0 || i >= input) continue;
        along(
          axis + 1,
          image * input + i,
          place * window + w,
          cell * output + o,
        );
      }
    }
  };
  for (let b = 0; b < batch; b++) along(0, b, 0, b);
}

/** Compare the three kernels of a convolution with sums in float64. */
function check({ x, filter, attrs = {}, isDepthwise = false }: Case): void {
  tf.tidy(() => {
    const all: WindowAttrs = { strides: 1, pad: "valid", ...attrs };
    const isVolume = x.length === 5;
    const geometry = isVolume
      ? volumeGeometry(x, filter, all)
      : imageGeometry(x, filter, all, isDepthwise);
    const { batch, axes, filters } = geometry;
    const shape = [batch, ...axes.map(({ output }) => output), filters];
    const tensors = [x, filter, shape]
      .map((shape) => random.normal(shape as [number]));
    const [X, W, Y] = tensors.map((t) => t.dataSync() as Float32Array);
    const sums = tensors.map(({ size }) => new Float64Array(size));
    const squares = tensors.map(({ size }) => new Float64Array(size));
    visitTerms(geometry, isDepthwise, (i, j, l) => {
      const at = [i, j, l];
      const terms = [W![j]! * Y![l]!, X![i]! * Y![l]!, X![i]! * W![j]!];
      terms.forEach((term, n) => {
        sums[n]![at[n]!]! += term;
        squares[n]![at[n]!]! += term * term;
      });
    });
    const names = isVolume
      ? [tf.Conv3DBackpropInputV2, tf.Conv3DBackpropFilterV2, tf.Conv3D]
      : isDepthwise
      ? [
        tf.DepthwiseConv2dNativeBackpropInput,
        tf.DepthwiseConv2dNativeBackpropFilter,
        tf.DepthwiseConv2dNative,
      ]
      : [tf.Conv2DBackpropInput, tf.Conv2DBackpropFilter, tf.Conv2D];
    const [a, b, dy] = tensors as [tf.Tensor, tf.Tensor, tf.Tensor];
    const inputs = [{ dy, filter: b }, { x: a, dy }, { x: a, filter: b }];
    const longest = batch * cells(geometry, "output");
    names.forEach((name, n) => {
      const result: tf.Tensor = tf.engine().runKernel(
        name!,
        inputs[n] as tf.NamedTensorMap,
        {
          dataFormat: "NHWC",
          dilations: 1,
          ...all,
          inputShape: x,
          filterShape: filter,
        } as unknown as tf.NamedAttrMap,
      );
      assertEquals(result.shape, tensors[n]!.shape);
      const most = (8 + 2 * Math.sqrt(longest)) * 2 ** -24;
      result.dataSync().forEach((v, i) => {
        const [sum, scale] = [sums[n]![i]!, Math.sqrt(squares[n]![i]!)];
        if (Math.abs(v - sum) <= most * (scale + Math.abs(sum))) return;
        const what = JSON.stringify({ x, filter, attrs });
        throw new Error(`${name} of ${what} at ${i}: ${v} instead of ${sum}`);
      });
    });
  });
}

const ATTRS: Partial<WindowAttrs>[] = [
  {},
  { pad: "same" },
  { pad: "same", strides: [2, 3] },
  { strides: [3, 1], pad: [[0, 0], [2, 0], [1, 3], [0, 0]] },
  { pad: [[0, 0], [1, 2], [0, 1], [0, 0]] },
];

onEachBackend(
  "images, with strides, paddings and channels of all kinds",
  () => {
    random.seed(1);
    for (const attrs of ATTRS) {
      for (
        const [channels, filters] of [[1, 1], [3, 5], [4, 8], [5, 4], [8, 3]]
      ) {
        check({
          x: [2, 9, 8, channels!],
          filter: [3, 2, channels!, filters!],
          attrs,
        });
      }
    }
    check({ x: [3, 5, 5, 6], filter: [5, 5, 6, 7] });
    check({ x: [1, 1, 40, 4], filter: [1, 9, 4, 4], attrs: { pad: "same" } });
  },
  { only },
);

onEachBackend("windows with gaps", () => {
  random.seed(2);
  for (const channels of [3, 4]) {
    for (const isDepthwise of [false, true]) {
      check({
        x: [2, 9, 10, channels],
        filter: [3, 3, channels, 4],
        attrs: { dilations: [2, 3], pad: "same" },
        isDepthwise,
      });
    }
  }
}, { only });

onEachBackend("windows of one cell are products of matrices", () => {
  random.seed(3);
  for (const [channels, filters] of [[3, 5], [8, 4]]) {
    check({ x: [2, 6, 7, channels!], filter: [1, 1, channels!, filters!] });
    check({
      x: [2, 6, 7, channels!],
      filter: [1, 1, channels!, filters!],
      attrs: { strides: 2 },
    });
  }
}, { only });

onEachBackend("gradients of filters over many images", () => {
  random.seed(4);
  check({ x: [8, 14, 14, 12], filter: [3, 3, 12, 16] });
  check({ x: [8, 20, 20, 1], filter: [5, 5, 1, 12], attrs: { pad: "same" } });
  if (FULL) check({ x: [32, 12, 12, 24], filter: [3, 3, 24, 32] });
}, { only });

onEachBackend("each channel with filters of its own", () => {
  random.seed(5);
  for (const attrs of ATTRS) {
    // tfjs takes the padding of depthwise convolutions by name or number.
    for (const [channels, each] of [[1, 1], [3, 1], [4, 2], [2, 5]]) {
      check({
        x: [2, 9, 8, channels!],
        filter: [3, 2, channels!, each!],
        attrs,
        isDepthwise: true,
      });
    }
  }
  check({ x: [9, 16, 16, 3], filter: [3, 3, 3, 1], isDepthwise: true });
}, { only });

onEachBackend("volumes", () => {
  random.seed(6);
  for (const [channels, filters] of [[1, 2], [3, 4], [4, 3]]) {
    for (
      const attrs of [{}, { pad: "same" }, { pad: "same", strides: [1, 2, 3] }]
    ) {
      check({
        x: [2, 5, 6, 7, channels!],
        filter: [2, 3, 3, channels!, filters!],
        attrs: attrs as Partial<WindowAttrs>,
      });
    }
  }
}, { only });

onEachBackend("channels first, with bias and activation", () => {
  random.seed(7);
  const x = random.normal([2, 5, 6, 4]) as tf.Tensor4D;
  const filter = random.normal([3, 2, 4, 5]) as tf.Tensor4D;
  const bias = random.normal([5]);
  for (const activation of ["linear", "relu", "elu"] as const) {
    const run = (x: tf.Tensor4D, dataFormat: "NHWC" | "NCHW") =>
      tf.fused.conv2d({
        x,
        filter,
        strides: [2, 1],
        pad: "same",
        dataFormat,
        bias,
        activation,
      });
    const last = run(x, "NHWC");
    const first = run(tf.transpose<tf.Tensor4D>(x, [0, 3, 1, 2]), "NCHW");
    assertEquals(tf.transpose(first, [0, 2, 3, 1]).dataSync(), last.dataSync());
  }
}, { only });

onEachBackend(
  "where no window fits, the gradient of the input is 0",
  async () => {
    for (const channels of [3, 4]) {
      const inputShape = [1, 5, 2, channels];
      const used = tf.fill(inputShape, 7);
      tf.dispose([tf.relu(used), used]); // their buffers are used again
      const gradient = tf.engine().runKernel<tf.Tensor>(
        tf.Conv2DBackpropInput,
        {
          dy: tf.zeros([1, 2, 0, 4]),
          filter: tf.ones([4, 3, channels, 4]),
        },
        { strides: 1, pad: "valid", dataFormat: "NHWC", inputShape },
      );
      assertEquals(await gradient.data(), new Float32Array(10 * channels));
    }
  },
  { only },
);

onEachBackend("two runs of the gradient of a filter give the same bits", () => {
  random.seed(8);
  const x = random.normal([8, 12, 12, 8]), dy = random.normal([8, 10, 10, 16]);
  const run = () =>
    tf.engine().runKernel<tf.Tensor>(tf.Conv2DBackpropFilter, { x, dy }, {
      strides: 1,
      pad: "valid",
      dataFormat: "NHWC",
      filterShape: [3, 3, 8, 16],
    }).dataSync();
  assertEquals(run(), run());
}, { only });

Deno.test("sums of a depthwise filter's gradient are cut by their number and length", () => {
  const table = [
    [[9, 1], [1, 1]],
    [[9, 1000], [16, 63]],
    [[288, 25088], [227, 111]],
    [[9 * 512, 64 * 49], [15, 210]],
    [[1e6, 1e6], [1, 1e6]],
  ] as const;
  for (const [[size, terms], [splits, termsPerSplit]] of table) {
    assertEquals(cutTerms(size, terms), { splits, termsPerSplit });
  }
});
