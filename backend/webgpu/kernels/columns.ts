/**
 * Shaders that add up the columns of a matrix: all axes of a tensor but the last.
 *
 * The rows are cut into blocks. A workgroup takes some columns of a block, of which
 * several invocations share each; a second shader adds up the blocks. All is in a
 * fixed order, so the bits are the same each time.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { webGpuBackend } from "../backend.ts";
import { type ElementType, output, runShader, type Shader } from "./run.ts";
import { rowsOf } from "./rows.ts";

const THREADS = 256;

/** The most blocks of rows. */
const MOST_BLOCKS = 256;

/** Rows that an invocation adds up at least, if there are so many. */
const FEWEST_ROWS = 16;

/** What is added up over columns, four numbers for each. */
export interface ColumnSum {
  /** Its name: sums of one name have the same code. */
  readonly name: string;
  /** The arrays that it reads, by name. */
  readonly inputs: Readonly<Record<string, ElementType>>;
  /**
   * Sets `part` for an invocation: `eachRow(code)` in {@linkcode eachRow} goes over
   * its rows.
   */
  readonly collect: string;
  /** A function `merge` of two `vec4<f32>`: that of the rows of both. */
  readonly merge: string;
  /** The arrays that the second shader writes, by name: one number of each column. */
  readonly results: readonly string[];
  /** The arrays that the second shader reads, by name: one number of each column. */
  readonly columns?: readonly string[];
  /** Numbers that the second shader reads. */
  readonly uniforms?: Shader["uniforms"];
  /** Writes the results of a column from `part`. */
  readonly finish: string;
}

/** A loop over the rows of an invocation: `at` is the place of an element. */
export function eachRow(code: string): string {
  return `for (var row = first + lane; row < last; row += LANES) {
    let at = row * uniforms.columns + column;
    ${code}
  }`;
}

/** Columns of a workgroup, and invocations that share each. */
function shape(columns: number): { width: number; lanes: number } {
  const width = Math.min(32, 2 ** Math.ceil(Math.log2(columns)));
  return { width, lanes: THREADS / width };
}

/** What both shaders declare; `part` of all lanes of a column is added up by `total`. */
function declarations({ merge }: ColumnSum, columns: number): string {
  const { width, lanes } = shape(columns), steps: string[] = [];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    steps.push(
      `if (lane < ${half}u) { pool[local] = merge(pool[local], pool[local + ${
        half * width
      }u]); }`,
      "workgroupBarrier();",
    );
  }
  return `const LANES = ${lanes}u;
const WIDTH = ${width}u;
var<workgroup> pool : array<vec4<f32>, ${THREADS}>;
${merge}
fn total(part : vec4<f32>, lane : u32) -> vec4<f32> {
  pool[local] = part;
  workgroupBarrier();
  ${steps.join("\n  ")}
  return pool[local];
}`;
}

const PLACE = `let column = tile * WIDTH + local % WIDTH;
  let lane = local / WIDTH;
  let isColumn = column < uniforms.columns;
  var part = vec4<f32>();`;

function blocksShader(sum: ColumnSum, columns: number): Shader {
  return {
    name: `${sum.name} blocks ${shape(columns).width}`,
    outputs: { PARTS: "vec4<f32>" },
    inputs: sum.inputs,
    uniforms: {
      rows: "u32",
      columns: "u32",
      blocks: "u32",
      rowsOfBlock: "u32",
    },
    threads: THREADS,
    declarations: declarations(sum, columns),
    code: `let tiles = (uniforms.columns + WIDTH - 1u) / WIDTH;
  let block = group / tiles;
  let tile = group - block * tiles;
  if (block >= uniforms.blocks) { return; }
  ${PLACE}
  let first = block * uniforms.rowsOfBlock;
  let last = select(first, min(uniforms.rows, first + uniforms.rowsOfBlock), isColumn);
  ${sum.collect}
  let all = total(part, lane);
  if (isColumn && lane == 0u) { PARTS[block * uniforms.columns + column] = all; }`,
  };
}

/**
 * Writes the results, from the sums of blocks; or from the rows, if there are so few
 * that they are one block.
 */
function lastShader(
  sum: ColumnSum,
  columns: number,
  isDirect: boolean,
): Shader {
  const floats = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, "f32" as const]));
  const { width } = shape(columns);
  const add = isDirect
    ? `let first = 0u;
  let last = select(0u, uniforms.rows, isColumn);
  ${sum.collect}`
    : `let count = select(0u, uniforms.blocks, isColumn);
  for (var block = lane; block < count; block += LANES) {
    part = merge(part, PARTS[block * uniforms.columns + column]);
  }`;
  return {
    name: `${sum.name} ${isDirect ? "direct" : "whole"} ${width}`,
    outputs: floats(sum.results),
    inputs: {
      ...isDirect ? sum.inputs : { PARTS: "vec4<f32>" },
      ...floats(sum.columns ?? []),
    },
    uniforms: { rows: "u32", columns: "u32", blocks: "u32", ...sum.uniforms },
    threads: THREADS,
    declarations: declarations(sum, columns),
    code: `let tile = group;
  ${PLACE}
  ${add}
  part = total(part, lane);
  if (isColumn && lane == 0u) { ${sum.finish} }`,
  };
}

/** The shaders of a sum. */
interface Shaders {
  readonly blocks: Shader;
  readonly whole: Shader;
  readonly direct: Shader;
}

const made = new WeakMap<ColumnSum, Map<number, Shaders>>();

/** The shaders of a sum, made once. */
function shadersOf(sum: ColumnSum, columns: number): Shaders {
  const { width } = shape(columns);
  let widths = made.get(sum);
  if (!widths) made.set(sum, widths = new Map());
  let shaders = widths.get(width);
  if (!shaders) {
    shaders = {
      blocks: blocksShader(sum, columns),
      whole: lastShader(sum, columns, false),
      direct: lastShader(sum, columns, true),
    };
    widths.set(width, shaders);
  }
  return shaders;
}

/**
 * Add up the columns of tensors of `shape`, of at least one element.
 *
 * @param columns What the second shader reads of each column.
 * @param values The uniforms of the second shader.
 * @returns The results, each of one number for each column.
 */
export function sumColumns(
  sum: ColumnSum,
  tensorShape: readonly number[],
  inputs: readonly tf.TensorInfo[],
  perColumn: readonly tf.TensorInfo[] = [],
  values: readonly number[] = [],
): tf.TensorInfo[] {
  const { rows, columns } = rowsOf(tensorShape);
  const { width, lanes } = shape(columns);
  const rowsOfBlock = Math.max(
    FEWEST_ROWS * lanes,
    Math.ceil(rows / MOST_BLOCKS),
  );
  const blocks = Math.ceil(rows / rowsOfBlock);
  const tiles = Math.ceil(columns / width);
  const results = sum.results.map(() => output([columns]));
  const shaders = shadersOf(sum, columns);
  const numbers = [rows, columns, blocks];
  if (blocks === 1) {
    const given = [...inputs, ...perColumn];
    runShader(shaders.direct, results, given, [...numbers, ...values], tiles);
    return results;
  }
  const parts = output([blocks * columns, 4]);
  runShader(
    shaders.blocks,
    [parts],
    inputs,
    [...numbers, rowsOfBlock],
    tiles * blocks,
  );
  runShader(
    shaders.whole,
    results,
    [parts, ...perColumn],
    [...numbers, ...values],
    tiles,
  );
  webGpuBackend().disposeData(parts.dataId);
  return results;
}
