/**
 * Grayscale dilation and its gradients. tfjs takes 1.2e-38 for the lowest float, so
 * that negative images come out wrong.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  expectType,
  output,
  replace,
  view,
  zeros,
} from "../machine/registry.ts";

/** The options of dilation. */
interface DilationAttrs {
  readonly strides: [number, number] | number;
  readonly pad: "valid" | "same" | number;
  readonly dilations: [number, number] | number;
}

/** Called for each output with where its largest sum was found; -1 where there is none. */
type Visit = (
  out: number,
  largest: number,
  inputAt: number,
  filterAt: number,
) => void;

/** The largest `x + filter` of each window. */
function eachLargest(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  { strides, pad, dilations }: DilationAttrs,
  prepare: (outShape: number[]) => tf.TensorInfo,
  visit: Visit,
): tf.TensorInfo {
  expectType("dilation2d", x, "float32");
  expectType("dilation2d", filter, "float32");
  const c = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    strides,
    pad,
    "NHWC",
    dilations,
  );
  const result = prepare(c.outShape),
    X = view(x),
    W = view(filter),
    channels = c.inChannels;
  for (let out = 0, n = 0; n < c.batchSize; n++) {
    for (let row = 0; row < c.outHeight; row++) {
      for (let column = 0; column < c.outWidth; column++) {
        for (let channel = 0; channel < channels; channel++, out++) {
          let largest = -Infinity, inputAt = -1, filterAt = -1;
          for (let i = 0; i < c.filterHeight; i++) {
            const y = row * c.strideHeight - c.padInfo.top +
              i * c.dilationHeight;
            if (y < 0 || y >= c.inHeight) continue;
            for (let j = 0; j < c.filterWidth; j++) {
              const z = column * c.strideWidth - c.padInfo.left +
                j * c.dilationWidth;
              if (z < 0 || z >= c.inWidth) continue;
              const from = ((n * c.inHeight + y) * c.inWidth + z) * channels +
                channel;
              const w = (i * c.filterWidth + j) * channels + channel;
              const sum = X[from]! + W[w]!;
              if (inputAt < 0 || sum > largest || sum !== sum) {
                [largest, inputAt, filterAt] = [sum, from, w];
              }
            }
          }
          visit(out, largest, inputAt, filterAt);
        }
      }
    }
  }
  return result;
}

/** Replace dilation and its gradients. */
export function registerDilation(): void {
  replace<"x" | "filter", DilationAttrs>("Dilation2D", ({ inputs, attrs }) => {
    let y: ReturnType<typeof view>;
    return eachLargest(inputs.x, inputs.filter, attrs, (shape) => {
      const out = output(shape);
      y = view(out);
      return out;
    }, (out, largest) => y[out] = largest);
  });
  const gradient = (name: string, of: "x" | "filter") => {
    replace<"x" | "filter" | "dy", DilationAttrs>(name, ({ inputs, attrs }) => {
      const { x, filter, dy } = inputs;
      let gradient: ReturnType<typeof view>, from: ReturnType<typeof view>;
      return eachLargest(x, filter, attrs, () => {
        const out = zeros(inputs[of].shape);
        [gradient, from] = [view(out), view(dy)];
        return out;
      }, (out, _, inputAt, filterAt) => {
        const at = of === "x" ? inputAt : filterAt;
        if (at >= 0) gradient[at]! += from[out]!;
      });
    });
  };
  gradient("Dilation2DBackpropInput", "x");
  gradient("Dilation2DBackpropFilter", "filter");
}
