/**
 * Writes a kernel as WebGPU compute shaders: one that writes the outputs, and
 * for each level of sums one that adds up within workgroups before it.
 *
 * @module
 */
import type { Expr, Op } from "./expr.ts";
import {
  buffersOf,
  type Kernel,
  nodesOf,
  type Output,
  type Plan,
} from "./kernel.ts";

const OPS = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  min: (a, b) => `least(${a}, ${b})`,
  max: (a, b) => `most(${a}, ${b})`,
  neg: (a) => `-${a}`,
  abs: (a) => `abs(${a})`,
  sqrt: (a) => `sqrt(${a})`,
  sign: (a) => `select(select(${a}, -1.0, ${a} < 0.0), 1.0, ${a} > 0.0)`,
  select: (x, yes, no) => `select(${no}, ${yes}, ${x} > 0.0)`,
} satisfies Record<Op, (a: string, b: string, c: string) => string>;

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
  | { readonly kind: "uniform" };

/** A shader, and what it finds where. */
export interface Shader {
  /** Its source. */
  readonly code: string;
  /** What is bound, in order. */
  readonly bindings: readonly Binding[];
}

/** The shaders of a kernel. */
export interface Shaders {
  /** Of each pass of sums: adds up within workgroups, then the workgroups. */
  readonly sums: readonly { readonly parts: Shader; readonly whole: Shader }[];
  /** Writes the outputs. */
  readonly last: Shader;
}

/** Whether a shader writes to what is bound there. */
export function isWritten(binding: Binding): boolean {
  return binding.kind === "output" || ("writes" in binding && binding.writes);
}

/**
 * The shaders of `kernel`. An output named like an input of as many elements is
 * that input, overwritten.
 *
 * Names are numbered, since a slot may be called like a word WGSL reserves. What
 * is only read is bound as such: one buffer may then be bound twice.
 */
export function toWgsl(kernel: Kernel, plan: Plan): Shaders {
  return {
    sums: plan.sums.map((sums, pass) => ({
      parts: new ShaderCode(kernel, plan).parts(sums),
      whole: new ShaderCode(kernel, plan).whole(plan.sums[pass]!),
    })),
    last: new ShaderCode(kernel, plan).last(),
  };
}

/** Whether an output takes the place of an input, element by element. */
export function overwrites(kernel: Kernel, name: string): boolean {
  return kernel.outputs[name]?.extent === "each" && name in kernel.inputs;
}

/** Where a shader finds `e`: in a field of the uniform, or in a cell of the sums. */
function field(plan: Plan, e: Expr): string {
  const host = plan.host.indexOf(e);
  return host >= 0 ? `u.h${host}` : `totals[u.t${plan.sums.flat().indexOf(e)}]`;
}

class ShaderCode {
  readonly #kernel: Kernel;
  readonly #plan: Plan;
  readonly #bindings: Binding[] = [];
  /** Whether outputs are written, and so inputs overwritten. */
  #isLast = false;
  readonly #names = new Map<Expr, string>();
  readonly #lets: string[] = [];

  constructor(kernel: Kernel, plan: Plan) {
    this.#kernel = kernel;
    this.#plan = plan;
  }

