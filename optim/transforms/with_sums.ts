/**
 * Rules with other sums over all parameters of a step.
 *
 * @module
 */
import { Expr, type Head, rewrite } from "../../backend/fusion/mod.ts";
import { mapNamed, type Named } from "../../tensors.ts";
import type { CompleteRule } from "./rule.ts";

/** What is put in place of a sum of `args[0]` over all parameters. */
type NewSum = (
  scalars: Named<Expr>,
  head: Extract<Head, { over: "step" }>,
  args: readonly Expr[],
) => Expr;

/** The function `update` of `rule`, with what `newSum` makes of its sums. */
export function withSums(
  rule: CompleteRule,
  newSum: NewSum,
): CompleteRule["update"] {
  return (x, s) => {
    // Sums in what comes before are not of this rule: they stay as they are.
    const before = mapNamed(
      x,
      (e, name) => Expr.input(`before ${name}`, e.varies ? "each" : "one"),
    );
    const outputs = rule.update({ ...x, ...before }, s);
    const summed = rewriteAll(
      outputs,
      (head, args) =>
        head.kind === "sum" && head.over === "step"
          ? newSum(s, head, args)
          : Expr.of(head, args),
    );
    return rewriteAll(summed, (head, args) => {
      const name = head.kind === "input" && head.name.startsWith("before ")
        ? head.name.slice("before ".length)
        : "";
      return x[name] ?? Expr.of(head, args);
    });
  };
}

function rewriteAll<T extends Named<Expr>>(
  values: T,
  replace: (head: Head, args: readonly Expr[]) => Expr,
): T {
  const names = Object.keys(values);
  const written = rewrite(names.map((name) => values[name]!), replace);
  return Object.fromEntries(names.map((name, i) => [name, written[i]!])) as T;
}
