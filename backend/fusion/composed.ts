/**
 * Runs kernels as sequences of tfjs ops: the reference for every backend.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { recording } from "../../internal/recording.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import { type Expr, type Op, topological } from "./expr.ts";
import { checkRow, type Kernel, type Launch, type Row } from "./kernel.ts";

type TensorOp = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => tf.Tensor;

function select(x: tf.Tensor, yes: tf.Tensor, no: tf.Tensor): tf.Tensor {
  // Of a number and no elements, tfjs would make one element.
  const empty = [x, yes, no].find(({ size }) => size === 0);
  if (empty) return tf.zeros(empty.shape);
  return tf.where(tf.greater(x, 0), yes, no);
}

const OPS = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  min: tf.minimum,
  max: tf.maximum,
  neg: tf.neg,
  abs: tf.abs,
  sqrt: tf.sqrt,
  // As a selection, so that NaN stays NaN.
  sign: (x) => select(x, tf.onesLike(x), select(tf.neg(x), tf.scalar(-1), x)),
  select,
} satisfies Record<Op, TensorOp>;

/** Run `launches` one op at a time; every output is a new tensor. */
export function runComposed(launches: readonly Launch[]): Tensors[][] {
  for (const { kernel, rows } of launches) {
    for (const row of rows) {
      checkRow(kernel, row);
      // Its numbers are not live.
      if (row.live) recording.now?.refuse("its kernels are composed of ops");
    }
  }
  const outputs: Tensors[][] = [];
  tf.tidy(() => {
    const rows = launches.map(({ kernel, rows }) =>
      rows.map((row) => new Evaluation(kernel, row))
    );
    const sums = new Set(rows.flat().flatMap(({ sums }) => sums));
    for (const e of [...sums].sort((a, b) => a.stage - b.stage)) {
      const parts = rows.flat().filter((row) => row.sums.includes(e));
      const terms = parts.map((row) => row.sum(e));
      const over = e.head.kind === "sum" && e.head.over;
      parts.forEach((row, i) => {
        row.values.set(e, over === "step" ? tf.addN(terms) : terms[i]!);
      });
    }
    outputs.push(...rows.map((of) => of.map((row) => row.outputs())));
    return outputs;
  });
  return outputs;
}

/** The evaluation of a kernel on one row. */
class Evaluation {
  readonly values = new Map<Expr, tf.Tensor>();
  readonly sums: readonly Expr[];
  readonly #kernel: Kernel;
  readonly #row: Row;

  constructor(kernel: Kernel, row: Row) {
    const roots = Object.values(kernel.outputs).map(({ value }) => value);
    this.sums = topological(roots).filter(({ head }) => head.kind === "sum");
    this.#kernel = kernel;
    this.#row = row;
  }

  sum(e: Expr): tf.Tensor {
    const [x] = e.args as [Expr];
    // A number stands for as many equal elements as the tensor has.
    const each = tf.add(this.#at(x), tf.zeros([...this.#row.shape]));
    return tf.sum(x.varies ? this.#at(x) : each);
  }

  outputs(): Tensors {
    return mapNamed(this.#kernel.outputs, ({ value, extent }) => {
      const x = this.#at(value), { shape } = this.#row;
      // The input itself would be freed along with what it is the output of.
      if (value.head.kind === "input") return tf.clone(x);
      const isNumber = extent === "each" && !value.varies && shape.length > 0;
      return isNumber ? tf.add(x, tf.zeros([...shape])) : x;
    });
  }

  #at(e: Expr): tf.Tensor {
    let value = this.values.get(e);
    if (!value) this.values.set(e, value = this.#compute(e));
    return value;
  }

  #compute({ head, args }: Expr): tf.Tensor {
    switch (head.kind) {
      case "input":
        return this.#row.inputs[head.name]!;
      case "scalar":
        return tf.scalar(this.#row.scalars[head.name]!);
      case "constant":
        return tf.scalar(head.value);
      case "op": {
        const [a, b, c] = args.map((x) => this.#at(x));
        return (OPS[head.op] as TensorOp)(a!, b!, c!);
      }
      case "sum":
        throw new Error("A sum is computed before what uses it");
    }
  }
}
