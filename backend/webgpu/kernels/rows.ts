/**
 * Shaders that work on the rows of a matrix: the last axis of a tensor.
 *
 * Several invocations, its lanes, share a row, so that neighbours read neighbours,
 * and add up what they found in a fixed order.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { MATH } from "../math.ts";
import { type ElementType, runShader, type Shader } from "./run.ts";

/** A shader on rows; the code writes in the words of {@linkcode eachColumn}. */
export interface RowProgram {
  /** Its name: programs of one name have the same code. */
  readonly name: string;
  /** The arrays that it writes, by name. */
  readonly outputs: Readonly<Record<string, ElementType>>;
  /** The arrays that it reads, by name. */
  readonly inputs: Readonly<Record<string, ElementType>>;
  /** Numbers that it reads besides `rows` and `columns`. */
  readonly uniforms?: Shader["uniforms"];
  /** Functions that it calls besides those of `math.ts`. */
  readonly functions?: string;
  /**
   * What each lane does. `row` is the number of the row and `start` the place of its
   * first element; `rowSum(x)` and `rowMost(x)` are the sum and the largest of what
   * the lanes of a row give. All lanes must come to these, so they may not stand in a
   * branch. `isFirst` is true for the lane that writes what there is once in a row.
   */
  readonly code: string;
}

/** A loop of a lane over its columns: `at` is the place of an element, `column` its column. */
export function eachColumn(code: string): string {
  return `for (var column = lane; column < end; column += LANES) {
    let at = start + column;
    ${code}
  }`;
}

/** How rows are shared out. */
interface Sharing {
  /** Invocations of a workgroup. */
  readonly threads: number;
  /** Invocations that share a row. */
  readonly lanes: number;
}

/** How rows of some length are shared out: short ones by few lanes. */
export function sharing(columns: number): Sharing {
  if (columns > 2048) return { threads: 256, lanes: 256 };
  const lanes = 2 ** Math.ceil(Math.log2(Math.max(1, columns / 4)));
  return { threads: 64, lanes: Math.min(64, lanes) };
}

/** A function of what the lanes of a row give, by halves. */
function reduction(name: string, { lanes }: Sharing, op: string): string {
  const steps: string[] = [];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    steps.push(
      `if (lane < ${half}u) { let other = pool[local + ${half}u]; pool[local] = ${op}; }`,
      "workgroupBarrier();",
    );
  }
  return `fn ${name}(x : f32) -> f32 {
    pool[local] = x;
    workgroupBarrier();
    ${steps.join("\n    ")}
    let result = pool[local - lane];
    workgroupBarrier();
    return result;
  }`;
}

function shaderOf(program: RowProgram, shared: Sharing): Shader {
  const { threads, lanes } = shared, { functions = "" } = program;
  const rows = threads / lanes;
  return {
    name: `${program.name} ${lanes} lanes`,
    outputs: program.outputs,
    inputs: program.inputs,
    uniforms: { rows: "u32", columns: "u32", ...program.uniforms },
    threads,
    declarations: `const LANES = ${lanes}u;
var<workgroup> pool : array<f32, ${threads}>;
var<private> lane : u32;
${MATH}
${reduction("rowSum", shared, "pool[local] + other")}
${reduction("rowMost", shared, "max(pool[local], other)")}
${functions}`,
    // Lanes past the last row work on it too, since all must meet at barriers, and
    // have no column of their own to write.
    code: `lane = local % LANES;
  let number = group * ${rows}u + local / LANES;
  let isRow = number < uniforms.rows;
  let row = min(number, uniforms.rows - 1u);
  let isFirst = isRow && lane == 0u;
  let start = row * uniforms.columns;
  let end = select(0u, uniforms.columns, isRow);
  ${program.code}`,
  };
}

const shaders = new WeakMap<RowProgram, Map<number, Shader>>();

/** The shader of a program, made once. */
function shaderFor(program: RowProgram, shared: Sharing): Shader {
  let made = shaders.get(program);
  if (!made) shaders.set(program, made = new Map());
  let shader = made.get(shared.lanes);
  if (!shader) made.set(shared.lanes, shader = shaderOf(program, shared));
  return shader;
}

/** Run a program on the rows of a tensor of `shape`, which has at least one element. */
export function runRows(
  program: RowProgram,
  shape: readonly number[],
  outputs: readonly tf.TensorInfo[],
  inputs: readonly tf.TensorInfo[],
  values: readonly number[] = [],
): void {
  const { rows, columns } = rowsOf(shape);
  const shared = sharing(columns);
  runShader(
    shaderFor(program, shared),
    outputs,
    inputs,
    [rows, columns, ...values],
    Math.ceil(rows * shared.lanes / shared.threads),
  );
}

/** The last axis as rows: how many, and how long. */
export function rowsOf(
  shape: readonly number[],
): { rows: number; columns: number } {
  const columns = shape.at(-1) ?? 1;
  const size = tf.util.sizeFromShape([...shape]);
  return { rows: columns ? size / columns : 0, columns };
}
