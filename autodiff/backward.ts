/**
 * The backward pass over a tape.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { TapeNode } from "../internal/engine.ts";
import type { Factors, InputGradient } from "./gradients/rule.ts";

/** Results, and the gradient in each of them. */
export interface Seeds {
  /** The results. */
  readonly ys: readonly tf.Tensor[];
  /** The gradient in each, which may be freed. */
  readonly dys: readonly tf.Tensor[];
}

/**
 * The gradients of results in `xs`: each operation, from the last to the first, passes
 * its gradient on to its inputs, where they are summed (reverse accumulation).
 *
 * The gradient of a matrix that many products share, as the weight of a recurrent
 * network is by all time steps, is one product of all rows, not a sum of products; that
 * of their bias is one sum of all rows.
 *
 * @param tape The operations, in the order in which they ran.
 * @param xs The inputs.
 * @param seeds The results, and the gradients in them.
 * @param onReady Told of the gradient in an input as soon as it is known.
 * @returns For each input its gradient; null where no result depends on it.
 */
export function backward(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
  { ys, dys }: Seeds,
  onReady?: (index: number, grad: tf.Tensor) => void,
): (tf.Tensor | null)[] {
  const { nodes, reached } = dependents(tape, xs);
  const readyAfter = onReady && firstUses(nodes, xs);
  const shared = sharedFactors(nodes);
  const sums = new Sums();
  ys.forEach((y, i) => sums.add(y, dys[i]!));
  for (const node of nodes.toReversed()) {
    const known = node.outputs.map((output) => sums.of(output));
    if (known.every((dy) => dy === null)) {
      tell(node);
      continue; // no result depends on it
    }
    if (!node.gradient) {
      throw new Error(
        `Cannot compute gradient: ${node.kernelName} has no gradient`,
      );
    }
    const rules = node.gradient(known);
    for (const [name, input] of Object.entries(node.inputs)) {
      if (!reached.has(input.id)) continue;
      const rule = rules[name] as InputGradient | undefined;
      if (!rule) {
        throw new Error(
          `Cannot compute gradient: that of ${node.kernelName} has none for its input ${name}`,
        );
      }
      const { factors, rows } = rule, isShared = shared.has(input.id);
      if (isShared && factors) sums.addProduct(input, factors);
      else if (isShared && rows) sums.addRows(input, rows);
      else {
        sums.add(input, checked(tf.tidy(rule), input, node, name));
      }
    }
    tell(node);
  }
  return xs.map((x) => sums.of(x));

  /** What no operation before `node` uses has all of its gradient now. */
  function tell(node: TapeNode): void {
    for (const index of readyAfter?.get(node) ?? []) {
      const grad = sums.of(xs[index]!);
      if (grad) onReady!(index, grad);
    }
  }
}

/** The operation that uses each of `xs` first, with their numbers. */
function firstUses(
  nodes: readonly TapeNode[],
  xs: readonly tf.Tensor[],
): Map<TapeNode, number[]> {
  const indices = new Map(xs.map((x, index) => [x.id, index]));
  const uses = new Map<TapeNode, number[]>();
  for (const node of nodes) {
    for (const { id } of Object.values(node.inputs)) {
      const index = indices.get(id);
      if (index === undefined) continue;
      indices.delete(id);
      const of = uses.get(node);
      if (of) of.push(index);
      else uses.set(node, [index]);
    }
  }
  return uses;
}

/** The operations that depend on `xs`, and the ids of all tensors that do. */
export function dependents(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
) {
  const reached = new Set(xs.map((x) => x.id));
  const nodes = tape.filter(({ inputs, outputs }) => {
    for (const name in inputs) {
      if (!reached.has(inputs[name]!.id)) continue;
      for (const output of outputs) reached.add(output.id);
      return true;
    }
    return false;
  });
  return { nodes, reached };
}

/** Products, whose right factor is called `b`, and a bias `bias`. */
const PRODUCTS = new Set([tf.BatchMatMul, tf._FusedMatMul, "RowsProduct"]);

