/**
 * What happens to each result of a product before it is written: a bias is added, and
 * an activation taken.
 *
 * @module
 */
import { MATH } from "../math.ts";
import type { ElementType } from "../kernels/run.ts";

/** Functions of one result `x`; `alpha` is an option, and `weight` of the column. */
const ACTIVATIONS = {
  linear: "x",
  relu: "select(x, 0.0, x < 0.0)",
  relu6: "select(select(x, 0.0, x < 0.0), 6.0, x > 6.0)",
  elu: "select(x, expm1_(x), x < 0.0)",
  sigmoid: "1.0 / (1.0 + exp(-x))",
  leakyrelu: "select(x, uniforms.alpha * x, x < 0.0)",
  prelu: "select(x, weight * x, x < 0.0)",
} as const;

/** The name of an activation. */
export type Activation = keyof typeof ACTIVATIONS;

/** The end of a product. */
export interface Epilogue {
  /** Whether a value of each column is added. */
  readonly hasBias: boolean;
  readonly activation: Activation;
}

/** A product that is left as it is. */
export const NOTHING: Epilogue = { hasBias: false, activation: "linear" };

/** Whether an activation can be taken at the end of a product. */
export function isActivation(name: string): name is Activation {
  return name in ACTIVATIONS;
}

/** The arrays that it reads, by name, in their order. */
export function epilogueInputs(
  { hasBias, activation }: Epilogue,
  isVector: boolean,
): Record<string, ElementType> {
  const type = isVector ? "vec4<f32>" : "f32";
  return {
    ...hasBias && { bias: type } as const,
    ...activation === "prelu" && { weights: type } as const,
  };
}

/** `finish(v, column)`, of four results from a column on. */
export function epilogueCode(
  { hasBias, activation }: Epilogue,
  isVector: boolean,
): string {
  if (!hasBias && activation === "linear") return "";
  const values = (name: string) =>
    isVector
      ? `${name}[column >> 2u]`
      : `vec4<f32>(${
        [0, 1, 2, 3].map((j) => `${name}[min(column + ${j}u, uniforms.n - 1u)]`)
          .join(", ")
      })`;
  const isPrelu = activation === "prelu";
  // The functions are long, and drivers slow to compile them.
  return `${activation === "elu" ? MATH : ""}
fn activate(x : f32, weight : f32) -> f32 { return ${ACTIVATIONS[activation]}; }
fn finish(sum : vec4<f32>, column : u32) -> vec4<f32> {
  let x = sum${hasBias ? ` + ${values("bias")}` : ""};
  let w = ${isPrelu ? values("weights") : "vec4<f32>(0.0)"};
  return vec4<f32>(
    activate(x.x, w.x), activate(x.y, w.y), activate(x.z, w.z), activate(x.w, w.w),
  );
}`;
}
