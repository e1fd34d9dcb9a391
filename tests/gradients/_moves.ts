import * as tf from "../../tf.ts";
import { type Case, row } from "./_case.ts";

/** A combination that tells the parts of a list apart. */
function weighed(parts: tf.Tensor[]): tf.Tensor {
  return parts.map((part, i) => tf.mul(tf.sum(tf.square(part)), i + 1))
    .reduce((a, b) => tf.add(a, b));
}

const PERMS: [number[], number[]][] = [
  [[5], [0]],
  [[2, 3], [1, 0]],
  [[2, 3], [0, 1]],
  [[2, 3, 4], [2, 0, 1]],
  [[2, 3, 4], [1, 2, 0]],
  [[2, 3, 4], [0, 2, 1]],
  [[2, 1, 3, 2], [3, 1, 0, 2]],
  [[2, 1, 3, 2], [0, 2, 1, 3]],
  [[2, 1, 3, 2, 2], [4, 2, 0, 1, 3]],
  [[1, 2, 1, 3, 2, 2], [5, 3, 1, 0, 2, 4]],
  [[2, 0, 3], [2, 0, 1]],
];

const SLICES: [number[], number[], number[]][] = [
  [[5], [1], [3]],
  [[5], [0], [5]],
  [[5], [4], [1]],
  [[3, 4], [1, 0], [2, 3]],
  [[3, 4], [0, 1], [-1, 2]],
  [[3, 4], [1, 1], [0, 2]],
  [[2, 3, 4], [0, 1, 2], [2, 2, 1]],
  [[2, 1, 3, 2], [1, 0, 0, 1], [1, 1, 2, 1]],
  [[2, 1, 3, 2, 2], [0, 0, 1, 1, 0], [2, 1, 2, 1, 1]],
  [[1, 2, 1, 3, 2, 2], [0, 1, 0, 1, 0, 1], [1, 1, 1, 2, 2, 1]],
];

/** Begin, end, strides, then the masks begin, end, ellipsis, new axis, shrink. */
const STRIDED: [number[], number[], number[], number[], number[]?][] = [
  [[7], [0], [7], [2]],
  [[7], [1], [6], [3]],
  [[7], [5], [0], [-2]],
  [[7], [6], [0], [-1], [0, 1]],
  [[4, 5], [0, 1], [4, 5], [2, 2]],
  [[4, 5], [3, 0], [0, 5], [-1, 2]],
  [[4, 5], [1], [3], [1]],
  [[4, 5], [1, 0], [2, 5], [1, 2], [0, 0, 0, 0, 1]],
  [[4, 5], [0, 2], [4, 3], [2, 1], [0, 0, 0, 0, 2]],
  [[4, 5], [0, 0], [0, 5], [1, 2], [0, 0, 0, 1]],
  [[3, 4, 5], [0, 1], [0, 4], [1, 2], [0, 0, 1]],
  [[3, 4, 5], [0, 0, 0], [3, 4, 5], [2, 3, 2]],
  [[3, 4, 5], [2, 3, 4], [0, 0, 0], [-1, -2, -3]],
  [[2, 3, 2, 4], [0, 0, 0, 1], [2, 3, 2, 4], [1, 2, 1, 2]],
  [[2, 3, 2, 4, 2], [0, 0, 0, 1, 0], [2, 3, 2, 4, 2], [1, 2, 1, 2, 1]],
];

const PADS: [number[], [number, number][]][] = [
  [[4], [[1, 2]]],
  [[4], [[0, 0]]],
  [[2, 3], [[1, 0], [0, 2]]],
  [[2, 3], [[1, 1], [2, 2]]],
  [[2, 3, 2], [[0, 1], [1, 0], [1, 1]]],
  [[1, 3, 2, 2], [[0, 0], [1, 1], [0, 1], [1, 0]]],
];

const REPS: [number[], number[]][] = [
  [[3], [2]],
  [[3], [1]],
  [[2, 3], [2, 1]],
  [[2, 3], [1, 3]],
  [[2, 3], [2, 3]],
  [[2, 1, 3], [1, 4, 2]],
  [[1, 2, 1, 2], [2, 1, 3, 2]],
  [[1, 2, 1, 2, 1], [2, 1, 1, 2, 3]],
  [[1, 2, 1, 1, 1, 2], [2, 1, 1, 1, 3, 2]],
  [[2, 3], [0, 1]],
];

const PARTS: [number[], number, number | number[]][] = [
  [[4], 0, 2],
  [[4], 0, 1],
  [[4], 0, [1, 3]],
  [[4, 6], 1, 3],
  [[4, 6], -1, [1, 2, 3]],
  [[4, 6], 0, [4]],
  [[2, 4, 3], 1, [3, 1]],
  [[2, 4, 3, 1], 2, 3],
  [[2, 1, 4, 1, 2], 2, 2],
];

