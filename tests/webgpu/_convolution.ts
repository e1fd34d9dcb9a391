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
import { random, tf } from "../../mod.ts";

/** A convolution. */
export interface Case {
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

/** Compare the three kernels of a convolution with sums in float64, of `rounded` factors. */
export function check(
  { x, filter, attrs = {}, isDepthwise = false }: Case,
  rounded: (values: Float32Array) => Float32Array = (x) => x,
): void {
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
    const [X, W, Y] = tensors.map((t) => rounded(t.dataSync() as Float32Array));
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

/** Strides and paddings. */
export const ATTRS: Partial<WindowAttrs>[] = [
  {},
  { pad: "same" },
  { pad: "same", strides: [2, 3] },
  { strides: [3, 1], pad: [[0, 0], [2, 0], [1, 3], [0, 0]] },
  { pad: [[0, 0], [1, 2], [0, 1], [0, 0]] },
];
