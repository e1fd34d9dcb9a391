/**
 * Sums and means over the first axes, as those of the gradient of a bias: tfjs
 * transposes first, and adds up thousands of terms one after the other.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type KernelFunc, replaceKernel } from "../../kernel.ts";
import { type ColumnSum, eachRow, sumColumns } from "./columns.ts";

const SUM: ColumnSum = {
  name: "column_sum",
  inputs: { X: "f32" },
  collect: eachRow("part.x += X[at];"),
  merge:
    "fn merge(a : vec4<f32>, b : vec4<f32>) -> vec4<f32> { return a + b; }",
  results: ["SUM"],
  uniforms: { divisor: "f32" },
  finish: "SUM[column] = part.x / uniforms.divisor;",
};

const { sizeFromShape } = tf.util;

/** Sums over the first axes, and all others as they are. */
function overFirstAxes(next: KernelFunc, isMean: boolean): KernelFunc {
  return (args) => {
    const x = args.inputs["x"] as tf.TensorInfo, { shape } = x;
    const { axis, keepDims } = args.attrs as unknown as {
      axis?: number | number[];
      keepDims?: boolean;
    };
    const axes = tf.util.parseAxisParam(axis!, shape).sort((a, b) => a - b);
    const areFirst = axes.length > 0 && axes.length < shape.length &&
      axes.every((axis, i) => axis === i);
    if (!areFirst || x.dtype !== "float32" || shape.includes(0)) {
      return next(args);
    }
    const rest = shape.slice(axes.length);
    const rows = sizeFromShape(shape.slice(0, axes.length));
    const divisor = isMean ? rows : 1;
    const flat = [rows, sizeFromShape(rest)];
    const [sum] = sumColumns(SUM, flat, [x], [], [divisor]);
    const kept = keepDims ? [...axes.map(() => 1), ...rest] : rest;
    return { ...sum!, shape: kept };
  };
}

/** Replace `Sum` and `Mean` over the first axes. */
export function registerColumnSums(): void {
  for (const name of [tf.Sum, tf.Mean]) {
    replaceKernel(
      "webgpu",
      name,
      (next) => overFirstAxes(next, name === tf.Mean),
      "first axes",
    );
  }
}
