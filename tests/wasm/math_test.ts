import { assert, assertEquals } from "@std/assert";
import {
  Assembler,
  type Body,
  type F32x4,
  I32,
} from "../../backend/wasm/assembler/assembler.ts";
import { eachVector } from "../../backend/wasm/assembler/lanes.ts";
import * as math from "../../backend/wasm/assembler/math.ts";

const memory = new WebAssembly.Memory({ initial: 16 });

/** The function's values. */
function compute(
  fn: (f: Body, x: F32x4) => F32x4,
  x: Float32Array,
  relaxed = false,
): Float32Array {
  const m = new Assembler({ relaxed });
  m.export("run", { scratch: I32, x: I32, y: I32, bytes: I32 }, (f, p) => {
    eachVector(f, p.scratch, p.bytes, (lanes) => {
      lanes.store(p.y, fn(f, lanes.load(p.x)));
    });
  });
  new Float32Array(memory.buffer).set(x, 64);
  const y = 256 + 4 * x.length;
  m.instantiate(memory)["run"]!(0, 256, y, 4 * x.length);
  return new Float32Array(memory.buffer, y, x.length).slice();
}

/** The distance between floats around `x`. */
function ulp(x: number): number {
  return Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23));
}

/** erf by its series and its continued fraction, in float64. */
function erf(x: number): number {
  const t = Math.abs(x);
  if (t > 3) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (t + fraction);
    return Math.sign(x) *
      (1 - Math.exp(-t * t) / (t + fraction) / Math.sqrt(Math.PI));
  }
  let term = x, sum = x;
  for (let n = 1; n < 100; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return sum * 2 / Math.sqrt(Math.PI);
}

const EDGES = [0, 1e-30, 1e-8, 1e-4, 0.5, 1, 2, 10, 50, 88, 100, 1e10, 3e38];

const TABLE: [
  keyof typeof math,
  (x: number) => number,
  low: number,
  high: number,
  ulps: number,
][] = [
  ["exp", Math.exp, -87, 88.7, 2],
  ["expNegative", Math.exp, -87, 0, 2],
  ["log", Math.log, 1e-3, 1e3, 2],
  ["expm1", Math.expm1, -20, 50, 4],
  ["log1p", Math.log1p, -0.999, 100, 4],
  ["tanh", Math.tanh, -12, 12, 2.5],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), -80, 40, 3],
  [
    "softplus",
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    -80,
    80,
    4,
  ],
  ["erf", erf, -5, 5, 2.5],
];

for (const [name, reference, low, high, ulps] of TABLE) {
  Deno.test(`${name} is within ${ulps} units in the last place of float64`, () => {
    const n = 20_001, fn = math[name] as (f: Body, x: F32x4) => F32x4;
    const x = new Float32Array(n + 200);
    for (let i = 0; i < n; i++) x[i] = low + (high - low) * i / (n - 1);
    for (let i = 0; i < 200; i++) {
      x[n + i] = (low < 0 && i % 2 ? -1 : 1) * 10 ** (-i / 20);
    }
    for (const relaxed of [false, true]) {
      const y = compute(fn, x, relaxed);
      let worst = 0, at = 0;
      y.forEach((value, i) => {
        const want = reference(x[i]!);
        const error = Math.abs(value - want) / ulp(want);
        if (!(error <= worst)) [worst, at] = [error, x[i]!];
      });
      assert(worst <= ulps, `${worst} at ${at}`);
    }
  });
}

Deno.test("elementary functions have IEEE's values at the edges", () => {
  const x = new Float32Array([
    ...EDGES,
    ...EDGES.map((v) => -v),
    Infinity,
    -Infinity,
    NaN,
  ]);
  for (const [name, reference] of TABLE) {
    if (name === "expNegative") continue; // for numbers up to 0
    const y = compute(math[name] as (f: Body, x: F32x4) => F32x4, x);
    y.forEach((value, i) => {
      const want = x[i] === Infinity && name === "erf"
        ? 1
        : x[i] === -Infinity && name === "erf"
        ? -1
        : Math.fround(reference(x[i]!));
      const near = Math.abs(value - want) <= 4 * ulp(want) + 2e-38;
      assert(
        Object.is(value, want) || value === want || near,
        `${name}(${x[i]}) = ${value}, not ${want}`,
      );
    });
  }
});

Deno.test("expNegative is 0 for what is masked, and keeps NaN", () => {
  const x = new Float32Array([-88, -1e9, -Infinity, NaN, 0]);
  assertEquals([...compute(math.expNegative, x)], [0, 0, 0, NaN, 1]);
});

Deno.test("subnormal results of exp and subnormal arguments of log are right", () => {
  const low = compute(math.exp, new Float32Array([-95, -100, -103.9, -110]));
  [-95, -100, -103.9].forEach((x, i) => {
    assert(Math.abs(low[i]! - Math.exp(x)) <= 2 ** -149);
  });
  assertEquals(low[3], 0);
  const x = new Float32Array([1e-40, 1e-44]), y = compute(math.log, x);
  x.forEach((value, i) => assert(Math.abs(y[i]! - Math.log(value)) < 2e-5));
});
