/**
 * Elementwise math, recorded once and run by whichever backend holds the data.
 *
 * @module
 */

/** Operations on elements. Every backend implements each of them. */
export type Op =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "neg"
  | "abs"
  | "sqrt"
  | "sign"
  | "select";

/** How many values a tensor holds: one per element, or one in all. */
export type Extent = "each" | "one";

/** What an expression is: a leaf, an operation or a sum. */
export type Head =
  | { readonly kind: "input"; readonly name: string; readonly extent: Extent }
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "op"; readonly op: Op }
  | { readonly kind: "sum"; readonly over: "tensor" }
  | { readonly kind: "sum"; readonly over: "step"; readonly scope: string };

/** Every expression made, by its head and operands. */
const interned = new Map<string, Expr>();

/**
 * A value at each element: a leaf, or an operation on other expressions.
 *
 * Equal expressions are the same object, so what two rules both compute is
 * computed once.
 *
 * @example Usage
 * ```ts
 * import { optim } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const x = optim.Expr.input("x"), y = optim.Expr.input("y");
 * assertEquals(String(x.lerp(y, 0.5)), "add(x, mul(sub(y, x), 0.5))");
 * ```
 */
export class Expr {
  /** The name or value of a leaf, or the operation. */
  readonly head: Head;
  /** The operands; none for a leaf. */
  readonly args: readonly Expr[];
  /** Whether it may differ from one element of a tensor to the next. */
  readonly varies: boolean;
  /** How deeply sums are nested: the pass that can compute it. */
  readonly stage: number;
  /** A number that no other expression has. */
  readonly id: number;

  private constructor(head: Head, args: readonly Expr[], id: number) {
    const isSum = head.kind === "sum";
    this.head = head;
    this.args = args;
    this.varies = head.kind === "input"
      ? head.extent === "each"
      : !isSum && args.some((x) => x.varies);
    this.stage = Math.max(0, ...args.map((x) => x.stage)) + (isSum ? 1 : 0);
    this.id = id;
  }

  /** The one expression of this head and these operands. */
  static of(head: Head, args: readonly Expr[] = []): Expr {
    const parts = Object.values(head).map((x) => Object.is(x, -0) ? "-0" : x);
    const key = JSON.stringify([...parts.map(String), args.map((x) => x.id)]);
    let expr = interned.get(key);
    if (!expr) interned.set(key, expr = new Expr(head, args, interned.size));
    return expr;
  }

  /** The element of the tensor called `name`, or its only one. */
  static input(name: string, extent: Extent = "each"): Expr {
    return Expr.of({ kind: "input", name, extent });
  }

  /** The number called `name`, the same for every element of a tensor. */
  static scalar(name: string): Expr {
    return Expr.of({ kind: "scalar", name });
  }

  /** The number `value`. */
  static constant(value: number): Expr {
    return Expr.of({ kind: "constant", value });
  }

  #op(op: Op, ...rest: readonly (Expr | number)[]): Expr {
    const args = rest.map((x) => typeof x === "number" ? Expr.constant(x) : x);
    return Expr.of({ kind: "op", op }, [this, ...args]);
  }

  /** `this + x` */
  add(x: Expr | number): Expr {
    return this.#op("add", x);
  }
  /** `this - x` */
  sub(x: Expr | number): Expr {
    return this.#op("sub", x);
  }
  /** `this * x` */
  mul(x: Expr | number): Expr {
    return this.#op("mul", x);
  }
  /** `this / x` */
  div(x: Expr | number): Expr {
    return this.#op("div", x);
  }
  /** The smaller of `this` and `x`. */
  min(x: Expr | number): Expr {
    return this.#op("min", x);
  }
  /** The larger of `this` and `x`. */
  max(x: Expr | number): Expr {
    return this.#op("max", x);
  }
  /** `-this` */
  neg(): Expr {
    return this.#op("neg");
  }
  /** The absolute value. */
  abs(): Expr {
    return this.#op("abs");
  }
  /** The square root. */
  sqrt(): Expr {
    return this.#op("sqrt");
  }
  /** 1, 0 or -1; NaN for NaN. */
  sign(): Expr {
    return this.#op("sign");
  }
  /** `yes` where `this` is above zero, else `no`. */
  select(yes: Expr | number, no: Expr | number): Expr {
    return this.#op("select", yes, no);
  }
  /** `this * this` */
  square(): Expr {
    return this.mul(this);
  }
  /** A step of size `t` from `this` toward `x`. */
  lerp(x: Expr, t: Expr | number): Expr {
    return this.add(x.sub(this).mul(t));
  }

  /** The sum over the elements of the tensor. */
  sum(): Expr {
    return Expr.of({ kind: "sum", over: "tensor" }, [this]);
  }
  /**
   * The sum over the elements of all tensors of a step, as far as their
   * kernels contain this very expression.
   */
  sumAll(scope = ""): Expr {
    return Expr.of({ kind: "sum", over: "step", scope }, [this]);
  }
  /** The Euclidean norm of the tensor. */
  norm(): Expr {
    return this.square().sum().sqrt();
  }

  /** The formula, fully parenthesized. */
  toString(): string {
    const { head, args } = this;
    switch (head.kind) {
      case "input":
      case "scalar":
        return head.name;
      case "constant":
        return String(head.value);
      case "op":
        return `${head.op}(${args.join(", ")})`;
      case "sum":
        return `${head.over === "step" ? "sumAll" : "sum"}(${args[0]})`;
    }
  }
}

/**
 * The distinct nodes of `roots`, operands before the operations on them.
 *
 * @param roots Where to begin.
 * @param isLeaf Whether the operands of a node are left out. Default: none are.
 * @returns The nodes.
 */
export function topological(
  roots: Iterable<Expr>,
  isLeaf: (e: Expr) => boolean = () => false,
): Expr[] {
  const order = new Set<Expr>();
  function visit(e: Expr) {
    if (order.has(e)) return;
    if (!isLeaf(e)) e.args.forEach(visit);
    order.add(e);
  }
  for (const e of roots) visit(e);
  return [...order];
}

/** `roots` with every node replaced by what `replace` makes of it. */
export function rewrite(
  roots: readonly Expr[],
  replace: (head: Head, args: readonly Expr[]) => Expr,
): Expr[] {
  const done = new Map<Expr, Expr>();
  for (const e of topological(roots)) {
    done.set(e, replace(e.head, e.args.map((x) => done.get(x)!)));
  }
  return roots.map((e) => done.get(e)!);
}
