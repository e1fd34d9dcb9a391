import { convolveImages } from "../../backend/ops/with_bias.ts";
import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

type Pad = "same" | "valid" | number;

/** Size, filter, stride, dilation, pad. */
type Setting = [number, number, number, number, Pad];

const SETTINGS: Setting[] = [
  [5, 3, 1, 1, "valid"],
  [5, 3, 1, 1, "same"],
  [5, 3, 2, 1, "valid"],
  [5, 3, 2, 1, "same"],
  [6, 3, 2, 1, "same"],
  [6, 2, 2, 1, "valid"],
  [7, 3, 3, 1, "same"],
  [4, 2, 1, 1, "same"],
  [5, 1, 1, 1, "same"],
  [5, 1, 2, 1, "valid"],
  [4, 4, 1, 1, "valid"],
  [5, 3, 1, 1, 1],
  [5, 3, 1, 1, 2],
  [5, 3, 2, 1, 1],
  [7, 2, 1, 2, "valid"],
  [7, 3, 1, 2, "same"],
  [7, 3, 1, 2, "valid"],
  [6, 2, 1, 3, "same"],
  [7, 3, 1, 2, 1],
  [2, 3, 1, 1, "same"],
];

const isNumber = (pad: Pad) => typeof pad === "number";
const text = ([, filter, stride, dilation, pad]: Setting) =>
  `${filter}x${filter} stride ${stride} dilation ${dilation} ${pad}`;

const conv2d = SETTINGS.flatMap((setting) => {
  const [size, filter, stride, dilation, pad] = setting;
  const rounding = isNumber(pad) ? "floor" : undefined;
  return [[1, 1, 1], [2, 2, 3]].flatMap(([batch, from, to]) => [
    row(
      `conv2d ${text(setting)}`,
      [[batch!, size, size + 1, from!], [filter, filter, from!, to!]],
      (x, w) => tf.conv2d(x, w, stride, pad, "NHWC", dilation, rounding),
    ),
    row(
      `depthwiseConv2d ${text(setting)}`,
      [[batch!, size, size + 1, from!], [filter, filter, from!, to! - 1 || 1]],
      (x, w) =>
        tf.depthwiseConv2d(x, w, stride, pad, "NHWC", dilation, rounding),
    ),
  ]);
});

const layers = SETTINGS.flatMap((setting) => {
  const [size, filter, stride, dilation, pad] = setting;
  if (pad !== "same" && pad !== "valid") return [];
  return [
    row(
      `a convolution layer ${text(setting)}`,
      [[2, size, size + 1, 2], [filter, filter, 2, 3], [3]],
      (x, w, bias) =>
        convolveImages(
          x as tf.Tensor4D,
          w as tf.Tensor4D,
          bias as tf.Tensor1D,
          { strides: [stride, stride], dilations: [dilation, dilation], pad },
        ),
    ),
  ];
});

const conv1d = SETTINGS.filter(([, , , , pad]) => !isNumber(pad)).map(
  (setting) => {
    const [size, filter, stride, dilation, pad] = setting;
    return row(
      `conv1d ${text(setting)}`,
      [[2, size, 2], [filter, 2, 3]],
      (x, w) => tf.conv1d(x, w, stride, pad, "NWC", dilation),
    );
  },
);

