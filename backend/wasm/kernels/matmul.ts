/**
 * `matMul` of our own: as fast transposed and batched as plain, on all threads,
 * with bias and relu at no cost.
 *
 * tfjs' kernel is 6 to 30 times slower with a transpose or a batch, takes batch
 * indices modulo, and keeps copies of weights that go stale.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  gemm,
  type Product,
  RELU,
  ROWS,
  TRANSPOSE_A,
  TRANSPOSE_B,
} from "./gemm.ts";
import { offsets, runs } from "./batches.ts";
import { finish, type FusedAttrs } from "./epilogue.ts";
import { MULTIPLICATIONS, partsOf, threadCount } from "../machine/functions.ts";
import { MOST_PARTS } from "../machine/workers.ts";
import type { RowsProductAttrs } from "../../ops/rows_product.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
  view,
} from "../machine/registry.ts";

/** Independent parts of a product: its matrices, or whole tiles of C's longer side. */
function split(product: Product, parts: number): Product[] {
  const { batch, M, N, a, aStep, aRow, b, bStep, bRow, c, cStep, cRow } =
    product;
  const { flags, bias } = product, tall = M >= N;
  const [total, tile] = batch > 1 ? [batch, 1] : tall ? [M, 6] : [N, 16];
  const length = Math.ceil(total / parts / tile) * tile;
  return Array.from({ length: Math.ceil(total / length) }, (_, i) => {
    const at = i * length, n = Math.min(length, total - at);
    if (batch > 1) {
      const from = { a: a + at * aStep, b: b + at * bStep, c: c + at * cStep };
      return { ...product, ...from, batch: n };
    }
    if (tall) {
      const from = {
        a: a + at * (flags & TRANSPOSE_A ? 4 : aRow),
        c: c + at * cRow,
      };
      return { ...product, ...from, M: n };
    }
    const from = {
      b: b + at * (flags & TRANSPOSE_B ? bRow : 4),
      c: c + 4 * at,
    };
    return { ...product, ...from, N: n, bias: bias && bias + 4 * at };
  });
}

/** Rows of a part that are many beside the other matrix, which each part copies. */
const MANY = 96;

/** The most parts that are worth copying the other matrix for: as many for each thread. */
function mostParts({ batch, M, N }: Product): number {
  if (batch > 1) return batch;
  const threads = threadCount();
  return threads * Math.max(1, Math.floor(Math.max(M, N) / MANY / threads));
}

/** Compute products that do not depend on each other, on all threads. */
export function multiply(...products: Product[]): void {
  for (let i = 0; i < products.length; i += MOST_PARTS) {
    const some = products.slice(i, i + MOST_PARTS);
    const parts = some.flatMap((p) => {
      // The path may not depend on how the work is split, or the bits would.
      const flags = p.M < 3 && !(p.flags & TRANSPOSE_A)
        ? p.flags | ROWS
        : p.flags;
      const room = Math.floor(MOST_PARTS / some.length);
      const n = Math.min(
        room,
        partsOf(p.batch * p.M * p.N * p.K / MULTIPLICATIONS),
        mostParts(p),
      );
      return n < 2 ? [{ ...p, flags }] : split({ ...p, flags }, n);
    });
    const work = some.reduce((sum, p) => sum + p.batch * p.M * p.N * p.K, 0);
    if (partsOf(work / MULTIPLICATIONS) > 1) gemm.run(...parts);
    else for (const part of parts) gemm.run(part);
  }
}

/** The options of `matMul`. */
interface MatMulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Rows, columns and inner dimension, and the shape of the batch. */
function sizes(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  { transposeA, transposeB }: MatMulAttrs,
) {
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new RangeError(
      `Cannot multiply matrices: both must have rank 2 or more: current shapes are [${a.shape}] and [${b.shape}]`,
    );
  }
  const [p, q] = a.shape.slice(-2) as [number, number];
  const [r, s] = b.shape.slice(-2) as [number, number];
  const [M, K] = transposeA ? [q, p] : [p, q],
    [inner, N] = transposeB ? [s, r] : [r, s];
  if (inner !== K) {
    throw new RangeError(
      `Cannot multiply matrices: inner dimensions must be equal: current shapes are [${a.shape}] and [${b.shape}] with transposeA=${transposeA} and transposeB=${transposeB}`,
    );
  }
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  return { M, N, K, batch };
}

