/**
 * Batches of matrices that broadcast axis by axis.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Side } from "./operand.ts";

/** An axis of the batch: its size, and how far apart its matrices are in each factor. */
interface Axis {
  size: number;
  A: number;
  B: number;
}

/** How a batch of products is counted. */
export interface Batches {
  /** The shape of the batch. */
  readonly shape: readonly number[];
  /** The number of products. */
  readonly count: number;
  /** The axes, as few as there can be. */
  readonly axes: readonly Readonly<Axis>[];
}

/** The batch of two factors, whose last two axes are matrices. */
export function batchesOf(
  a: readonly number[],
  b: readonly number[],
): Batches {
  const own = { A: a.slice(0, -2), B: b.slice(0, -2) };
  const shape = tf.broadcast_util.assertAndGetBroadcastShape(own.A, own.B);
  const apart = { A: 1, B: 1 };
  const axes: Axis[] = [];
  for (let i = 1; i <= shape.length; i++) {
    const size = shape.at(-i)!;
    if (size === 1) continue;
    const step = (side: Side) => {
      if ((own[side].at(-i) ?? 1) === 1) return 0;
      const step = apart[side];
      apart[side] *= size;
      return step;
    };
    const axis = { size, A: step("A"), B: step("B") };
    const last = axes[0];
    const isOne = last &&
      (["A", "B"] as const).every((side) =>
        axis[side] === last.size * last[side]
      );
    if (isOne) last.size *= size;
    else axes.unshift(axis);
  }
  return { shape, count: tf.util.sizeFromShape(shape), axes };
}

/** Code for `base${side}`, where the matrix of `batch` begins. */
export function baseCode(side: Side, { axes }: Batches): string {
  let code = `var rest${side} = batch;\nvar base${side} = 0u;\n`;
  for (let i = axes.length - 1; i >= 0; i--) {
    const place = i > 0 ? `rest${side} % uniforms.size${i}` : `rest${side}`;
    code += `base${side} += (${place}) * uniforms.apart${side}${i};\n`;
    if (i > 0) code += `rest${side} /= uniforms.size${i};\n`;
  }
  return code;
}

/** The numbers that the code reads, for matrices of so many elements. */
export function batchUniforms(
  { axes }: Batches,
  elements: Readonly<Record<Side, number>>,
): Record<string, readonly ["u32", number]> {
  return Object.fromEntries(
    axes.flatMap(({ size, A, B }, i) =>
      [
        [`size${i}`, ["u32", size]],
        [`apartA${i}`, ["u32", A * elements.A]],
        [`apartB${i}`, ["u32", B * elements.B]],
      ] as const
    ),
  );
}