/** The ids of tensors that are the right factor, or the bias, of more than one product. */
function sharedFactors(nodes: readonly TapeNode[]): Set<number> {
  const once = new Set<number>(), shared = new Set<number>();
  for (const { kernelName, inputs } of nodes) {
    if (!PRODUCTS.has(kernelName)) continue;
    for (const x of [inputs.b, inputs.bias]) {
      if (!x) continue;
      if (once.has(x.id)) shared.add(x.id);
      once.add(x.id);
    }
  }
  return shared;
}

function checked(
  dx: tf.Tensor,
  x: tf.Tensor,
  { kernelName }: TapeNode,
  name: string,
): tf.Tensor {
  if (dx.dtype !== "float32" || !tf.util.arraysEqual(dx.shape, x.shape)) {
    throw new Error(
      `Cannot compute gradient: that of ${kernelName} in its input ${name} must be float32 of shape [${x.shape}]: it is ${dx.dtype} of shape [${dx.shape}]`,
    );
  }
  return dx;
}

/** The gradient in each tensor, as far as it is known. */
class Sums {
  readonly #sums = new Map<number, tf.Tensor>();
  /** Products that are to be added, by the tensor whose gradients they are. */
  readonly #products = new Map<number, Factors[]>();
  /** Matrices whose rows are to be added, by the tensor whose gradient they are. */
  readonly #rows = new Map<number, tf.Tensor2D[]>();

  add(x: tf.Tensor, dx: tf.Tensor): void {
    const sum = this.#sums.get(x.id);
    this.#sums.set(x.id, sum ? tf.add(sum, dx) : dx);
    sum?.dispose();
  }

  addProduct(x: tf.Tensor, factors: Factors): void {
    const others = this.#products.get(x.id);
    if (others) others.push(factors);
    else this.#products.set(x.id, [factors]);
  }

  addRows(x: tf.Tensor, rows: tf.Tensor2D): void {
    const others = this.#rows.get(x.id);
    if (others) others.push(rows);
    else this.#rows.set(x.id, [rows]);
  }

  of(x: tf.Tensor): tf.Tensor | null {
    const rows = this.#rows.get(x.id);
    if (rows) {
      this.#rows.delete(x.id);
      this.add(x, tf.tidy(() => tf.sum(inOrder(rows), 0)));
    }
    const products = this.#products.get(x.id);
    if (products) {
      this.#products.delete(x.id);
      this.add(x, tf.tidy(() => sumOfProducts(products, x)));
    }
    return this.#sums.get(x.id) ?? null;
  }
}

/** The sum of products that are gradients in `x`: one product for those of the same rows. */
function sumOfProducts(
  products: readonly Factors[],
  { shape }: tf.Tensor,
): tf.Tensor {
  const groups = Map.groupBy(
    products,
    ({ left, first = 0 }) => `${first} ${left.shape[1]}`,
  );
  const parts = [...groups.values()].map((group) => ({
    first: group[0]!.first ?? 0,
    sum: productOfAll(group),
  })).toSorted((a, b) => a.first - b.first);
  let rows = 0;
  const areNext = parts.every(({ first, sum }) => {
    const isNext = first === rows;
    rows += sum.shape[0]!;
    return isNext;
  });
  const [only, ...others] = parts.map(({ sum }) => sum);
  if (areNext && rows === shape[0]) {
    return others.length > 0 ? tf.concat([only!, ...others]) : only!;
  }
  return tf.addN(
    parts.map(({ first, sum }) =>
      tf.pad(sum, [[first, shape[0]! - first - sum.shape[0]!], [0, 0]])
    ),
  );
}

/** `Σ leftᵀ right`, as one product of all rows. */
function productOfAll(products: readonly Factors[]): tf.Tensor2D {
  const left = inOrder(products.map(({ left }) => left));
  const right = inOrder(products.map(({ right }) => right));
  return tf.matMul(left, right, true, false);
}

/**
 * The rows of matrices that the backward pass met, in the order of the forward pass: a
 * compiled step finds time steps stacked like that already.
 */
function inOrder(matrices: readonly tf.Tensor2D[]): tf.Tensor2D {
  return tf.concat(matrices.toReversed());
}
