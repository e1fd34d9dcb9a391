/**
 * Images with their channels last or first: products take them last.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { FusedEnd } from "./ends.ts";
import { imageGeometry, volumeGeometry, type WindowAttrs } from "./geometry.ts";

/** The images or volumes of a kernel, channels last, and what to do with the result. */
export interface Layout {
  readonly geometryOf: typeof imageGeometry;
  /** Brings a tensor's channels to the end. */
  in(x: tf.Tensor): tf.Tensor;
  /** The shape with the channels at the end. */
  shape(shape: readonly number[]): number[];
  /** Brings the channels of bias and weights to the end. */
  end(end: FusedEnd, channels: number): FusedEnd;
  /** Brings the result's channels to where they belong. */
  out(y: tf.TensorInfo): tf.TensorInfo;
  readonly attrs: WindowAttrs;
}

/** The layout that the options of a kernel say. */
export function layoutOf(attrs: WindowAttrs, isVolume = false): Layout {
  if (attrs.dataFormat !== "NCHW") {
    return {
      geometryOf: isVolume ? volumeGeometry : imageGeometry,
      in: (x) => x,
      shape: (shape) => [...shape],
      end: (end) => end,
      out: (y) => y,
      attrs,
    };
  }
  const [LAST, FIRST] = [[0, 2, 3, 1], [0, 3, 1, 2]];
  const { pad } = attrs;
  return {
    geometryOf: imageGeometry,
    in: (x) => tf.transpose(x, LAST),
    shape: (shape) => LAST.map((i) => shape[i]!),
    end: ({ bias, weights, ...end }, channels) => ({
      bias: channelsLast(bias, channels),
      weights: channelsLast(weights, channels),
      ...end,
    }),
    out: (y) => tf.transpose(tensor(y), FIRST),
    attrs: {
      ...attrs,
      pad: Array.isArray(pad)
        ? [pad[0], pad[2], pad[3], pad[1]] as typeof pad
        : pad,
    },
  };
}

/** What broadcasts to images whose channels come first, for those where they are last. */
function channelsLast(
  x: tf.Tensor | null | undefined,
  channels: number,
): tf.Tensor | null | undefined {
  if (!x || x.rank === 0) return x;
  if (x.size === channels) return tf.reshape(x, [channels]);
  return x.rank < 3
    ? x
    : tf.transpose(x, x.rank === 3 ? [1, 2, 0] : [0, 2, 3, 1]);
}

function tensor(x: tf.TensorInfo): tf.Tensor {
  return x instanceof tf.Tensor ? x : tf.engine().makeTensorFromTensorInfo(x);
}

/** Run `fn`; what it makes besides its result is freed. */
export function tidied(
  attrs: WindowAttrs,
  fn: () => tf.TensorInfo,
): tf.TensorInfo {
  return attrs.dataFormat === "NCHW" ? tf.tidy(() => tensor(fn())) : fn();
}
