/**
 * Runs products.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { currentPrecision } from "../../precision.ts";
import { webGpuBackend } from "../backend.ts";
import { output, putInto, runShader, type Shader } from "../kernels/run.ts";
import { choose, type Cut, type Sizes } from "./choose.ts";
import type { OwnEnd } from "./ends.ts";
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
  const { limits } = webGpuBackend().device;
  return runCut(product, choose(product.sizes, limits));
}

/** Compute a product that is cut like this. */
export function runCut(product: Product, cut: Cut): tf.TensorInfo {
  const { sizes, inputs, shape, dtype = "float32", epilogue } = product;
  const { ends = [], alpha = 0, uniforms = {} } = product;
  const { m, n, k, batches } = sizes, { tile, splits, termsPerSplit } = cut;
  const [a, b] = product.factors(cut);
  const names = Object.keys(uniforms);
  const spec: ProductSpec = {
    kind: product.kind,
    tile,
    a,
    b,
    type: dtype === "float32" ? "f32" : "i32",
    isHalf: dtype === "float32" && currentPrecision() === "mixed",
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
  if (spec.isSplit) {
    addParts(parts, result, { columns: n, splits, epilogue, ends, alpha });
  }
  return result;
}

/** What adds up parts. */
interface Parts extends OwnEnd {
  /** The columns of the result. */
  readonly columns: number;
  readonly splits: number;
}

/** Add parts up in their order, finish the sums, and free the parts. */
export function addParts(
  parts: tf.TensorInfo,
  result: tf.TensorInfo,
  { columns, splits, epilogue, ends, alpha }: Parts,
): void {
  const type = result.dtype === "float32" ? "f32" : "i32";
  const isVector = columns % 4 === 0;
  const { hasBias, activation } = epilogue;
  const name = `parts ${type} ${hasBias} ${activation} ${isVector}`;
  const size = tf.util.sizeFromShape(result.shape);
  runShader(
    shaderOf(name, () => partsShader(name, { type, isVector, epilogue })),
    [result],
    [parts, ...ends],
    [size, columns, splits, alpha],
    Math.ceil(size / (isVector ? 4 : 1) / 64),
  );
  webGpuBackend().disposeData(parts.dataId);
}

/** The shader of a name, made once. */
export function shaderOf(name: string, make: () => Shader): Shader {
  let shader = shaders.get(name);
  if (!shader) shaders.set(name, shader = make());
  return shader;
}

/** Adds the parts of a product in their order, and finishes it. */
function partsShader(
  name: string,
  { type, isVector, epilogue }: Pick<
    ProductSpec,
    "type" | "isVector" | "epilogue"
  >,
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
  put(${at}, ${isFinished ? finish : "sum"});`,
    put: putInto("C", array),
  };
}
