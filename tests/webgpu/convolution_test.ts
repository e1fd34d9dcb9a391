/** Convolutions and their gradients against sums in float64. */
import { assertEquals } from "@std/assert";
import type { WindowAttrs } from "../../backend/webgpu/gemm/geometry.ts";
import { cutTerms } from "../../backend/webgpu/gemm/depthwise.ts";
import { random, tf } from "../../mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { ATTRS, check } from "./_convolution.ts";

const only = ["webgpu"] as const;

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
