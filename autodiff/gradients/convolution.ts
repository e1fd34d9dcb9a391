import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { sumToShape } from "./broadcast.ts";
import { dilatedGradients } from "./dilated.ts";
import {
  expectLinear,
  fromInputs,
  type Gradient,
  type Gradients,
} from "./rule.ts";
import { dilate, thin } from "./strides.ts";

const CONV_2D = {
  forward: tf.Conv2D,
  input: tf.Conv2DBackpropInput,
  filter: tf.Conv2DBackpropFilter,
} as const;
const DEPTHWISE = {
  forward: tf.DepthwiseConv2dNative,
  input: tf.DepthwiseConv2dNativeBackpropInput,
  filter: tf.DepthwiseConv2dNativeBackpropFilter,
} as const;
const CONV_3D = {
  forward: tf.Conv3D,
  input: tf.Conv3DBackpropInputV2,
  filter: tf.Conv3DBackpropFilterV2,
} as const;

type Kernels = typeof CONV_2D | typeof DEPTHWISE | typeof CONV_3D;

/**
 * Convolutions. A convolution, the gradient of its input and the gradient of
 * its filter are linear in two of three tensors each, and each other's
 * gradients: so they can be differentiated any number of times.
 */
export const convolution: Gradients = {
  Conv2D: gradientOf2D(CONV_2D),
  // As `backend/ops/with_bias.ts` runs it.
  FusedConv2D: fromInputs(
    ["x", "filter", "bias"],
    (dy, { x, filter, bias }, all: tf.FusedConv2DAttrs) => {
      const { activation, leakyreluAlpha: _, ...attrs } = all;
      expectLinear("FusedConv2D", activation);
      return {
        ...gradientOf2D(CONV_2D)
          .gradFunc(dy, [x, filter], attrs as unknown as tf.NamedAttrMap),
        bias: () => sumToShape(dy, bias.shape),
      };
    },
  ),
  Conv2DBackpropInput: gradientOfInputGrad(CONV_2D),
  Conv2DBackpropFilter: gradientOfFilterGrad(CONV_2D),
  DepthwiseConv2dNative: gradientOf2D(DEPTHWISE),
  DepthwiseConv2dNativeBackpropInput: gradientOfInputGrad(DEPTHWISE),
  DepthwiseConv2dNativeBackpropFilter: gradientOfFilterGrad(DEPTHWISE),
  Conv3D: fromInputs(
    ["x", "filter"],
    (dy, { x, filter }, { dilations, ...attrs }: tf.Conv3DAttrs) => {
      // The kernels know no dilation: zeros go between the filter's values.
      const steps = triple(dilations);
      const apart = (f: tf.Tensor) =>
        steps.reduce((f, step, axis) => dilate(f, axis, step), f);
      return {
        x: () =>
          runKernel(CONV_3D.input, { dy, filter: apart(filter) }, {
            ...attrs,
            inputShape: x.shape,
          }),
        filter: () => {
          const filterShape = filter.shape.map((n, i) =>
            i < 3 ? (n - 1) * steps[i]! + 1 : n
          );
          return steps.reduce(
            (f, step, axis) => thin(f, axis, step),
            runKernel(CONV_3D.filter, { x, dy }, { ...attrs, filterShape }),
          );
        },
      };
    },
  ),
  Conv3DBackpropInputV2: gradientOfInputGrad(CONV_3D),
  Conv3DBackpropFilterV2: gradientOfFilterGrad(CONV_3D),
};

function gradientOf2D(kernels: Kernels): Gradient {
  return fromInputs(
    ["x", "filter"],
    (dy, { x, filter }, attrs: tf.Conv2DAttrs) => {
      if (pair(attrs.dilations).some((step) => step > 1)) {
        const isDepthwise = kernels === DEPTHWISE;
        return dilatedGradients(dy, x, filter, attrs, isDepthwise);
      }
      return {
        x: () =>
          runKernel(kernels.input, { dy, filter }, {
            ...attrs,
            inputShape: x.shape,
          }),
        filter: () =>
          runKernel(kernels.filter, { x, dy }, {
            ...attrs,
            filterShape: filter.shape,
          }),
      };
    },
  );
}

function gradientOfInputGrad(kernels: Kernels): Gradient {
  return fromInputs(
    ["dy", "filter"],
    (g, { dy, filter }, attrs: tf.Conv2DAttrs) => ({
      dy: () => runKernel(kernels.forward, { x: g, filter }, undilated(attrs)),
      filter: () =>
        runKernel(kernels.filter, { x: g, dy }, {
          ...attrs,
          filterShape: filter.shape,
        }),
    }),
  );
}

function gradientOfFilterGrad(kernels: Kernels): Gradient {
  return fromInputs(["x", "dy"], (g, { x, dy }, attrs: tf.Conv2DAttrs) => ({
    x: () =>
      runKernel(kernels.input, { dy, filter: g }, {
        ...attrs,
        inputShape: x.shape,
      }),
    dy: () => runKernel(kernels.forward, { x, filter: g }, undilated(attrs)),
  }));
}

/** The kernels of gradients are run without dilation, and not told so. */
function undilated(attrs: tf.Conv2DAttrs): tf.Conv2DAttrs {
  return { ...attrs, dilations: 1 };
}

function pair(value: number | [number, number]): [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

function triple(
  value: number | [number, number, number],
): [number, number, number] {
  return typeof value === "number" ? [value, value, value] : value;
}
