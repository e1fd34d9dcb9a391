/**
 * Computes what depends on no tensor: in float64, on the host.
 *
 * @module
 */
import type { Named } from "../../tensors.ts";
import { type Expr, type Op, topological } from "./expr.ts";

const OPS = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  neg: (a) => -a,
  abs: Math.abs,
  sqrt: Math.sqrt,
  sign: Math.sign,
  select: (x, yes, no) => x > 0 ? yes : no,
} satisfies Record<Op, (a: number, b: number, c: number) => number>;

/** The function from a row's scalars to the values of `roots`. */
export function hostFunction(
  roots: readonly Expr[],
): (scalars: Named<number>) => readonly number[] {
  const nodes = topological(roots);
  const at = new Map(nodes.map((e, i) => [e, i]));
  const steps = nodes.map(({ head, args }) => {
    const [a = 0, b = 0, c = 0] = args.map((x) => at.get(x)!);
    if (head.kind === "op") {
      const op: (a: number, b: number, c: number) => number = OPS[head.op];
      return (x: readonly number[]) => op(x[a]!, x[b]!, x[c]!);
    }
    if (head.kind === "constant") return () => head.value;
    const name = head.kind === "scalar" ? head.name : undefined;
    return (_: readonly number[], scalars: Named<number>) => scalars[name!]!;
  });
  const wanted = roots.map((e) => at.get(e)!);
  return (scalars) => {
    const values: number[] = [];
    for (const step of steps) values.push(step(values, scalars));
    return wanted.map((i) => values[i]!);
  };
}