/** `op(a) op(b) + bias`, at least 0 with `relu`; `bias` is a vector of N. */
export function matMul(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  attrs: MatMulAttrs,
  bias?: tf.TensorInfo,
  relu = false,
): tf.TensorInfo {
  const { transposeA, transposeB } = attrs;
  const { M, N, K, batch } = sizes(a, b, attrs);
  expectType("matMul", a, "float32", "int32");
  expectType("matMul", b, a.dtype);
  const out = output([...batch, M, N], a.dtype);
  if (size(out.shape) === 0) return out;
  if (a.dtype === "int32") return integerMatMul(a, b, attrs, out);
  const rest = {
    aRow: 4 * (transposeA ? M : K),
    bRow: 4 * (transposeB ? K : N),
    c: pointer(out),
    cStep: 4 * M * N,
    cRow: 4 * N,
    M,
    N,
    K,
    flags: (relu ? RELU : 0) | (transposeA ? TRANSPOSE_A : 0) |
      (transposeB ? TRANSPOSE_B : 0),
    bias: bias ? pointer(bias) : 0,
  };
  const pa = pointer(a), pb = pointer(b);
  if (K === 0) {
    view(out).fill(0);
    if (bias) tileRows(out, bias, N);
    if (relu) reluInPlace(out);
  } else if (size(b.shape) === K * N && !transposeA) {
    // One right operand for all: one tall product.
    const tall = size(batch) * M;
    multiply({ ...rest, batch: 1, aStep: 0, bStep: 0, a: pa, b: pb, M: tall });
  } else {
    const from = offsets(a.shape.slice(0, -2), batch, 4 * M * K);
    const right = offsets(b.shape.slice(0, -2), batch, 4 * K * N);
    multiply(
      ...runs(from, right).map(([first, count, aStep, bStep]) => ({
        ...rest,
        batch: count,
        aStep,
        bStep,
        a: pa + from[first]!,
        b: pb + right[first]!,
        c: rest.c + first * rest.cStep,
      })),
    );
  }
  return out;
}

function tileRows(out: tf.TensorInfo, row: tf.TensorInfo, length: number) {
  const to = view(out), from = view(row);
  for (let i = 0; i < to.length; i += length) to.set(from, i);
}

function reluInPlace(out: tf.TensorInfo) {
  const to = view(out);
  for (let i = 0; i < to.length; i++) if (to[i]! < 0) to[i] = 0;
}

/** The product of integers, modulo 2^32. */
function integerMatMul(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  attrs: MatMulAttrs,
  out: tf.TensorInfo,
): tf.TensorInfo {
  const { transposeA, transposeB } = attrs;
  const { M, N, K, batch } = sizes(a, b, attrs);
  const [A, B, C] = [view(a), view(b), view(out)];
  const from = offsets(a.shape.slice(0, -2), batch, M * K);
  const right = offsets(b.shape.slice(0, -2), batch, K * N);
  const [ai, ak] = transposeA ? [1, M] : [K, 1],
    [bk, bj] = transposeB ? [1, K] : [N, 1];
  for (let n = 0, o = 0; n < from.length; n++) {
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++, o++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const x = A[from[n]! + i * ai + k * ak]!,
            y = B[right[n]! + k * bk + j * bj]!;
          sum = (sum + Math.imul(x, y)) | 0;
        }
        C[o] = sum;
      }
    }
  }
  return out;
}

/** The product of `a` with some rows of `b`, as `backend/ops/rows_product.ts` has it. */
function rowsProduct(
  { a, b, bias }: Readonly<Record<"a" | "b" | "bias", tf.TensorInfo>>,
  { first, count, transposeB }: RowsProductAttrs,
): tf.TensorInfo {
  const kernel = "RowsProduct";
  const [M] = a.shape as [number, number];
  const [rows, columns] = b.shape as [number, number];
  const [N, K] = transposeB ? [count, columns] : [columns, count];
  expectType(kernel, a, "float32");
  expectType(kernel, b, "float32");
  expectSize(kernel, "a", a.shape, M * K);
  if (first < 0 || first + count > rows) {
    throw new RangeError(
      `Cannot run RowsProduct on WASM: b must have rows ${first} to ${
        first + count - 1
      }: current shape is [${b.shape}]`,
    );
  }
  if (bias) expectSize(kernel, "bias", bias.shape, N);
  const out = output([M, N]);
  multiply({
    ...{ batch: 1, aStep: 0, bStep: 0, cStep: 0, M, N, K },
    ...{ aRow: 4 * K, bRow: 4 * columns, cRow: 4 * N },
    a: pointer(a),
    b: pointer(b) + 4 * columns * first,
    c: pointer(out),
    flags: transposeB ? TRANSPOSE_B : 0,
    bias: bias ? pointer(bias) : 0,
  });
  return out;
}

/** Replace tfjs' `BatchMatMul` and `_FusedMatMul`, and register `RowsProduct`. */
export function registerMatMul(): void {
  replace<"a" | "b" | "bias", RowsProductAttrs>(
    "RowsProduct",
    ({ inputs, attrs }) => rowsProduct(inputs, attrs),
  );
  replace<"a" | "b", MatMulAttrs>(
    "BatchMatMul",
    ({ inputs: { a, b }, attrs }) => matMul(a, b, attrs),
  );
  replace<
    "a" | "b" | "bias" | "preluActivationWeights",
    MatMulAttrs & FusedAttrs
  >(
    "_FusedMatMul",
    ({ inputs, attrs }) => {
      const { a, b } = inputs, { N } = sizes(a, b, attrs);
      return finish(
        N,
        inputs,
        attrs,
        (bias, relu) => matMul(a, b, attrs, bias, relu),
      );
    },
  );
}
