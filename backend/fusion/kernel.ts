/**
 * Kernels: what to compute for each of many tensors, and in how many passes.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Named, Tensors } from "../../tensors.ts";
import { Expr, type Extent, rewrite, topological } from "./expr.ts";

/** A tensor that a kernel writes. */
export interface Output {
  /** What is written. */
  readonly value: Expr;
  /** Whether it is written to every element, or there is only one. */
  readonly extent: Extent;
  /**
   * Whether it is kept from step to step. Processors take up to a hundred times as
   * long for floats nearer to 0 than 2^-126, and an average that decays gets there
   * and stays: on WASM they are stored as 0, as graphics cards and XLA do.
   */
  readonly isSlot?: boolean;
}

/** Tensors and numbers read, and tensors computed from them. */
export interface Kernel {
  /** Tensors read, by name: shaped alike, or of one element. */
  readonly inputs: Named<Extent>;
  /** Numbers read. */
  readonly scalars: readonly string[];
  /** Tensors written. One named like an input overwrites that input. */
  readonly outputs: Named<Output>;
}

/** What a kernel runs on: the tensors of one parameter, say. */
export interface Row {
  /** A tensor for each input of the kernel; others are ignored. */
  readonly inputs: Tensors;
  /** A number for each scalar of the kernel; others are ignored. */
  readonly scalars: Named<number>;
  /** The shape of the outputs. */
  readonly shape: readonly number[];
  /** What takes the place of numbers when a step is replayed. */
  readonly live?: LiveRow | undefined;
}

/** The numbers of a row at the time of a replay. */
export interface LiveRow {
  /** The numbers. */
  readonly scalars: () => Named<number>;
  /** The step they depend on. */
  readonly step: () => number;
  /** The rate they depend on. */
  readonly rate: () => object;
  /** What else they depend on: rows with equal ones share their numbers. */
  readonly group: object;
}

/** A kernel, and all that it runs on. */
export interface Launch {
  /** The kernel. */
  readonly kernel: Kernel;
  /** What it runs on. */
  readonly rows: readonly Row[];
}

/**
 * Runs kernels, as one step: sums over a step go over all launches.
 *
 * The outputs are returned, in the order of launches and rows. One named like
 * an input is that very tensor, overwritten, if nothing else shares its data;
 * else it is a new tensor, and what it replaces is the caller's to dispose.
 */
export type RunLaunches = (launches: readonly Launch[]) => Tensors[][];

const interned = new Map<string, Kernel>();

/** The kernel of these outputs; equal kernels are the same object. */
export function kernelOf(outputs: Named<Output>): Kernel {
  const roots = Object.values(outputs).map(({ value }) => value);
  const key = JSON.stringify(
    Object.entries(outputs).map(([name, { value, extent, isSlot }]) => [
      name,
      extent,
      isSlot,
      value.id,
    ]),
  );
  let kernel = interned.get(key);
  if (!kernel) {
    const inputs: Record<string, Extent> = {};
    const scalars: string[] = [];
    for (const { head } of topological(roots)) {
      if (head.kind === "input") inputs[head.name] = head.extent;
      if (head.kind === "scalar") scalars.push(head.name);
    }
    interned.set(key, kernel = { inputs, scalars, outputs });
  }
  return kernel;
}

/** Every tensor a kernel reads or writes, and how many values each has. */
export function buffersOf(kernel: Kernel): Named<Extent> {
  const buffers: Record<string, Extent> = { ...kernel.inputs };
  for (const [name, { extent }] of Object.entries(kernel.outputs)) {
    buffers[name] = extent;
  }
  return buffers;
}

/** How to compute a kernel: what on the host, and what in which pass. */
export interface Plan {
  /** Tensors written, simplified. */
  readonly outputs: Named<Output>;
  /** What the host computes in float64 for each row. */
  readonly host: readonly Expr[];
  /** The sums of each pass; the outputs are written by one more pass. */
  readonly sums: readonly (readonly Expr[])[];
}

/** Whether the host knows it before the kernel runs. */
function isHost(e: Expr): boolean {
  return topological([e]).every(({ head }) =>
    head.kind !== "input" && head.kind !== "sum"
  );
}

/**
 * Divisions by what is the same for all elements become multiplications, so that
 * the division is done once.
 */
function simplify(roots: readonly Expr[]): Expr[] {
  return rewrite(roots, (head, args) => {
    const [a, b] = args;
    const hoist = head.kind === "op" && head.op === "div" && a!.varies &&
      !b!.varies;
    return hoist ? a!.mul(Expr.constant(1).div(b!)) : Expr.of(head, args);
  });
}

/** Plan the computation of `kernel`. */
export function plan(kernel: Kernel): Plan {
  const names = Object.keys(kernel.outputs);
  const values = simplify(names.map((name) => kernel.outputs[name]!.value));
  const outputs: Record<string, Output> = {};
  names.forEach((name, i) => {
    outputs[name] = { ...kernel.outputs[name]!, value: values[i]! };
  });
  const nodes = topological(values);
  const host = new Set(nodes.filter(isHost));
  const used = new Set(values);
  for (const e of nodes) {
    if (!host.has(e)) e.args.forEach((x) => used.add(x));
  }
  const sums: Expr[][] = [];
  for (const e of nodes) {
    if (e.head.kind === "sum") (sums[e.stage - 1] ??= []).push(e);
  }
  return {
    outputs,
    host: [...host].filter((e) => used.has(e) && e.head.kind !== "constant"),
    sums,
  };
}

/**
 * The nodes to compute for `roots` in a pass: host values and sums are known.
 *
 * Operands come before the operations on them.
 */
export function nodesOf({ host, sums }: Plan, roots: Iterable<Expr>): Expr[] {
  const known = new Set([...host, ...sums.flat()]);
  return topological(roots, (e) => known.has(e));
}

/** Throw unless `row` has what `kernel` reads, shaped alike. */
export function checkRow(kernel: Kernel, { inputs, shape }: Row): void {
  for (const name in kernel.inputs) {
    const x: tf.Tensor | undefined = inputs[name];
    const sizes = kernel.inputs[name] === "one" ? [] : shape;
    if (x && x.dtype === "float32" && sameShape(x.shape, sizes)) continue;
    throw new RangeError(
      `Cannot run a kernel: ${name} must be a float32 tensor of shape [${sizes}]: current value is ${
        x ? `${x.dtype} of shape [${x.shape}]` : x
      }`,
    );
  }
}

/** Whether two shapes are the same. */
export function sameShape(
  a: readonly number[],
  b: readonly number[],
): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
