/**
 * Convolutions and pools.
 *
 * ONNX has channels before the axes of images: values are transposed before and after,
 * which runtimes combine with their neighbours.
 *
 * @module
 */
import * as tf from "../../tf.ts";
import { activated } from "./elementwise.ts";
import {
  type Call,
  type Exporter,
  type Exporters,
  input,
  type Operand,
  unsupported,
} from "./kernel.ts";

/** `[batch, height, width, channels]` to `[batch, channels, height, width]`. */
const TO_CHANNELS_FIRST = [0, 3, 1, 2];
const TO_CHANNELS_LAST = [0, 2, 3, 1];

type Shape4D = [number, number, number, number];

/** Where the cells of a window lie. */
interface Geometry {
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

function geometry(
  { attrs }: Call,
  image: readonly number[],
  filter: readonly number[],
  isDepthwise = false,
): Geometry {
  const { strides, pad, dimRoundingMode } = attrs as {
    readonly strides: number | [number, number];
    readonly pad: "same" | "valid" | number;
    readonly dimRoundingMode?: "floor" | "round" | "ceil";
  };
  const dilations = (attrs["dilations"] ?? 1) as number | [number, number];
  if ((attrs["dataFormat"] ?? "NHWC") !== "NHWC") {
    unsupported("convolutions must have their channels last");
  }
  const { padInfo: { top, left, bottom, right } } = tf.backend_util
    .computeConv2DInfo(
      [...image] as Shape4D,
      [...filter] as Shape4D,
      strides,
      dilations,
      pad,
      dimRoundingMode,
      isDepthwise,
    );
  const pair = (x: number | number[]) =>
    [x].flat().length === 1 ? [[x].flat()[0]!, [x].flat()[0]!] : [x].flat();
  return {
    strides: pair(strides),
    dilations: pair(dilations),
    pads: [top, left, bottom, right],
  };
}

/** Runs an operator on channels first. */
function channelsFirst(
  { graph }: Call,
  x: Operand,
  run: (x: string) => string,
): string {
  const first = graph.add("Transpose", [x.name], { perm: TO_CHANNELS_FIRST });
  return graph.add("Transpose", [run(first)], { perm: TO_CHANNELS_LAST });
}

function convolution(call: Call): string {
  const { graph } = call, x = input(call, "x"), filter = input(call, "filter");
  const weight = graph.add("Transpose", [filter.name], { perm: [3, 2, 0, 1] });
  const { strides, dilations, pads } = geometry(call, x.shape, filter.shape);
  return channelsFirst(
    call,
    x,
    (y) => graph.add("Conv", [y, weight], { strides, dilations, pads }),
  );
}

function depthwise(call: Call): string {
  const { graph } = call, x = input(call, "x"), filter = input(call, "filter");
  const [height, width, channels, multiplier] = filter.shape as Shape4D;
  // [height, width, channels, multiplier] to [channels · multiplier, 1, height, width]
  const weight = graph.add("Reshape", [
    graph.add("Transpose", [filter.name], { perm: [2, 3, 0, 1] }),
    graph.integers([channels * multiplier, 1, height, width]),
  ]);
  const { strides, dilations, pads } = geometry(
    call,
    x.shape,
    filter.shape,
    true,
  );
  return channelsFirst(call, x, (y) =>
    graph.add("Conv", [y, weight], {
      strides,
      dilations,
      pads,
      group: channels,
    }));
}

/** A convolution with a bias and an activation built in. */
const fused = (plain: (call: Call) => string): Exporter => (call) => {
  const y = plain(call), { bias } = call.inputs;
  return activated(call, bias ? call.graph.add("Add", [y, bias.name]) : y);
};

function transposed(call: Call): string {
  const { graph, outputs: [out] } = call;
  const dy = input(call, "dy"), filter = input(call, "filter");
  const weight = graph.add("Transpose", [filter.name], { perm: [3, 2, 0, 1] });
  const { strides, pads } = geometry(call, out!.shape, filter.shape);
  // What the shape of the output has beyond the least that the window reaches.
  const extra = [0, 1].map((i) =>
    out!.shape[i + 1]! -
    ((dy.shape[i + 1]! - 1) * strides[i]! + filter.shape[i]! - pads[i]! -
      pads[i + 2]!)
  );
  return channelsFirst(
    call,
    dy,
    (y) =>
      graph.add("ConvTranspose", [y, weight], {
        strides,
        pads: [pads[0]!, pads[1]!, pads[2]!, pads[3]!],
        output_padding: extra,
      }),
  );
}

const pool =
  (op: string, more: Readonly<Record<string, number>> = {}): Exporter =>
  (call) => {
    const { graph } = call, x = input(call, "x");
    const size = call.attrs["filterSize"] as number | [number, number];
    const kernel = typeof size === "number" ? [size, size] : size;
    const channels = x.shape[3]!;
    const filter = [...kernel, channels, channels];
    const { strides, pads } = geometry(call, x.shape, filter);
    return channelsFirst(
      call,
      x,
      (y) =>
        graph.add(op, [y], { kernel_shape: kernel, strides, pads, ...more }),
    );
  };

/** Kernels of windows. */
export const WINDOWS: Exporters = {
  AvgPool: pool("AveragePool", { count_include_pad: 0 }),
  Conv2D: convolution,
  Conv2DBackpropInput: transposed,
  DepthwiseConv2dNative: depthwise,
  FusedConv2D: fused(convolution),
  FusedDepthwiseConv2D: fused(depthwise),
  MaxPool: pool("MaxPool"),
};
