/**
 * Einstein summation of one or two tensors, as one batched `matMul`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { alias, call, free, replace } from "../machine/registry.ts";

/** A tensor and the letters of its axes; owned, so that it can be freed. */
interface Operand {
  readonly x: tf.TensorInfo;
  readonly letters: string;
}

/** Free what it was made of. */
function next({ x }: Operand, made: tf.TensorInfo, letters: string): Operand {
  free(x);
  return { x: made, letters };
}

/** Sum over the letters that are not needed. */
function sumOut(operand: Operand, needed: string): Operand {
  const { x, letters } = operand;
  const axis = [...letters].flatMap((c, i) => needed.includes(c) ? [] : [i]);
  if (axis.length === 0) return operand;
  const kept = [...letters].filter((c) => needed.includes(c)).join("");
  return next(operand, call("Sum", { x }, { axis, keepDims: false }), kept);
}

/** Put the axes in the order of `letters`. */
function arrange(operand: Operand, letters: string): Operand {
  if (operand.letters === letters) return operand;
  const perm = [...letters].map((c) => operand.letters.indexOf(c));
  return next(operand, call("Transpose", { x: operand.x }, { perm }), letters);
}

/** The same data under another shape. */
function reshape(
  operand: Operand,
  shape: readonly number[],
  letters: string,
): Operand {
  return next(operand, alias(operand.x, shape), letters);
}

function einsum(
  equation: string,
  inputs: readonly tf.TensorInfo[],
): tf.TensorInfo {
  const refuse = (rule: string, value: unknown) => {
    throw new RangeError(
      `Cannot compute einsum: ${rule}: current value is ${value}`,
    );
  };
  const [left = "", result = ""] = equation.replaceAll(/\s/g, "").split("->");
  const names = left.split(",");
  if (inputs.length > 2) refuse("it takes one or two tensors", inputs.length);
  if (names.length !== inputs.length) {
    refuse("the equation must name each tensor", equation);
  }
  const sizes = new Map<string, number>();
  names.forEach((letters, i) => {
    const { shape } = inputs[i]!;
    if (
      letters.length !== shape.length ||
      new Set(letters).size !== letters.length
    ) {
      refuse(
        `"${letters}" must have one letter for each axis, all different`,
        `[${shape}]`,
      );
    }
    [...letters].forEach((c, axis) => {
      if ((sizes.get(c) ?? shape[axis]) !== shape[axis]) {
        refuse(`axes called "${c}" must have one length`, shape[axis]);
      }
      sizes.set(c, shape[axis]!);
    });
  });
  for (const c of result) {
    if (!sizes.has(c)) refuse(`"${c}" of the result must be given`, equation);
  }

  const [a, b] = inputs.map((x, i) =>
    sumOut({ x: alias(x), letters: names[i]! }, result + (names[1 - i] ?? ""))
  ) as [Operand, Operand | undefined];
  if (!b) return arrange(a, result).x;
  const only = (letters: string, keep: (c: string) => boolean) =>
    [...letters].filter(keep).join("");
  const batch = only(
    a.letters,
    (c) => b.letters.includes(c) && result.includes(c),
  );
  const inner = only(
    a.letters,
    (c) => b.letters.includes(c) && !result.includes(c),
  );
  const rows = only(a.letters, (c) => !b.letters.includes(c));
  const columns = only(b.letters, (c) => !a.letters.includes(c));
  const length = (letters: string) =>
    [...letters].reduce((n, c) => n * sizes.get(c)!, 1);
  const [B, M, N, K] = [batch, rows, columns, inner].map(length) as [
    number,
    number,
    number,
    number,
  ];
  const p = reshape(arrange(a, batch + rows + inner), [B, M, K], "");
  const q = reshape(arrange(b, batch + inner + columns), [B, K, N], "");
  const product = call("BatchMatMul", { a: p.x, b: q.x }, {
    transposeA: false,
    transposeB: false,
  });
  free(p.x, q.x);
  const letters = batch + rows + columns;
  const shape = [...letters].map((c) => sizes.get(c)!);
  return arrange(reshape({ x: product, letters }, shape, letters), result).x;
}

/** Add `Einsum`. */
export function registerEinsum(): void {
  replace<string, { equation: string }>(
    "Einsum",
    ({ inputs, attrs: { equation } }) =>
      einsum(equation, Object.values(inputs)),
  );
}
