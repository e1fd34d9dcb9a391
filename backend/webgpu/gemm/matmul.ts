/**
 * Products of matrices: `BatchMatMul` and `_FusedMatMul`.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { KernelFunc } from "../../kernel.ts";
import { baseCode, batchesOf, batchUniforms } from "./batches.ts";
import { type FusedEnd, fusedEnd, withEnd } from "./ends.ts";
import { matrix, type Operand, type Side } from "./operand.ts";
import { runProduct } from "./run.ts";

/** `a b` for matrices, and batches of them. */
export const batchMatMul: KernelFunc = (args) => multiply(args, {});

/** The same, with a bias and an activation. */
export const fusedMatMul: KernelFunc = (args) => multiply(args, fusedEnd(args));

function multiply(
  { inputs, attrs }: Parameters<KernelFunc>[0],
  end: FusedEnd,
): tf.TensorInfo {
  const { a, b } = inputs as Record<Side | "a" | "b", tf.TensorInfo>;
  const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs;
  const [m, k] = matrixOf(a, transposeA), [terms, n] = matrixOf(b, transposeB);
  if (k !== terms) {
    throw new RangeError(
      `Cannot multiply matrices: the inner sizes must be the same: current values are ${k} and ${terms}`,
    );
  }
  const batches = batchesOf(a.shape, b.shape);
  const shape = [...batches.shape, m, n];
  const isNothing = shape.includes(0) || k === 0;
  const isFloat = a.dtype === "float32";
  return withEnd(n, end, ({ epilogue, ends, alpha }) => {
    if (isNothing) return tf.zeros(shape, a.dtype as "float32");
    const isVector = {
      A: (transposeA ? m : k) % 4 === 0,
      B: (transposeB ? k : n) % 4 === 0,
    };
    const factor = (
      side: Side,
      isTransposed: boolean,
      hasEdge: boolean,
    ): Operand => ({
      ...matrix(side, { isTransposed, isVector: isVector[side], hasEdge }),
      begin: baseCode(side, batches),
    });
    return runProduct({
      kind: `matmul ${batches.axes.length}`,
      sizes: { m, n, k, batches: batches.count },
      factors({ tile }) {
        const hasEdge = k % tile.k !== 0;
        return [
          factor("A", transposeA, hasEdge),
          factor("B", !transposeB, hasEdge),
        ];
      },
      inputs: [a, b],
      shape,
      dtype: a.dtype,
      epilogue,
      ends,
      alpha,
      uniforms: batchUniforms(batches, { A: m * k, B: k * n }),
    });
  }, isFloat && !isNothing);
}

/** The rows and columns of a matrix, or of its transpose. */
function matrixOf(
  { shape }: tf.TensorInfo,
  isTransposed: boolean,
): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return isTransposed ? [columns, rows] : [rows, columns];
}
