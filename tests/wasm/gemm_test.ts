import { assert } from "@std/assert";
import { Assembler, I32 } from "../../backend/wasm/assembler/assembler.ts";
import {
  ACCUMULATE,
  PARAMETERS,
  RELU,
  ROWS,
  SCRATCH,
  TRANSPOSE_A,
  TRANSPOSE_B,
  writeGemm,
} from "../../backend/wasm/kernels/gemm.ts";
import { random } from "./_wasm.ts";

const NUMBERS = [
  "scratch",
  ...PARAMETERS.addresses,
  ...PARAMETERS.numbers,
] as const;

const PAGE = 65536, PAGES = 12;
/** Not at the beginning of a page, and across the end of one. */
const AT = 2 * PAGE - 4 * 200;

/** The product's code for a memory of its own, with or without relaxed SIMD. */
function product(relaxed: boolean) {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  const scratch = { at: AT, bytes: SCRATCH };
  const m = new Assembler({ relaxed, scratch });
  type Params = Record<typeof NUMBERS[number], typeof I32>;
  const params = Object.fromEntries(NUMBERS.map((n) => [n, I32])) as Params;
  m.export("gemm", params, (f, p) => writeGemm(f, p, m));
  const { gemm } = m.instantiate(memory);
  const floats = new Float32Array(memory.buffer);
  return {
    floats,
    run: (values: Record<typeof NUMBERS[number], number>) =>
      gemm!(...NUMBERS.map((name) => values[name])),
  };
}

/** The sizes of a product, and how it is asked for. */
interface Case {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly flags: number;
  readonly hasBias: boolean;
}

const END = PAGES * PAGE / 4;

/** Compare with sums in float64; `last` is the operand that memory ends with. */
function check(
  { floats, run }: ReturnType<typeof product>,
  { M, N, K, flags, hasBias }: Case,
  last: "a" | "b",
  next: () => number,
) {
  const sizes = { a: M * K, b: K * N, c: M * N, bias: N };
  const first = last === "a" ? "b" : "a";
  const at = { a: 0, b: 0, c: 0, bias: 0 };
  at[last] = END - sizes[last];
  at[first] = at[last] - sizes[first] - 3;
  at.c = at[first] - sizes.c - 3;
  at.bias = at.c - sizes.bias - 3;
  assert(4 * (at.bias - 20) > AT + SCRATCH, "memory is too small for the test");
  const begin = at.bias - 20;
  floats.fill(NaN, begin);
  for (const name of ["a", "b", "c", "bias"] as const) {
    for (let i = 0; i < sizes[name]; i++) floats[at[name] + i] = 2 * next() - 1;
  }
  const before = floats.slice(begin);
  const [ta, tb] = [flags & TRANSPOSE_A, flags & TRANSPOSE_B];
  run({
    scratch: AT,
    a: 4 * at.a,
    b: 4 * at.b,
    c: 4 * at.c,
    bias: hasBias ? 4 * at.bias : 0,
    batch: 1,
    aStep: 0,
    bStep: 0,
    cStep: 0,
    aRow: 4 * (ta ? M : K),
    bRow: 4 * (tb ? K : N),
    cRow: 4 * N,
    M,
    N,
    K,
    flags,
  });
  const what = JSON.stringify({ M, N, K, flags, hasBias, last });
  for (let i = 0; i < M; i++) {
    for (let j = 0; j < N; j++) {
      let sum = flags & ACCUMULATE ? before[at.c - begin + i * N + j]! : 0;
      if (hasBias) sum += before[at.bias - begin + j]!;
      for (let k = 0; k < K; k++) {
        sum += before[at.a - begin + (ta ? k * M + i : i * K + k)]! *
          before[at.b - begin + (tb ? j * K + k : k * N + j)]!;
      }
      if (flags & RELU) sum = Math.max(0, sum);
      const error = Math.abs(floats[at.c + i * N + j]! - sum);
      assert(error < 1e-6 * (2 + Math.sqrt(K)), `${what}: ${error}`);
    }
  }
  for (let i = begin; i < END; i++) {
    if (i >= at.c && i < at.c + sizes.c) continue;
    assert(
      Object.is(floats[i], before[i - begin]),
      `${what}: wrote at ${i - at.c}`,
    );
  }
}

/** Sizes on both sides of what tiles, runs and blocks of the product take. */
const SIZES: readonly [M: number, N: number, K: number][] = [
  ...Array.from({ length: 15 }, (_, i): [number, number, number] => [
    i + 1,
    (7 * i) % 19 + 1,
    (5 * i) % 13 + 1,
  ]),
  [3, 8, 1],
  [6, 16, 63],
  [7, 16, 64],
  [8, 24, 65],
  [63, 8, 66],
  [64, 16, 67],
  [70, 9, 130],
  [11, 257, 9],
  [5, 264, 260],
  [13, 12, 323],
];

for (const relaxed of [false, true]) {
  Deno.test(`products are right for all sizes and flags, and touch nothing else, ${relaxed ? "with" : "without"} relaxed SIMD`, () => {
    const made = product(relaxed), next = random(5);
    for (const [M, N, K] of SIZES) {
      for (let flags = 0; flags < 16; flags++) {
        const hasBias = next() < 0.5;
        const few = M < 3 && !(flags & TRANSPOSE_A) ? ROWS : 0;
        for (const rows of few ? [0, few] : [0]) {
          for (const last of ["a", "b"] as const) {
            const given = { M, N, K, flags: flags | rows, hasBias };
            check(made, given, last, next);
          }
        }
      }
    }
  });
}