  /** The name under which a shader knows what is bound. */
  #bind(binding: Binding): string {
    const same = (x: Binding) => JSON.stringify(x) === JSON.stringify(binding);
    let i = this.#bindings.findIndex(same);
    if (i < 0) i = this.#bindings.push(binding) - 1;
    return binding.kind === "totals" || binding.kind === "partials"
      ? binding.kind
      : `b${i}`;
  }

  #cell(name: string, kind: "input" | "output"): string {
    const isOutput = kind === "output" ||
      (this.#isLast && overwrites(this.#kernel, name));
    const buffer = this.#bind({ kind: isOutput ? "output" : "input", name });
    const extent = buffersOf(this.#kernel)[name];
    return `${buffer}[${extent === "one" ? "0" : "i"}]`;
  }

  #write(e: Expr): string {
    const { head, args } = e;
    if (this.#plan.host.includes(e)) return field(this.#plan, e);
    if (head.kind === "sum") {
      this.#bind({ kind: "totals", writes: false });
      return field(this.#plan, e);
    }
    if (head.kind === "op") {
      const [a = "", b = "", c = ""] = args.map((x) => this.#names.get(x)!);
      const op: (a: string, b: string, c: string) => string = OPS[head.op];
      return op(a, b, c);
    }
    if (head.kind === "input") return this.#cell(head.name, "input");
    if (head.kind === "constant") return `f32(${head.value})`;
    throw new Error(`Cannot write ${e} as WGSL`);
  }

  /** Compute what `roots` need, in local variables. */
  #compute(roots: readonly Expr[]): void {
    for (const e of nodesOf(this.#plan, roots)) {
      const name = `x${this.#names.size}`;
      this.#lets.push(`let ${name} = ${this.#write(e)};`);
      this.#names.set(e, name);
    }
  }

  last(): Shader {
    this.#isLast = true;
    const outputs: [string, Output][] = Object.entries(this.#plan.outputs);
    // The first binding tells the size: an output of every kernel has it.
    const each = outputs.find(([, { extent }]) => extent === "each")!;
    const first = this.#bind({ kind: "output", name: each[0] });
    this.#compute(outputs.map(([, { value }]) => value));
    const stores = outputs.map(([name, { value, extent }]) => {
      const store = `${this.#cell(name, "output")} = ${
        this.#names.get(value)
      };`;
      return extent === "one" ? `if (i == 0u) { ${store} }` : store;
    });
    return this.#shader([
      `let i = id.y * groups.x * ${WORKGROUP}u + id.x;`,
      `if (i >= arrayLength(&${first})) { return; }`,
      ...this.#lets,
      ...stores,
    ]);
  }

  /** Each workgroup adds up elements at a fixed stride. */
  parts(sums: readonly Expr[]): Shader {
    const partials = this.#bind({ kind: "partials", writes: true });
    // Some input tells the size, even where what is added up needs none.
    const { inputs } = this.#kernel;
    const name = Object.keys(inputs).find((name) => inputs[name] === "each");
    if (name === undefined) {
      throw new Error("Cannot add up: a kernel with sums must have an input");
    }
    const first = this.#bind({ kind: "input", name });
    this.#compute(sums.map((e) => e.args[0]!));
    const n = sums.length;
    return this.#shader([
      ...sums.map((_, k) => `var sum${k} = 0.0;`),
      `let count = arrayLength(&${first});`,
      `for (var i = id.x; i < count; i += groups.x * ${WORKGROUP}u) {`,
      ...this.#lets,
      ...sums.map((e, k) => `sum${k} += ${this.#names.get(e.args[0]!)};`),
      `}`,
      ...sums.flatMap((_, k) => [
        ...reduce(`sum${k}`),
        `if (local == 0u) { ${partials}[group.x * ${n}u + ${k}u] = pool[0]; }`,
        `workgroupBarrier();`,
      ]),
    ]);
  }

  /** One workgroup adds up the partial sums. */
  whole(sums: readonly Expr[]): Shader {
    const partials = this.#bind({ kind: "partials", writes: false });
    const totals = this.#bind({ kind: "totals", writes: true });
    const all = this.#plan.sums.flat(), n = sums.length;
    return this.#shader([
      `let count = arrayLength(&${partials}) / ${n}u;`,
      ...sums.flatMap((e, k) => [
        `var sum${k} = 0.0;`,
        `for (var i = local; i < count; i += ${WORKGROUP}u) {`,
        `sum${k} += ${partials}[i * ${n}u + ${k}u];`,
        `}`,
        ...reduce(`sum${k}`),
        `if (local == 0u) { ${totals}[u.p${all.indexOf(e)}] = pool[0]; }`,
        `workgroupBarrier();`,
      ]),
    ]);
  }

  #shader(lines: readonly string[]): Shader {
    const { host, sums } = this.#plan;
    const fields = [
      ...host.map((_, i) => `h${i}: f32`),
      ...sums.flat().flatMap((_, i) => [`p${i}: u32`, `t${i}: u32`]),
    ];
    const bindings = fields.length
      ? [...this.#bindings, { kind: "uniform" } as const]
      : this.#bindings;
    const struct = `struct Row { ${fields.join(", ")} }`;
    return shader(bindings, lines, fields.length ? struct : "");
  }
}

/** Add up `name` over the workgroup: the sum is in `pool[0]`. */
function reduce(name: string): string[] {
  return [
    `pool[local] = ${name};`,
    `workgroupBarrier();`,
    `for (var half = ${WORKGROUP / 2}u; half > 0u; half /= 2u) {`,
    `if (local < half) { pool[local] += pool[local + half]; }`,
    `workgroupBarrier();`,
    `}`,
  ];
}

function shader(
  bindings: readonly Binding[],
  lines: readonly string[],
  struct: string,
): Shader {
  const declarations = bindings.map((binding, k) => {
    const at = `@group(0) @binding(${k})`;
    if (binding.kind === "uniform") return `${at} var<uniform> u: Row;`;
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
