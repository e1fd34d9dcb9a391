/**
 * Paddings of windows, corrected for every backend.
 *
 * tfjs 4.22 takes the size of both axes from the stride and the window of the first
 * where the padding is a number, and lets windows of volumes begin outside where
 * padding "same" meets a stride that is longer than the window.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, either, listOf, oneOf, pair } from "../../internal/check.ts";
import type { Detour } from "./guard.ts";

/** Paddings of images: tfjs' names, or cells before and after each axis. */
export type Padding =
  | "valid"
  | "same"
  | number
  | tf.backend_util.ExplicitPadding;

/** A number as cells before and after each axis, which tfjs counts by axis. */
export function byAxis<P extends Padding>(
  pad: P,
  dataFormat?: string,
): P | tf.backend_util.ExplicitPadding {
  if (typeof pad !== "number") return pad;
  const none: [number, number] = [0, 0], ends: [number, number] = [pad, pad];
  return dataFormat === "NCHW"
    ? [none, none, ends, ends]
    : [none, ends, ends, none];
}

/** Kernels over windows of images. */
const IMAGES = [
  tf.AvgPool,
  tf.AvgPoolGrad,
  tf.Conv2D,
  tf.Conv2DBackpropFilter,
  tf.Conv2DBackpropInput,
  tf.DepthwiseConv2dNative,
  tf.DepthwiseConv2dNativeBackpropFilter,
  tf.DepthwiseConv2dNativeBackpropInput,
  tf.Dilation2D,
  tf.Dilation2DBackpropFilter,
  tf.Dilation2DBackpropInput,
  tf.FusedConv2D,
  tf.FusedDepthwiseConv2D,
  tf.MaxPool,
  tf.MaxPoolGrad,
  tf.MaxPoolWithArgmax,
];

/** Kernels over windows of volumes: what they read, and how their windows are given. */
const VOLUMES: Readonly<Record<string, VolumeKernel>> = {
  [tf.AvgPool3D]: { input: "x" },
  [tf.AvgPool3DGrad]: { input: "input", isInputGradient: true },
  [tf.Conv3D]: { input: "x" },
  [tf.Conv3DBackpropFilterV2]: { input: "x" },
  [tf.Conv3DBackpropInputV2]: { isInputGradient: true },
  [tf.MaxPool3D]: { input: "x" },
  [tf.MaxPool3DGrad]: { input: "input", isInputGradient: true },
};

interface VolumeKernel {
  /** The name of the volume that it reads; without one, its shape is an option. */
  readonly input?: string;
  /** Whether the result is shaped like the volume. */
  readonly isInputGradient?: boolean;
}

/** Kernels whose paddings are corrected. */
export const PADDINGS: Readonly<Record<string, Detour>> = {
  ...Object.fromEntries(IMAGES.map((name) => [name, padByAxis(name)])),
  ...Object.fromEntries(
    Object.entries(VOLUMES).map((
      [name, kernel],
    ) => [name, onSeenPart(name, kernel)]),
  ),
};

const EXPLICIT = listOf(
  pair("a nonnegative integer", "a nonnegative integer"),
);
const PAD = either(
  oneOf("valid", "same"),
  either(EXPLICIT, "a nonnegative integer"),
);

function padByAxis(kernelName: string): Detour {
  return (args, run) => {
    const { pad, dataFormat } = args.attrs as unknown as {
      pad: Padding;
      dataFormat?: string;
    };
    check(`run ${kernelName}`, "pad", pad, PAD);
    if (typeof pad !== "number") return run(args);
    const attrs = { ...args.attrs, pad: byAxis(pad, dataFormat) };
    return run({ ...args, attrs: attrs as unknown as tf.NamedAttrMap });
  };
}

type Triple = [number, number, number];

interface VolumeAttrs {
  readonly pad: "valid" | "same" | number;
  readonly strides: number | Triple;
  readonly dilations?: number | Triple;
  readonly filterSize?: number | Triple;
  readonly filterShape?: number[];
  readonly inputShape?: number[];
}

function triple(x: number | readonly number[]): readonly number[] {
  return typeof x === "number" ? [x, x, x] : x;
}

/**
 * The shape of the part of a volume that lies in any window, with padding "same":
 * shorter where the last window ends before the volume does.
 */
export function seenShape(
  shape: readonly number[],
  window: readonly number[],
  { pad, strides, dilations = 1 }: VolumeAttrs,
): number[] {
  if (pad !== "same") return [...shape];
  const steps = triple(strides), apart = triple(dilations);
  return shape.map((n, axis) => {
    if (axis < 1 || axis > 3) return n;
    const stride = steps[axis - 1]!;
    const reach = (window[axis - 1]! - 1) * apart[axis - 1]! + 1;
    return Math.min(n, (Math.ceil(n / stride) - 1) * stride + reach);
  });
}

/** Run a kernel on the part of the volume that windows see, which needs no padding. */
function onSeenPart(
  kernelName: string,
  { input, isInputGradient = false }: VolumeKernel,
): Detour {
  return (args, run) => {
    const attrs = args.attrs as unknown as VolumeAttrs;
    check(`run ${kernelName}`, "pad", attrs.pad, PAD);
    const x = input ? args.inputs[input] as tf.Tensor : undefined;
    const shape = x?.shape ?? attrs.inputShape!;
    const window = attrs.filterSize ?? attrs.filterShape ??
      (args.inputs["filter"] as tf.TensorInfo).shape;
    const seen = seenShape(shape, triple(window), attrs);
    if (shape.every((n, axis) => n === seen[axis])) return run(args);
    return tf.tidy(() => {
      const part = x && tf.slice(x, seen.map(() => 0), seen);
      const y = run({
        ...args,
        inputs: part ? { ...args.inputs, [input!]: part } : args.inputs,
        attrs: {
          ...args.attrs,
          ...(attrs.inputShape && { inputShape: seen }),
        } as unknown as tf.NamedAttrMap,
      }) as tf.TensorInfo;
      if (!isInputGradient) return y as tf.Tensor;
      const dx = y instanceof tf.Tensor
        ? y
        : tf.engine().makeTensorFromTensorInfo(y);
      return tf.pad(dx, shape.map((n, axis) => [0, n - seen[axis]!]));
    });
  };
}