/** Kernels that only move values. */
export const moves: Case[] = [
  ...PERMS.map(([shape, perm]) =>
    row(`transpose ${perm}`, [shape], (x) => tf.transpose(x, perm))
  ),
  ...SLICES.map(([shape, begin, size]) =>
    row(`slice ${begin} ${size}`, [shape], (x) => tf.slice(x, begin, size))
  ),
  row("slice 1 to the end", [[4, 3]], (x) => tf.slice(x, 1)),
  row("slice [0, 2] to the end", [[2, 4]], (x) => tf.slice(x, [0, 2])),
  ...STRIDED.map(([shape, begin, end, strides, masks = []]) =>
    row(
      `stridedSlice ${begin} ${end} by ${strides} masks ${masks}`,
      [shape],
      (x) => tf.stridedSlice(x, begin, end, strides, ...masks),
    )
  ),
  ...PADS.flatMap(([shape, pads]) => [
    row(`pad ${pads.join(" ")}`, [shape], (x) => tf.pad(x, pads)),
    row(`pad ${pads.join(" ")} with 3`, [shape], (x) => tf.pad(x, pads, 3)),
  ]),
  row(
    "pad of rank 5",
    [[1, 2, 2, 1, 2]],
    (x) => tf.pad(x, [[1, 0], [0, 1], [1, 1], [0, 0], [0, 2]]),
  ),
  row(
    "pad of rank 6",
    [[1, 2, 1, 2, 1, 2]],
    (x) => tf.pad(x, [[1, 0], [0, 1], [1, 1], [0, 0], [0, 2], [1, 0]]),
  ),
  row("pad of nothing", [[0, 3]], (x) => tf.pad(x, [[1, 1], [0, 1]])),
  ...(["reflect", "symmetric"] as const).flatMap((mode) =>
    PADS.filter(([shape, pads]) =>
      pads.every((pad, i) => pad.every((n) => n < shape[i]!))
    ).map(([shape, pads]) =>
      row(
        `mirrorPad ${mode} ${pads.join(" ")}`,
        [shape],
        (x) => tf.mirrorPad(x, pads, mode),
      )
    )
  ),
  ...REPS.map(([shape, reps]) =>
    row(`tile ${reps}`, [shape], (x) => tf.tile(x, reps))
  ),
  ...([
    [[], [3]],
    [[1], [4]],
    [[3], [2, 3]],
    [[2, 1], [2, 3]],
    [
      [2, 1, 3],
      [4, 2, 2, 3],
    ],
    [[2, 3], [2, 3]],
    [[1, 2, 1], [2, 1, 1, 2, 3]],
  ] as [
    number[],
    number[],
  ][]).map(([shape, to]) =>
    row(`broadcastTo ${to}`, [shape], (x) => tf.broadcastTo(x, to))
  ),
  ...PARTS.flatMap(([shape, axis, sizes]) => [
    row(
      `split ${sizes} along ${axis}`,
      [shape],
      (x) => weighed(tf.split(x, sizes, axis)),
    ),
    row(
      `first of split ${sizes} along ${axis}`,
      [shape],
      (x) => tf.split(x, sizes, axis)[0]!,
    ),
  ]),
  ...([[[3], 0], [[1], 0], [[2, 3], 0], [[2, 3], 1], [[2, 1, 3], -2], [
    [2, 1, 3, 2],
    2,
  ]] as [number[], number][]).map(([shape, axis]) =>
    row(`unstack along ${axis}`, [shape], (x) => weighed(tf.unstack(x, axis)))
  ),
  ...([
    [[], 0, 2],
    [[3], 0, 1],
    [[3], 0, 3],
    [[3], 1, 2],
    [[2, 3], 2, 2],
    [
      [2, 3],
      -1,
      2,
    ],
    [[2, 1, 2], 1, 2],
    [[2, 1, 2, 2], 4, 2],
  ] as [
    number[],
    number,
    number,
  ][]).map(([shape, axis, count]) =>
    row(
      `stack along ${axis}`,
      Array(count).fill(shape),
      (...xs) => tf.stack(xs, axis),
    )
  ),
  ...([
    [[[3], [2]], 0],
    [[[2, 3], [2, 1]], 1],
    [[[2, 3], [4, 3]], 0],
    [
      [[2, 3], [2, 0]],
      1,
    ],
    [[[1, 2, 2], [1, 3, 2], [1, 1, 2]], 1],
    [
      [[2, 1, 2, 1], [2, 1, 2, 3]],
      -1,
    ],
    [[[2, 1, 2, 1, 2], [2, 1, 1, 1, 2]], 2],
    [[[2, 2]], 0],
  ] as [
    number[][],
    number,
  ][]).map(([shapes, axis]) =>
    row(`concat along ${axis}`, shapes, (...xs) => tf.concat(xs, axis))
  ),
  ...([[[4], [0]], [[2, 3], [0]], [[2, 3], [-1]], [[2, 3], [0, 1]], [
    [2, 3, 2],
    [1, 2],
  ], [[2, 1, 3, 2], [0, 2]]] as [number[], number[]][]).map(([shape, axes]) =>
    row(`reverse ${axes}`, [shape], (x) => tf.reverse(x, axes))
  ),
  ...([
    [[], [1, 1]],
    [[6], [2, 3]],
    [[2, 3], [6]],
    [[2, 3, 2], [2, 6]],
    [
      [0, 3],
      [3, 0],
    ],
    [[2, 1, 3, 1, 2], [3, 4]],
    [[1, 2, 1, 2, 1, 3], [12]],
  ] as [
    number[],
    number[],
  ][]).map(([shape, to]) =>
    row(`reshape to ${to}`, [shape], (x) => tf.reshape(x, to))
  ),
  ...[0, 1, 2, -1].map((axis) =>
    row(`expandDims ${axis}`, [[2, 3]], (x) => tf.expandDims(x, axis))
  ),
  row("squeeze", [[2, 1, 3, 1]], (x) => tf.squeeze(x)),
  row("squeeze 1", [[2, 1, 3, 1]], (x) => tf.squeeze(x, [1])),
  row("cast to float", [[2, 3]], (x) => tf.cast(x, "float32")),
  row(
    "cast to int and back",
    [[2, 3]],
    (x) => tf.add(tf.cast(tf.cast(x, "int32"), "float32"), x),
  ),
  row(
    "cast to bool and back",
    [[2, 3]],
    (x) => tf.mul(tf.cast(tf.cast(x, "bool"), "float32"), x),
    "nonzero",
  ),
  row(
    "spaceToBatchND",
    [[1, 4, 6, 2]],
    (x) => tf.spaceToBatchND(x, [2, 3], [[0, 0], [0, 0]]),
  ),
  row(
    "spaceToBatchND padded",
    [[2, 3, 4, 1]],
    (x) => tf.spaceToBatchND(x, [2, 2], [[1, 0], [0, 2]]),
  ),
  row(
    "batchToSpaceND",
    [[4, 2, 3, 2]],
    (x) => tf.batchToSpaceND(x, [2, 2], [[0, 0], [0, 0]]),
  ),
  row(
    "batchToSpaceND cropped",
    [[4, 2, 3, 1]],
    (x) => tf.batchToSpaceND(x, [2, 2], [[1, 0], [0, 2]]),
  ),
  row("depthToSpace 2", [[1, 2, 3, 8]], (x) => tf.depthToSpace(x, 2)),
  row("depthToSpace 3", [[2, 1, 2, 9]], (x) => tf.depthToSpace(x, 3)),
  row("diag", [[4]], (x) => tf.diag(x)),
  row("diag of rank 2", [[2, 3]], (x) => tf.diag(x)),
  row("meshgrid", [[3], [4]], (x, y) => {
    const [a, b] = tf.meshgrid(x, y);
    return tf.mul(a!, b!);
  }),
  row("linalg.bandPart", [[4, 4]], (x) => tf.linalg.bandPart(x, 1, 1)),
  row("flipLeftRight", [[2, 3, 4, 2]], (x) => tf.image.flipLeftRight(x)),
  row("grayscaleToRGB", [[1, 2, 3, 1]], (x) => tf.image.grayscaleToRGB(x)),
  ...[0.3, -1.2, 1.4].map((angle) =>
    row(
      `rotateWithOffset ${angle.toFixed(1)}`,
      [[2, 4, 5, 2]],
      (x) => tf.image.rotateWithOffset(x, angle, 0.5),
    )
  ),
  ...(["bilinear", "nearest"] as const).flatMap((method) =>
    [[4, 4, 8, 8], [4, 4, 2, 2], [3, 5, 4, 7], [5, 3, 2, 3], [2, 2, 1, 5]]
      .flatMap(([h, w, oh, ow]) =>
        [[false, false], [true, false], [false, true]].map(([align, half]) =>
          row(
            `resize ${method}${align ? " aligned" : ""}${
              half ? " half pixels" : ""
            } to ${oh}x${ow}`,
            [[2, h!, w!, 2]],
            (x) =>
              (method === "bilinear"
                ? tf.image.resizeBilinear
                : tf.image.resizeNearestNeighbor)(
                  x as tf.Tensor4D,
                  [oh!, ow!],
                  align,
                  half,
                ),
          )
        )
      )
  ),
  ...(["bilinear", "nearest"] as const).flatMap((method) =>
    [[2, 3], [1, 1]].map(([high, wide]) =>
      row(
        `cropAndResize ${method} to ${high}x${wide}`,
        [[2, 5, 6, 2]],
        (x) =>
          tf.image.cropAndResize(
            x,
            tf.tensor2d([[0.1, 0.2, 0.8, 0.85], [0.3, -0.2, 1.1, 0.72], [
              0,
              0,
              1,
              1,
            ]]),
            tf.tensor1d([0, 1, 0], "int32"),
            [high!, wide!],
            method,
          ),
      )
    )
  ),
];