const others: Case[] = [
  row(
    "conv2d of rank 3",
    [[5, 4, 2], [3, 2, 2, 3]],
    (x, w) => tf.conv2d(x, w, 1, "same"),
  ),
  row(
    "conv2d 3x2 stride 2x1",
    [[1, 5, 6, 2], [3, 2, 2, 2]],
    (x, w) => tf.conv2d(x, w, [2, 1], "same"),
  ),
  row(
    "conv2d explicit padding",
    [[1, 4, 5, 1], [3, 3, 1, 2]],
    (x, w) =>
      tf.conv2d(x, w, 1, [[0, 0], [1, 0], [2, 1], [0, 0]], "NHWC", 1, "floor"),
  ),
  row(
    "conv2d ceil",
    [[1, 6, 6, 1], [3, 3, 1, 1]],
    (x, w) => tf.conv2d(x, w, 2, 1, "NHWC", 1, "floor"),
  ),
  row(
    "conv2d of nothing",
    [[0, 4, 4, 2], [3, 3, 2, 3]],
    (x, w) => tf.conv2d(x, w, 1, "same"),
  ),
  ...([[1, 1, "same"], [2, 1, "valid"], [1, 2, "same"]] as const).flatMap(
    ([stride, dilation, pad]) => {
      const shapes = [[2, 2, 7, 6], [3, 3, 2, 3]];
      const options = `NCHW stride ${stride} dilation ${dilation} ${pad}`;
      return [
        row(
          `conv2d ${options}`,
          shapes,
          (x, w) => tf.conv2d(x, w, stride, pad, "NCHW", dilation),
        ),
        row(
          `depthwiseConv2d ${options}`,
          shapes,
          (x, w) => tf.depthwiseConv2d(x, w, stride, pad, "NCHW", dilation),
        ),
      ];
    },
  ),
  row(
    "depthwiseConv2d of rank 3",
    [[5, 4, 2], [3, 2, 2, 2]],
    (x, w) => tf.depthwiseConv2d(x, w, 1, "same"),
  ),
  row(
    "separableConv2d",
    [[1, 5, 5, 2], [3, 3, 2, 2], [1, 1, 4, 3]],
    (x, depth, point) => tf.separableConv2d(x, depth, point, 1, "same"),
  ),
  row(
    "separableConv2d dilated",
    [[1, 6, 6, 2], [3, 3, 2, 1], [1, 1, 2, 3]],
    (x, depth, point) => tf.separableConv2d(x, depth, point, 1, "same", 2),
  ),
  ...[1, 2, 3].flatMap((stride) =>
    (["same", "valid"] as const).map((pad) => {
      const out = pad === "same" ? 3 * stride : 2 * stride + 3;
      return row(
        `conv2dTranspose stride ${stride} ${pad}`,
        [[2, 3, 3, 2], [3, 3, 3, 2]],
        (x, w) => tf.conv2dTranspose(x, w, [2, out, out, 3], stride, pad),
      );
    })
  ),
  row(
    "conv2dTranspose of rank 3",
    [[3, 3, 2], [2, 2, 1, 2]],
    (x, w) => tf.conv2dTranspose(x, w, [6, 6, 1], 2, "same"),
  ),
  ...[1, 2].flatMap((stride) =>
    (["same", "valid"] as const).flatMap((pad) => [
      row(
        `conv3d stride ${stride} ${pad}`,
        [[1, 3, 4, 3, 2], [2, 3, 2, 2, 2]],
        (x, w) => tf.conv3d(x, w, stride, pad),
      ),
      row(
        `conv3dTranspose stride ${stride} ${pad}`,
        [[1, 2, 2, 2, 2], [2, 2, 2, 1, 2]],
        (x, w) => {
          const out = pad === "same" ? 2 * stride : stride + 2;
          return tf.conv3dTranspose(x, w, [1, out, out, out, 1], stride, pad);
        },
      ),
    ])
  ),
  row(
    "conv3d dilated",
    [[1, 4, 5, 4, 1], [2, 2, 2, 1, 2]],
    (x, w) => tf.conv3d(x, w, 1, "valid", "NDHWC", [2, 2, 1]),
  ),
  row(
    "conv3d dilated same",
    [[1, 4, 3, 4, 1], [2, 2, 2, 1, 2]],
    (x, w) => tf.conv3d(x, w, 1, "same", "NDHWC", 2),
  ),
  row(
    "conv3d of rank 4",
    [[3, 4, 3, 2], [2, 2, 2, 2, 1]],
    (x, w) => tf.conv3d(x, w, 1, "same"),
  ),
  ...(["linear", "relu", "sigmoid", "elu"] as const).flatMap((activation) => {
    // Away from kinks, and where a sigmoid is not flat.
    const inputs = activation === "sigmoid" ? "any" : "positive";
    return [
      row(
        `fused.conv2d ${activation}`,
        [[1, 4, 4, 2], [3, 3, 2, 3], [3]],
        (x, filter, bias) =>
          tf.fused.conv2d({
            x,
            filter,
            strides: 1,
            pad: "same",
            bias,
            activation,
          }),
        inputs,
      ),
      row(
        `fused.depthwiseConv2d ${activation}`,
        [[1, 4, 4, 2], [3, 3, 2, 1], [2]],
        (x, filter, bias) =>
          tf.fused.depthwiseConv2d({
            x,
            filter,
            strides: 1,
            pad: "same",
            bias,
            activation,
          }),
        inputs,
      ),
    ];
  }),
  row(
    "fused.conv2d dilated",
    [[1, 6, 6, 1], [3, 3, 1, 2]],
    (x, filter) =>
      tf.fused.conv2d({ x, filter, strides: 1, pad: "same", dilations: 2 }),
  ),
  ...(["same", "valid"] as const).flatMap((pad) =>
    [1, 2].flatMap((stride) => [
      row(
        `dilation2d stride ${stride} ${pad}`,
        [[1, 5, 4, 2], [2, 3, 2]],
        // Weights that do not move a maximum elsewhere.
        (x, w) => tf.dilation2d(x, tf.mul(w, 0.02), stride, pad),
        ["spaced", "unit"],
      ),
    ])
  ),
  row(
    "dilation2d dilated",
    [[1, 6, 6, 1], [2, 2, 1]],
    (x, w) => tf.dilation2d(x, tf.mul(w, 0.02), 1, "valid", 2),
    ["spaced", "unit"],
  ),
];

