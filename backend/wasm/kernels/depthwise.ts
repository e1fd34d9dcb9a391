/**
 * Depthwise convolution, and its gradients, which tfjs lacks on WASM.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import { F32, I32, load } from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { forgetRearranged } from "../machine/backend.ts";
import { inMemory, wasmFunction } from "../machine/functions.ts";
import {
  expectSize,
  expectType,
  pointer,
  replace,
  size,
  zeros,
} from "../machine/registry.ts";
import { type Attrs2D, geometry2D, sizes2D } from "./geometry.ts";
import {
  eachPlace,
  eachWindow,
  elementsOf,
  geometryWords,
  loadGeometry,
  operations,
  type Windows,
  windowsIn,
} from "./windows.ts";

const toInput = productOfWindows("depthwiseInput", "x");
const toFilter = productOfWindows("depthwiseFilter", "w");

/**
 * For output positions `first` to `end` with `many` outputs per channel: add to
 * `x` or to `w` the products of the two others.
 */
function productOfWindows(name: string, to: "x" | "w") {
  const params = {
    addresses: ["x", "w", "y", "geometry"],
    numbers: ["many", "first", "end"],
  } as const;
  return wasmFunction(name, params, (f, p) => {
    const { scratch, x, w, y, many, first, end, geometry } = p;
    const g = loadGeometry(f, geometry), bytes = f.let(g.channels.shl(2));
    const outBytes = f.let(bytes.mul(many));
    const xs = f.local(I32), ws = f.local(I32);
    f.set(y, y.add(first.mul(outBytes)));
    eachWindow(f, g, first, end, (window) => {
      eachPlace(f, g, window, (place, pixel) => {
        f.set(xs, x.add(pixel.mul(bytes)));
        f.set(ws, w.add(place.mul(outBytes)));
        const [factor, target] = to === "w" ? [xs, ws] : [ws, xs];
        f.if(many.eq(1), () => {
          eachVector(f, scratch, bytes, (lanes) => {
            const product = f.let(lanes.load(factor).mul(lanes.load(y)));
            lanes.store(target, lanes.load(target).add(product));
          });
        }, () => {
          const own = f.let(many.shl(2));
          f.for(bytes, 4, (c) => {
            f.for(own, 4, (j) => {
              const at = (base: I32) =>
                base === xs ? base.add(c) : base.add(c.mul(many)).add(j);
              const sum = load(F32, at(target));
              f.store(
                at(target),
                sum.add(load(F32, at(factor)).mul(load(F32, at(y)))),
              );
            });
          });
        });
      });
      f.set(y, y.add(outBytes));
    });
  });
}

function windowsOf(
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: Attrs2D,
): Windows {
  const c = sizes2D(shape, filterShape, attrs, true);
  return { images: c.batchSize, geometry: geometry2D(c) };
}

const GRADIENT = "the gradient of depthwiseConv2d";

/** Throw unless the tensors are as large as the windows say. */
function expectSizes(
  windows: Windows,
  x: readonly number[],
  filter: readonly number[],
  dy: readonly number[],
) {
  const { depth, height, width, channels } = windows.geometry;
  const many = filter[3]!, outputs = channels * many;
  expectSize(GRADIENT, "the input", x, elementsOf(windows));
  expectSize(GRADIENT, "the filter", filter, depth * height * width * outputs);
  const total = windows.images * windowsIn(windows.geometry) * outputs;
  expectSize(GRADIENT, "dy", dy, total);
}

/**
 * tfjs' convolution with padding "same" written out: XNNPACK works it out itself,
 * wrongly where the stride is longer than the filter. Of an empty result it would
 * write what is not there.
 */
function spellOutSame(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const attrs = args.attrs as unknown as Attrs2D;
    const { x, filter } = args.inputs as Record<string, tf.TensorInfo>;
    const sizes = sizes2D(x!.shape, filter!.shape, attrs, true);
    if (sizes.outShape.includes(0)) return zeros(sizes.outShape);
    if (attrs.pad !== "same") return shipped(args);
    const { padInfo: p } = sizes;
    const pad = [[0, 0], [p.top, p.bottom], [p.left, p.right], [0, 0]];
    return shipped({ ...args, attrs: { ...args.attrs, pad } });
  };
}

/**
 * XNNPACK keeps a filter as it has rearranged it, with its bias, under the number of
 * its data, and would go on using it when the filter has been overwritten.
 */
function rearrangeAgain(shipped: KernelFunc): KernelFunc {
  return (args) => {
    for (const name of ["filter", "bias", "preluActivationWeights"]) {
      const x = args.inputs[name] as tf.TensorInfo | undefined;
      if (x) forgetRearranged(x);
    }
    return shipped(args);
  };
}

/** Correct depthwise convolution, and register its gradients. */
export function registerDepthwise(): void {
  for (const name of ["DepthwiseConv2dNative", "FusedDepthwiseConv2D"]) {
    replaceKernel("wasm", name, rearrangeAgain, "overwritten filters");
    replaceKernel("wasm", name, spellOutSame, "same");
  }
  replace<"x" | "dy", Attrs2D & { filterShape: number[] }>(
    "DepthwiseConv2dNativeBackpropFilter",
    ({ inputs: { x, dy }, attrs }) => {
      expectType(GRADIENT, x, "float32");
      expectType(GRADIENT, dy, "float32");
      const { filterShape } = attrs;
      const windows = windowsOf(x.shape, filterShape, attrs);
      expectSizes(windows, x.shape, filterShape, dy.shape);
      const dw = zeros(filterShape);
      if (size(dy.shape) === 0) return dw;
      toFilter.run({
        x: pointer(x),
        w: pointer(dw),
        y: pointer(dy),
        many: filterShape[3]!,
        first: 0,
        end: windows.images * windowsIn(windows.geometry),
        geometry: inMemory(geometryWords(windows.geometry)),
      });
      return dw;
    },
  );
  replace<"dy" | "filter", Attrs2D & { inputShape: number[] }>(
    "DepthwiseConv2dNativeBackpropInput",
    ({ inputs: { dy, filter }, attrs }) => {
      expectType(GRADIENT, dy, "float32");
      expectType(GRADIENT, filter, "float32");
      const windows = windowsOf(attrs.inputShape, filter.shape, attrs);
      expectSizes(windows, attrs.inputShape, filter.shape, dy.shape);
      const dx = zeros(attrs.inputShape);
      if (size(dy.shape) === 0) return dx;
      const perImage = windowsIn(windows.geometry);
      const geometry = inMemory(geometryWords(windows.geometry));
      const total = windows.images * perImage;
      // Threads may not add to one image: they take whole ones.
      toInput.ranges(total, operations(windows), (first, end) => ({
        x: pointer(dx),
        w: pointer(filter),
        y: pointer(dy),
        many: filter.shape[3]!,
        first,
        end,
        geometry,
      }), perImage);
      return dx;
    },
  );
}
