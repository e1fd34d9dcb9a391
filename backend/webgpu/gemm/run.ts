/**
 * Runs products.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "../backend.ts";
import { output, runShader, type Shader } from "../kernels/run.ts";
import { choose, type Cut, type Sizes } from "./choose.ts";
import { type Epilogue, epilogueCode, epilogueInputs } from "./epilogue.ts";
import type { Operand } from "./operand.ts";
import {
  keyOf,
  productShader,
  type ProductSpec,
  type UNIFORMS,
} from "./template.ts";

/** A product to be computed. */
export interface Product {
  /** What tells it from products of other kinds. */
  readonly kind: string;
  readonly sizes: Sizes;
  /** The factors, made for the cut that is chosen. */
  factors(cut: Cut): readonly [a: Operand, b: Operand];
  /** The tensors with the values of both factors. */
  readonly inputs: readonly [a: tf.TensorInfo, b: tf.TensorInfo];
  /** The shape of the result. */
  readonly shape: readonly number[];
  /** The type of the result: `float32`, or one that is computed with integers. */
  readonly dtype?: tf.DataType;
  readonly epilogue: Epilogue;
  /** The tensors that the epilogue reads: the bias, then the weights. */
  readonly ends?: readonly tf.TensorInfo[];
  /** The option of the activation. */
  readonly alpha?: number;
  /** Numbers that the factors read: their types, and themselves. */
  readonly uniforms?: Readonly<
    Record<string, readonly ["u32" | "i32", number]>
  >;
}

const shaders = new Map<string, Shader>();

/** Compute a product. */
export function runProduct(product: Product): tf.TensorInfo {
  const { sizes, inputs, shape, dtype = "float32", epilogue } = product;
  const { ends = [], alpha = 0, uniforms = {} } = product;
  const { m, n, k, batches } = sizes, { limits } = webGpuBackend().device;
  const cut = choose(sizes, limits), { tile, splits, termsPerSplit } = cut;
  const [a, b] = product.factors(cut);
  const names = Object.keys(uniforms);
  const spec: ProductSpec = {
    kind: product.kind,
    tile,
    a,
    b,
    type: dtype === "float32" ? "f32" : "i32",
    isSplit: splits > 1,
    isVector: n % 4 === 0,
    epilogue,
    uniforms: Object.fromEntries(
      names.map((name) => [name, uniforms[name]![0]]),
    ),
  };
  const [tilesM, tilesN] = [Math.ceil(m / tile.m), Math.ceil(n / tile.n)];
  const numbers: Record<keyof typeof UNIFORMS, number> = {
    m,
    n,
    k,
    batches,
    splits,
    termsPerSplit,
    tilesM,
    tilesN,
    alpha,
  };
  const values = [
    ...Object.values(numbers),
    ...names.map((name) => uniforms[name]![1]),
  ];
  const result = output(shape, dtype);
  const parts = spec.isSplit ? output([splits, ...shape], dtype) : result;
  runShader(
    shaderOf(keyOf(spec), () => productShader(spec)),
    [parts],
    spec.isSplit ? inputs : [...inputs, ...ends],
    values,
    tilesM * tilesN * batches * splits,
  );
  if (!spec.isSplit) return result;
  runShader(
    shaderOf(
      `parts ${keyOf({ ...spec, isSplit: false })}`,
      (name) => partsShader(name, spec),
    ),
    [result],
    [parts, ...ends],
    [batches * m * n, n, splits, alpha],
    Math.ceil(batches * m * n / (spec.isVector ? 4 : 1) / 64),
  );
  webGpuBackend().disposeData(parts.dataId);
  return result;
}

function shaderOf(name: string, make: (name: string) => Shader): Shader {
  let shader = shaders.get(name);
  if (!shader) shaders.set(name, shader = make(name));
  return shader;
}

/** Adds the parts of a product in their order, and finishes it. */
function partsShader(
  name: string,
  { type, isVector, epilogue }: ProductSpec,
): Shader {
  const array = isVector ? `vec4<${type}>` as const : type;
  const isFinished = epilogue.hasBias || epilogue.activation !== "linear";
  const [at, size] = isVector
    ? ["i * 4u", "uniforms.size >> 2u"]
    : ["i", "uniforms.size"];
  const finish = isVector
    ? `finish(sum, ${at} % uniforms.n)`
    : `finish(vec4<f32>(sum), ${at} % uniforms.n).x`;
  return {
    name,
    outputs: { C: array },
    inputs: { parts: array, ...epilogueInputs(epilogue, isVector) },
    uniforms: { size: "u32", n: "u32", splits: "u32", alpha: "f32" },
    threads: 64,
    declarations: epilogueCode(epilogue, isVector),
    code: `let i = group * 64u + local;
  let size = ${size};
  if (i >= size) { return; }
  var sum = parts[i];
  for (var s = 1u; s < uniforms.splits; s++) { sum += parts[s * size + i]; }
  C[i] = ${isFinished ? finish : "sum"};`,
  };
}
