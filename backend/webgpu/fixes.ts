import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../kernel.ts";
import { maxPool3DGradByAxis } from "../max_pool_3d_grad.ts";
import { guardKernels } from "../guards/mod.ts";
import { valuesOnHost } from "./backend.ts";
import { mirrorByAxis, padByAxis, reverseByAxis } from "./by_axis.ts";
import { registerElementwise } from "./elementwise.ts";
import { readNaNOutside } from "./gather.ts";
import { registerProducts } from "./gemm/mod.ts";
import { registerOwnKernels } from "./kernels/mod.ts";
import { computeWithIntegers } from "./integers.ts";
import { followReads } from "./reads.ts";
import { refuseEmptyInputs } from "./refusals.ts";
import { sumInChunks } from "./sums.ts";
import { allowEdits } from "./shader_edits.ts";

const { sizeFromShape } = tf.util;

/**
 * Replaces what is wrong in tfjs' WebGPU backend, and makes what it cannot do
 * throw instead of returning other values. Call it when the backend is current.
 */
export function registerWebGpuKernels(): void {
  registerProducts();
  for (const name of [tf.Cumsum, tf.Cumprod]) replace(name, forwardOnly);
  replaceKernel("webgpu", tf.Prod, keepAxes, "axes");
  replace(tf.PadV2, padByAxis);
  replace(tf.MirrorPad, mirrorByAxis);
  replace(tf.Reverse, reverseByAxis);
  for (const name of [tf.Real, tf.Imag]) replace(name, partInShape);
  replace(tf.Tile, tileByAxis);
  replace(tf.Select, selectFlat);
  replace(tf.LinSpace, startAlone);
  replace(tf.TopK, topOfNone);
  replace(tf.Cast, castValues);
  for (const name of [tf.Sum, tf.Mean]) {
    replaceKernel(
      "webgpu",
      name,
      (shipped) => sumInChunks(shipped, name === tf.Mean),
      "chunks",
    );
  }
  registerElementwise();
  registerOwnKernels();
  replace(tf.MaxPool3DGrad, maxPool3DGradByAxis);
  allowEdits();
  readNaNOutside();
  computeWithIntegers();
  guardKernels("webgpu", {
    read: valuesOnHost,
    exceptIndices: [tf.GatherV2, tf.GatherNd],
  });
  refuseEmptyInputs();
  followReads();
}

function replace(
  kernelName: string,
  wrap: (shipped: KernelFunc) => KernelFunc,
): void {
  replaceKernel("webgpu", kernelName, wrap);
}

/**
 * Running sums and products from the end are those of the reversed tensor: the
 * shipped shader for them is cached without the length that it contains.
 */
function forwardOnly(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    const { axis, exclusive, reverse } = args
      .attrs as unknown as tf.CumsumAttrs;
    const run = (x: tf.Tensor, axis: number) => {
      const attrs = { axis, exclusive, reverse: false };
      return tensor(shipped({ ...args, inputs: { x }, attrs }));
    };
    if (!reverse && x.rank <= 4) return run(x, axis);
    return tf.tidy(() => {
      const flat = tf.reshape(x, [
        sizeFromShape(x.shape.slice(0, axis)),
        x.shape[axis]!,
        sizeFromShape(x.shape.slice(axis + 1)),
      ]);
      const y = reverse
        ? tf.reverse(run(tf.reverse(flat, 1), 1), 1)
        : run(flat, 1);
      return tf.reshape(y, x.shape);
    });
  };
}

/** The shipped product drops the axes that it reduces where they are to be kept. */
function keepAxes(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const y = shipped(args);
    const x = args.inputs.x as tf.Tensor;
    const { axis, keepDims } = args.attrs as unknown as tf.ProdAttrs;
    if (!keepDims) return y;
    const axes = tf.util.parseAxisParam(axis, x.shape);
    return tf.tidy(() =>
      tf.reshape(
        tensor(y),
        x.shape.map((size, i) => axes.includes(i) ? 1 : size),
      )
    );
  };
}

/** From rank 5 on the shipped kernel reads values back: so one axis at a time. */
function tileByAxis(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    if (x.rank <= 4) return shipped(args);
    const { reps } = args.attrs as unknown as tf.TileAttrs;
    return tf.tidy(() => {
      let y = tf.clone(x);
      reps.forEach((times, axis) => {
        if (times === 1) return;
        const { shape } = y;
        const rows = [
          sizeFromShape(shape.slice(0, axis)),
          sizeFromShape(shape.slice(axis)),
        ];
        y = tf.reshape(
          tf.tile(tf.reshape(y, rows), [1, times]),
          shape.map((n, i) => i === axis ? n * times : n),
        );
      });
      return y;
    });
  };
}

/** The shipped kernel refuses rank 5, where the shapes do not matter anyway. */
function selectFlat(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { condition, t, e } = args.inputs as Record<string, tf.Tensor>;
    if (t!.rank <= 4 || condition!.rank !== t!.rank) return shipped(args);
    return tf.tidy(() => {
      const inputs = {
        condition: tf.reshape(condition!, [-1]),
        t: tf.reshape(t!, [-1]),
        e: tf.reshape(e!, [-1]),
      };
      return tf.reshape(tensor(shipped({ ...args, inputs })), t!.shape);
    });
  };
}

/** The shipped part of complex numbers has their shape from before a reshape. */
function partInShape(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { shape } = args.inputs.input as tf.Tensor;
    const part = tensor(shipped(args));
    if (tf.util.arraysEqual(part.shape, shape)) return part;
    return tf.tidy(() => {
      const y = tf.reshape(part, shape);
      part.dispose();
      return y;
    });
  };
}

/** The shipped shader multiplies an infinite step by 0 where there is one number. */
function startAlone(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const { start, num } = args.attrs as unknown as tf.LinSpaceAttrs;
    return num === 1 ? tf.fill([1], start) : shipped(args);
  };
}

/**
 * The shipped kernel returns its input where rows have one element, and changes the shape
 * of its input where none are asked for.
 */
function topOfNone(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    const { k } = args.attrs as unknown as tf.TopKAttrs;
    if (k > 0 && x.shape.at(-1) !== 1) return shipped(args);
    const shape = [...x.shape.slice(0, -1), k];
    const values = k === 0 ? tf.zeros(shape, x.dtype) : tf.clone(x);
    return [values, tf.zeros(shape, "int32")];
  };
}

/**
 * The shipped cast of integers and truth values to float relabels a buffer of
 * integers, which some shaders then do not compile with.
 */
function castValues(shipped: KernelFunc): KernelFunc {
  return (args) => {
    const x = args.inputs.x as tf.Tensor;
    const { dtype } = args.attrs as unknown as tf.CastAttrs;
    const isInteger = x.dtype === "int32" || x.dtype === "bool";
    if (dtype !== "float32" || !isInteger || sizeFromShape(x.shape) === 0) {
      return shipped(args);
    }
    const one = tf.scalar(1);
    const product = tf.getKernel(tf.Multiply, "webgpu").kernelFunc({
      ...args,
      inputs: { a: x, b: one },
    });
    one.dispose();
    return product;
  };
}

function tensor(info: tf.TensorInfo | tf.TensorInfo[]): tf.Tensor {
  return info instanceof tf.Tensor
    ? info
    : tf.engine().makeTensorFromTensorInfo(info as tf.TensorInfo);
}
