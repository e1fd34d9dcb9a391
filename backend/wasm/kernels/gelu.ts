/**
 * GELU, exact and approximated by tanh, and its gradient: kernels that tfjs lacks,
 * run by `backend/ops/gelu.ts`.
 *
 * @module
 */
import { type Body, F32x4 } from "../assembler/assembler.ts";
import { erf, exp, expNegative } from "../assembler/math.ts";
import {
  expectSize,
  expectType,
  output,
  pointer,
  replace,
  size,
} from "../machine/registry.ts";
import { elementwise } from "./elementwise.ts";

/** The factors of the approximation by tanh. */
const ROOT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** GELU is `x gate(x)`; `slope` is its derivative. */
type Gelu = (f: Body, x: F32x4) => { gate: F32x4; slope: () => F32x4 };

const GELUS: Readonly<Record<"Gelu" | "GeluTanh", Gelu>> = {
  Gelu(f, x) {
    const gate = f.let(erf(f, f.let(x.mul(Math.SQRT1_2))).add(1).mul(0.5));
    const density = () =>
      exp(f, f.let(x.mul(x).mul(-0.5))).mul(1 / Math.sqrt(2 * Math.PI));
    return { gate, slope: () => gate.add(x.mul(density())) };
  },
  // (1 + tanh u) / 2 = 1 / (1 + e^(-2u)), which loses no digits where it is small.
  GeluTanh(f, x) {
    const square = f.let(x.mul(x));
    const half = square.mul(ROOT * CUBIC).add(ROOT);
    const twice = f.let(x.add(x).mul(half));
    const e = expNegative(f, f.let(twice.abs().neg()));
    const share = f.let(F32x4.of(1).div(e.add(1)));
    const gate = f.let(twice.lt(0).select(e.mul(share), share));
    const inner = square.mul(6 * ROOT * CUBIC).add(2 * ROOT);
    const slope = () =>
      f.madd(f.let(x.mul(e).mul(f.let(share.mul(share)))), inner, gate);
    return { gate, slope };
  },
};

const FUNCTIONS = Object.entries(GELUS).map(([name, gelu]) => ({
  name,
  forward: elementwise(
    name,
    { operands: { x: "words" }, cost: 12 },
    (f, { x }) => x.mul(gelu(f, x).gate),
  ),
  backward: elementwise(
    `${name}Grad`,
    { operands: { x: "words", dy: "words" }, cost: 16 },
    (f, { x, dy }) => dy.mul(gelu(f, x).slope()),
  ),
}));

/** Register `Gelu`, `GeluTanh` and their gradients. */
export function registerGelu(): void {
  for (const { name, forward, backward } of FUNCTIONS) {
    replace<"x", unknown>(name, ({ inputs: { x } }) => {
      expectType("gelu", x, "float32");
      const y = output(x.shape), n = size(x.shape);
      forward.ranges(n, 3 * n, (first, end) => ({
        x: pointer(x) + 4 * first,
        y: pointer(y) + 4 * first,
        bytes: 4 * (end - first),
      }), 4);
      return y;
    });
    replace<"x" | "dy", unknown>(`${name}Grad`, ({ inputs: { x, dy } }) => {
      const dx = output(x.shape), n = size(x.shape);
      expectSize("the gradient of gelu", "dy", dy.shape, n);
      backward.ranges(n, 4 * n, (first, end) => ({
        x: pointer(x) + 4 * first,
        dy: pointer(dy) + 4 * first,
        y: pointer(dx) + 4 * first,
        bytes: 4 * (end - first),
      }), 4);
      return dx;
    });
  }
}
