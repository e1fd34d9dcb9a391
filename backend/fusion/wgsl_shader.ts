/**
 * Compute shaders of kernels: their bindings, and what all of them have in common.
 *
 * @module
 */

/** The smaller and the larger of two: WGSL leaves open what they are of NaN. */
const EXTREMES = `
fn isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn least(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, isNaN(b)), a, isNaN(a)); }
fn most(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, isNaN(b)), a, isNaN(a)); }`;

/** Threads of a workgroup. */
export const WORKGROUP = 256;

/** What a shader finds at a binding. */
export type Binding =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "output"; readonly name: string }
  | { readonly kind: "partials"; readonly writes: boolean }
  | { readonly kind: "totals"; readonly writes: boolean }
  | { readonly kind: "table" }
  | { readonly kind: "uniform" };

/** A shader, and what it finds where. */
export interface Shader {
  /** Its source. */
  readonly code: string;
  /** What is bound, in order. */
  readonly bindings: readonly Binding[];
}

/** Whether a shader writes to what is bound there. */
export function isWritten(binding: Binding): boolean {
  return binding.kind === "output" || ("writes" in binding && binding.writes);
}

/** How many workgroups add up `size` elements: each thread adds several. */
export function sharesOfSum(size: number): number {
  return Math.max(1, Math.min(WORKGROUP, Math.ceil(size / (4 * WORKGROUP))));
}

/** {@linkcode sharesOfSum} in WGSL. */
export function sharesInWgsl(size: string): string {
  const each = 4 * WORKGROUP;
  return `clamp((${size} + ${each - 1}u) / ${each}u, 1u, ${WORKGROUP}u)`;
}

/** Add up `name` over the workgroup: the sum is in `pool[0]`. */
export function reduce(name: string): string[] {
  return [
    `pool[local] = ${name};`,
    `workgroupBarrier();`,
    `for (var half = ${WORKGROUP / 2}u; half > 0u; half /= 2u) {`,
    `if (local < half) { pool[local] += pool[local + half]; }`,
    `workgroupBarrier();`,
    `}`,
  ];
}

/** The shader of these bindings and lines. */
export function shader(
  bindings: readonly Binding[],
  lines: readonly string[],
  struct: string,
): Shader {
  const declarations = bindings.map((binding, k) => {
    const at = `@group(0) @binding(${k})`;
    if (binding.kind === "uniform") return `${at} var<uniform> u: Row;`;
    if (binding.kind === "table") {
      return `${at} var<storage, read> table: array<vec4<u32>>;`;
    }
    const access = isWritten(binding) ? "read_write" : "read";
    const name = binding.kind === "partials" || binding.kind === "totals"
      ? binding.kind
      : `b${k}`;
    return `${at} var<storage, ${access}> ${name}: array<f32>;`;
  });
  const code = [
    struct,
    EXTREMES,
    ...declarations,
    `var<workgroup> pool: array<f32, ${WORKGROUP}>;`,
    `@compute @workgroup_size(${WORKGROUP})`,
    `fn main(`,
    `  @builtin(global_invocation_id) id: vec3<u32>,`,
    `  @builtin(num_workgroups) groups: vec3<u32>,`,
    `  @builtin(workgroup_id) group: vec3<u32>,`,
    `  @builtin(local_invocation_index) local: u32,`,
    `) {`,
    ...lines.map((line) => `  ${line}`),
    `}`,
  ];
  return { code: code.join("\n"), bindings };
}

/** Adds up numbers of many rows: the sum over a step. */
export const GATHER: Shader = shader(
  [{ kind: "totals", writes: true }, { kind: "uniform" }],
  [
    `var sum = 0.0;`,
    `for (var i = local; i < u.count; i += ${WORKGROUP}u) {`,
    `sum += totals[u.start + i * u.stride];`,
    `}`,
    ...reduce("sum"),
    `if (local == 0u) {`,
    `totals[u.to] = select(0.0, totals[u.to], u.adds == 1u) + pool[0];`,
    `}`,
  ],
  "struct Row { start: u32, stride: u32, count: u32, to: u32, adds: u32 }",
);
