/**
 * Writes shaders that compute what several others do of the same elements.
 *
 * @module
 */
import type { Access, ElementCode } from "../webgpu/elements.ts";
import type { Shader } from "../webgpu/kernels/run.ts";

/** A word: of an operand by its number, or of an earlier step. */
export type Ref =
  | { readonly operand: number }
  | { readonly step: number };

/** What to compute of each element. */
export interface GpuRecipe {
  /** `fused (Multiply, Add)` */
  readonly name: string;
  /** What is read: of which buffer, by its number, and how. */
  readonly operands: readonly {
    readonly buffer: number;
    readonly access: Access;
  }[];
  /** What is computed, in order. */
  readonly steps: readonly {
    readonly code: ElementCode;
    readonly args: readonly Ref[];
  }[];
  /** The steps whose values are written. */
  readonly results: readonly number[];
}

/** Invocations of a workgroup, each of which computes one element. */
export const THREADS = 64;

/** Functions that tfjs' code calls, beside those that each shader has. */
const FUNCTIONS = `fn isinf(x : f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}
fn isnanVec4(x : vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
}`;

/** The shader of a recipe, which reads `b0`, `b1`, ... and writes `r0`, `r1`, ... */
export function fusedShader(recipe: GpuRecipe): {
  readonly shader: Shader;
  /** The uniforms, in their order. */
  readonly values: readonly number[];
} {
  return new FusedShader(recipe).write();
}

class FusedShader {
  readonly #recipe: GpuRecipe;
  readonly #uniforms = new Map<string, ["f32" | "u32", number]>();
  #zeros = 0;

  constructor(recipe: GpuRecipe) {
    this.#recipe = recipe;
  }

  write(): { shader: Shader; values: number[] } {
    const { name, operands, steps, results } = this.#recipe;
    const size = this.#uniform("size", "u32", steps[0]!.code.size);
    const loads = operands.map(({ buffer, access }, i) =>
      `let o${i} = b${buffer}[${this.#index(access, i)}];`
    );
    const lets = steps.map(({ code, args }, i) => {
      const given = args.map((ref, k) => this.#read(ref, code, k));
      const value = code.isVector
        ? `element${i}(${given.map((x) => `vec4<f32>(${x})`).join(", ")}).x`
        : `element${i}(${given.join(", ")})`;
      const typed = code.output === "f32" ? value : `i32(${value})`;
      return `let s${i} = bitcast<u32>(${typed});`;
    });
    const stores = results.map((step, i) => `r${i}[i] = s${step};`);
    const functions = new Set(steps.flatMap(({ code }) => code.functions));
    const elements = steps.map(({ code }, i) => this.#element(code, i));
    const buffers = new Set(operands.map(({ buffer }) => buffer));
    const arrays = (letter: string, count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`${letter}${i}`, "u32"]),
      ) as Record<string, "u32">;
    const uniforms = [...this.#uniforms];
    const shader: Shader = {
      name,
      outputs: arrays("r", results.length),
      inputs: arrays("b", buffers.size),
      uniforms: Object.fromEntries(
        uniforms.map(([name, [type]]) => [name, type]),
      ),
      threads: THREADS,
      declarations: [FUNCTIONS, ...functions, ...elements].join("\n"),
      code: [
        `let i = group * ${THREADS}u + local;`,
        `if (i >= ${size}) { return; }`,
        ...loads,
        ...lets,
        ...stores,
      ].join("\n  "),
    };
    return { shader, values: uniforms.map(([, [, value]]) => value) };
  }

  #uniform(name: string, type: "f32" | "u32", value: number): string {
    this.#uniforms.set(name, [type, value]);
    return `uniforms.${name}`;
  }

  #index(access: Access, operand: number): string {
    if (access === "each") return "i";
    if (access === "one") return "0";
    const { every, count } = access;
    const quotient = every === 1
      ? "i"
      : `(i / ${this.#uniform(`every${operand}`, "u32", every)})`;
    return `${quotient} % ${this.#uniform(`count${operand}`, "u32", count)}`;
  }

  /**
   * An argument of a step. Its word is combined with a number that is zero, which no
   * compiler knows, and of which each argument has its own: so a compiler knows no
   * more of it than of what is read from memory, computes each step as in a shader of
   * its own, and can neither round once what is rounded twice there, nor join what
   * steps have in common.
   */
  #read(ref: Ref, { inputs }: ElementCode, argument: number): string {
    const zero = this.#uniform(`zero${this.#zeros++}`, "u32", 0);
    const word = "step" in ref ? `s${ref.step}` : `o${ref.operand}`;
    const bits = `${word} ^ ${zero}`;
    return inputs[argument] === "f32"
      ? `bitcast<f32>(${bits})`
      : `f32(bitcast<i32>(${bits}))`;
  }

  /** The function of a step, with names of its own. */
  #element({ element, numbers }: ElementCode, step: number): string {
    let text = element.replace("element", `element${step}`);
    for (const [name, value] of Object.entries(numbers)) {
      const own = this.#uniform(`${name}${step}`, "f32", value);
      text = text.replaceAll(new RegExp(`\\buniforms\\.${name}\\b`, "g"), own);
    }
    return text;
  }
}
