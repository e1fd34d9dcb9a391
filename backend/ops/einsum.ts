import type * as tf from "@tensorflow/tfjs-core";
import { matMul, mul, reshape, sum, transpose } from "./complex_arithmetic.ts";
import { toTensor } from "./to_tensor.ts";

/** A tensor with a label for each axis. */
interface Term {
  readonly x: tf.Tensor;
  readonly labels: string;
}

/**
 * `tf.einsum` as transposes and products of matrices: it runs on every backend,
 * takes any number of tensors, and its gradient is that of `matMul`. tfjs'
 * kernel multiplies everything by everything before it sums, and loses axes
 * that only a factor without summed labels has.
 */
export function einsum(
  equation: string,
  ...operands: (tf.Tensor | tf.TensorLike)[]
): tf.Tensor {
  const tensors = operands.map((x, i) =>
    toTensor("take einsum", `tensors[${i}]`, x)
  );
  const [inputs, out, ...more] = equation.replace(/\s/g, "").split("->");
  if (out === undefined || more.length > 0) {
    throw new RangeError(
      `Cannot take einsum: the equation must have exactly one "->": current value is ${equation}`,
    );
  }
  const labels = inputs!.split(",");
  check(equation, labels, out, tensors);
  const terms = labels.map((own, i) => ({ x: tensors[i]!, labels: own }));
  let result = terms[0]!;
  for (let i = 1; i < terms.length; i++) {
    const later = out + labels.slice(i + 1).join("");
    result = contract(result, terms[i]!, later);
  }
  const y = arrange(sumAlone(result, out), out);
  // Never an input itself: whoever frees one would free the other.
  return tensors.includes(y) ? reshape(y, y.shape) : y;
}

/** The product of two terms, summed over labels that nothing later needs. */
function contract(a: Term, b: Term, later: string): Term {
  a = sumAlone(a, b.labels + later);
  b = sumAlone(b, a.labels + later);
  const pick = (from: string, test: (label: string) => boolean) =>
    [...from].filter(test).join("");
  const isShared = (label: string) =>
    a.labels.includes(label) && b.labels.includes(label);
  const batch = pick(a.labels, (l) => isShared(l) && later.includes(l));
  const summed = pick(a.labels, (l) => isShared(l) && !later.includes(l));
  const rows = pick(a.labels, (l) => !isShared(l));
  const columns = pick(b.labels, (l) => !isShared(l));

  const sizes = sizesOf(a, b);
  const count = (part: string) => shapeOf(part, sizes).reduce(product, 1);
  const [n, m, k, p] = [batch, rows, summed, columns].map(count) as [
    number,
    number,
    number,
    number,
  ];
  const left = reshape(arrange(a, batch + rows + summed), [n, m, k]);
  // Whichever order of the right factor needs no transpose.
  const isTransposed = b.labels === batch + columns + summed;
  const right = isTransposed
    ? reshape(b.x, [n, p, k])
    : reshape(arrange(b, batch + summed + columns), [n, k, p]);
  const y = summed === ""
    ? mul(left, reshape(right, [n, 1, p]))
    : matMul(left, right, false, isTransposed);
  const all = batch + rows + columns;
  return { x: reshape(y, shapeOf(all, sizes)), labels: all };
}

/** Sums over labels that are not needed. */
function sumAlone({ x, labels }: Term, needed: string): Term {
  const axes = [...labels].flatMap((label, i) =>
    needed.includes(label) ? [] : [i]
  );
  if (axes.length === 0) return { x, labels };
  return {
    x: sum(x, axes),
    labels: [...labels].filter((label) => needed.includes(label)).join(""),
  };
}

/** Axes in another order. */
function arrange({ x, labels }: Term, order: string): tf.Tensor {
  if (labels === order) return x;
  return transpose(x, [...order].map((label) => labels.indexOf(label)));
}

function sizesOf(...terms: Term[]): Map<string, number> {
  return new Map(
    terms.flatMap(({ x, labels }) =>
      [...labels].map((label, i) => [label, x.shape[i]!] as const)
    ),
  );
}

function shapeOf(labels: string, sizes: Map<string, number>): number[] {
  return [...labels].map((label) => sizes.get(label)!);
}

function product(a: number, b: number): number {
  return a * b;
}

function check(
  equation: string,
  labels: string[],
  out: string,
  tensors: tf.Tensor[],
): void {
  const fail = (rule: string): never => {
    throw new RangeError(
      `Cannot take einsum: ${rule}: current value is ${equation} of shapes ${
        tensors.map(({ shape }) => `[${shape}]`).join(", ")
      }`,
    );
  };
  if (labels.length !== tensors.length) {
    fail("the equation must have one term for each tensor");
  }
  const sizes = new Map<string, number>();
  labels.forEach((own, i) => {
    const { shape } = tensors[i]!;
    if (own.includes(".")) fail("an ellipsis is not supported");
    if (new Set(own).size !== own.length) {
      fail("a term must not have a label twice");
    }
    if (own.length !== shape.length) {
      fail("a term must have one label for each axis");
    }
    [...own].forEach((label, axis) => {
      const size = shape[axis]!;
      if ((sizes.get(label) ?? size) !== size) {
        fail(`the axes ${label} must have the same size`);
      }
      sizes.set(label, size);
    });
  });
  if (new Set(out).size !== out.length) {
    fail("the result must not have a label twice");
  }
  if ([...out].some((label) => !sizes.has(label))) {
    fail("the result must have labels of the terms");
  }
}