/** Size, window, stride, pad. */
const POOLS: [number, number, number, Pad][] = [
  [4, 2, 2, "valid"],
  [5, 2, 2, "valid"],
  [5, 2, 2, "same"],
  [5, 3, 1, "same"],
  [5, 3, 2, "same"],
  [6, 3, 2, "same"],
  [5, 3, 1, "valid"],
  [4, 1, 1, "same"],
  [4, 1, 2, "same"],
  [2, 3, 1, "same"],
  [5, 2, 3, "same"],
  [5, 3, 2, 1],
  [4, 2, 1, 1],
  [4, 4, 4, "valid"],
];

const pools: Case[] = (["avg", "max"] as const).flatMap((kind) => [
  ...POOLS.flatMap(([size, window, stride, pad]) =>
    [[1, 1], [2, 3]].map(([batch, channels]) =>
      row(
        `${kind}Pool ${window} stride ${stride} ${pad}`,
        [[batch!, size, size + 1, channels!]],
        (x) =>
          (kind === "avg" ? tf.avgPool : tf.maxPool)(
            x as tf.Tensor4D,
            window,
            stride,
            pad,
            isNumber(pad) ? "floor" : undefined,
          ),
        "spaced",
      )
    )
  ),
  ...(["same", "valid"] as const).flatMap((pad) =>
    [1, 2].flatMap((stride) =>
      [2, 3].map((window) =>
        row(
          `${kind}Pool3d ${window} stride ${stride} ${pad}`,
          [[1, 3, 4, 3, 2]],
          (x) =>
            (kind === "avg" ? tf.avgPool3d : tf.maxPool3d)(
              x as tf.Tensor5D,
              window,
              stride,
              pad,
            ),
          "spaced",
        )
      )
    )
  ),
  row(
    `${kind}Pool 3x2 stride 1x2`,
    [[1, 5, 4, 2]],
    (x) =>
      (kind === "avg" ? tf.avgPool : tf.maxPool)(
        x as tf.Tensor4D,
        [3, 2],
        [1, 2],
        "same",
      ),
    "spaced",
  ),
  row(
    `${kind}Pool of rank 3`,
    [[4, 4, 2]],
    (x) =>
      (kind === "avg" ? tf.avgPool : tf.maxPool)(
        x as tf.Tensor3D,
        2,
        1,
        "same",
      ),
    "spaced",
  ),
  ...(["same", "valid"] as const).map((pad) =>
    row(
      `pool ${kind} dilated ${pad}`,
      [[1, 6, 6, 1]],
      (x) => tf.pool(x as tf.Tensor4D, 2, kind, pad, 2, 1),
      "spaced",
    )
  ),
]);

const argmax = [false, true].map((batch) =>
  row(
    `maxPoolWithArgmax${batch ? " with batch" : ""}`,
    [[2, 4, 4, 2]],
    (x) => tf.maxPoolWithArgmax(x, 2, 2, "valid", batch).result!,
    "spaced",
  )
);

/** Convolutions and pooling. */
export const convolutions: Case[] = [
  ...conv2d,
  ...layers,
  ...conv1d,
  ...others,
  ...pools,
  ...argmax,
];
