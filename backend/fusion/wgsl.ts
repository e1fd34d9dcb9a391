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
import {
  type Binding,
  reduce,
  type Shader,
  shader,
  sharesInWgsl,
  WORKGROUP,
} from "./wgsl_shader.ts";

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

/** Adds up within workgroups, then the workgroups. */
export interface Sums {
  /** Adds up within workgroups. */
  readonly parts: Shader;
  /** Adds up the workgroups. */
  readonly whole: Shader;
}

/** The shaders of a kernel. */
export interface Shaders {
  /** Of each pass of sums. */
  readonly sums: readonly Sums[];
  /** The same of packed rows; see `webgpu_pack.ts`. */
  readonly packedSums: readonly Sums[];
  /** Writes the outputs. */
  readonly last: Shader;
}

/**
 * The shaders of `kernel`. An output named like an input of as many elements is
 * that input, overwritten.
 *
 * Names are numbered, since a slot may be called like a word WGSL reserves. What
 * is only read is bound as such: one buffer may then be bound twice.
 */
export function toWgsl(kernel: Kernel, plan: Plan): Shaders {
  const sumsOf = (isPacked: boolean) =>
    plan.sums.map((sums) => ({
      parts: new ShaderCode(kernel, plan, isPacked).parts(sums),
      whole: new ShaderCode(kernel, plan, isPacked).whole(sums),
    }));
  return {
    sums: sumsOf(false),
    packedSums: sumsOf(true),
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

  /** Whether the tensors of many rows lie in one, as a table says. */
  readonly #isPacked: boolean;

  constructor(kernel: Kernel, plan: Plan, isPacked = false) {
    this.#kernel = kernel;
    this.#plan = plan;
    this.#isPacked = isPacked;
  }

  /** The name under which a shader knows what is bound. */
  #bind(binding: Binding): string {
    const same = (x: Binding) => JSON.stringify(x) === JSON.stringify(binding);
    let i = this.#bindings.findIndex(same);
    if (i < 0) i = this.#bindings.push(binding) - 1;
    return binding.kind === "input" || binding.kind === "output"
      ? `b${i}`
      : binding.kind;
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
    const n = sums.length, step = `${WORKGROUP}u`;
    return this.#shader([
      ...sums.map((_, k) => `var sum${k} = 0.0;`),
      ...this.#isPacked
        ? [
          ...this.#row("group.y"),
          `if (group.x >= shares) { return; }`,
          `let part = group.y * ${step} + group.x;`,
          `for (var k = id.x; k < row.y; k += shares * ${step}) {`,
          `let i = row.x + k;`,
        ]
        : [
          `let part = group.x;`,
          `let count = arrayLength(&${first});`,
          `for (var i = id.x; i < count; i += groups.x * ${step}) {`,
        ],
      ...this.#lets,
      ...sums.map((e, k) => `sum${k} += ${this.#names.get(e.args[0]!)};`),
      `}`,
      ...sums.flatMap((_, k) => [
        ...reduce(`sum${k}`),
        `if (local == 0u) { ${partials}[part * ${n}u + ${k}u] = pool[0]; }`,
        `workgroupBarrier();`,
      ]),
    ]);
  }

  /** A packed row: where it begins, how long it is and which it is; its workgroups. */
  #row(number: string): string[] {
    this.#bind({ kind: "table" });
    return [
      `let row = table[${number}];`,
      `let shares = ${sharesInWgsl("row.y")};`,
    ];
  }

  /** One workgroup adds up the partial sums of a row. */
  whole(sums: readonly Expr[]): Shader {
    const partials = this.#bind({ kind: "partials", writes: false });
    const totals = this.#bind({ kind: "totals", writes: true });
    const all = this.#plan.sums.flat(), n = sums.length;
    const cell = (e: Expr) =>
      this.#isPacked
        ? `u.p${all.indexOf(e)} + row.z * ${all.length}u`
        : `u.p${all.indexOf(e)}`;
    return this.#shader([
      ...this.#isPacked
        ? [
          ...this.#row("group.x"),
          `let first = group.x * ${WORKGROUP}u;`,
          `let count = shares;`,
        ]
        : [
          `let first = 0u;`,
          `let count = arrayLength(&${partials}) / ${n}u;`,
        ],
      ...sums.flatMap((e, k) => [
        `var sum${k} = 0.0;`,
        `for (var i = local; i < count; i += ${WORKGROUP}u) {`,
        `sum${k} += ${partials}[(first + i) * ${n}u + ${k}u];`,
        `}`,
        ...reduce(`sum${k}`),
        `if (local == 0u) { ${totals}[${cell(e)}] = pool[0]; }`,
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
