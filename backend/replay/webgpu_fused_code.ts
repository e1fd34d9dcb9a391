/**
 * Writes shaders that compute what several others do of the same elements.
 *
 * @module
 */
import type { Access, ElementCode } from "../webgpu/elements.ts";
import { isVectorType, type Shader } from "../webgpu/kernels/run.ts";

/** A word: of an operand by its number, of an earlier step, or of the head. */
export type Ref =
  | { readonly operand: number }
  | { readonly step: number }
  | "head";

type Words = "u32" | "vec4<u32>";

/** What to compute of each element. */
export interface GpuRecipe {
  /** `fused (Multiply, Add)` */
  readonly name: string;
  /** How each operand is read. */
  readonly operands: readonly Access[];
  /** What is computed, in order. */
  readonly steps: readonly {
    readonly code: ElementCode;
    readonly args: readonly Ref[];
  }[];
  /** What is written. */
  readonly results: readonly Ref[];
  /** Computes the elements that the steps begin with; without, they begin with operands. */
  readonly head: Shader | undefined;
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

/**
 * The shader of a recipe, which writes `r0`, `r1`, ..., and reads what the head does
 * before `b0`, `b1`, ...
 */
export function fusedShader(recipe: GpuRecipe): {
  readonly shader: Shader;
  /** The uniforms after those of the head, in their order. */
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
    const { name, steps, head } = this.#recipe;
    const functions = new Set(steps.flatMap(({ code }) => code.functions));
    const declared = [
      head?.declarations ?? "",
      FUNCTIONS,
      ...functions,
      ...steps.map(({ code }, i) => this.#element(code, i)),
    ].join("\n");
    const shader = head ? this.#after(head) : this.#alone();
    const uniforms = [...this.#uniforms];
    const types = Object.fromEntries(
      uniforms.map(([name, [type]]) => [name, type]),
    );
    return {
      shader: {
        ...shader,
        name,
        declarations: [declared, shader.declarations].join("\n"),
        uniforms: { ...head?.uniforms, ...types },
      },
      values: uniforms.map(([, [, value]]) => value),
    };
  }

  /** The shader without a head: an invocation for each element. */
  #alone(): Omit<Shader, "name" | "uniforms"> {
    const { operands, steps, results } = this.#recipe;
    const size = this.#uniform("size", "u32", steps[0]!.code.size);
    return {
      threads: THREADS,
      outputs: arrays("r", results, "u32"),
      inputs: arrays("b", operands, "u32"),
      code: [
        `let i = group * ${THREADS}u + local;`,
        `if (i >= ${size}) { return; }`,
        ...this.#loads(operands.keys()),
        ...steps.map(({ code, args }, i) => this.#step(code, args, i)),
        ...results.map((ref, i) => `r${i}[i] = ${wordOf(ref)};`),
      ].join("\n  "),
    };
  }

  /** The shader of a head, which does this with what it puts, often four at a time. */
  #after(head: Shader): Omit<Shader, "name" | "uniforms"> {
    const { operands, steps, results } = this.#recipe;
    const [type] = Object.values(head.outputs), isVector = isVectorType(type!);
    const words = isVector ? "vec4<u32>" : "u32";
    const each = [...operands.keys()].filter((i) => operands[i] === "each");
    const others = [...operands.keys()].filter((i) => operands[i] !== "each");
    const place = isVector ? "at >> 2u" : "at";
    const parts = isVector ? [".x", ".y", ".z", ".w"] : [""];
    const follow = (part: string, j: number) =>
      `let f${j} = follow(at + ${j}u, ${
        ["head", ...each.map((i) => `o${i}`)].map((x) => x + part).join(", ")
      });`;
    const parameters = ["head", ...each.map((i) => `o${i}`)];
    const declarations = `struct Followed { ${
      results.map((_, i) => `r${i} : u32,`).join(" ")
    } }
fn follow(i : u32, ${
      parameters.map((x) => `${x} : u32`).join(", ")
    }) -> Followed {
  ${
      [
        ...this.#loads(others),
        ...steps.map(({ code, args }, i) => this.#step(code, args, i)),
      ].join("\n  ")
    }
  return Followed(${results.map(wordOf).join(", ")});
}
fn put(at : u32, v : ${type}) {
  let head = bitcast<${words}>(v);
  ${
      [
        ...each.map((i) => `let o${i} = b${i}[${place}];`),
        ...parts.map(follow),
        ...results.map((_, i) =>
          `r${i}[${place}] = ${words}(${
            parts.map((_, j) => `f${j}.r${i}`).join(", ")
          });`
        ),
      ].join("\n  ")
    }
}`;
    return {
      ...head,
      outputs: arrays("r", results, words),
      inputs: {
        ...head.inputs,
        ...arrays("b", operands, (access) => access === "each" ? words : "u32"),
      },
      declarations,
      put: "",
    };
  }

  /** The words of operands at the place `i`. */
  #loads(operands: Iterable<number>): string[] {
    return [...operands].map((k) =>
      `let o${k} = b${k}[${this.#index(this.#recipe.operands[k]!, k)}];`
    );
  }

  /** The word of a step. */
  #step(code: ElementCode, args: readonly Ref[], i: number): string {
    const given = args.map((ref, k) => this.#read(ref, code, k));
    const value = code.isVector
      ? `element${i}(${given.map((x) => `vec4<f32>(${x})`).join(", ")}).x`
      : `element${i}(${given.join(", ")})`;
    const typed = code.output === "f32" ? value : `i32(${value})`;
    return `let s${i} = bitcast<u32>(${typed});`;
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
    const bits = `${wordOf(ref)} ^ ${zero}`;
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

function wordOf(ref: Ref): string {
  if (ref === "head") return "head";
  return "step" in ref ? `s${ref.step}` : `o${ref.operand}`;
}

/** Arrays of words, numbered. */
function arrays<T>(
  letter: string,
  of: readonly T[],
  type: Words | ((x: T) => Words),
): Record<string, Words> {
  return Object.fromEntries(
    of.map((x, i) => [
      `${letter}${i}`,
      typeof type === "function" ? type(x) : type,
    ]),
  );
}
