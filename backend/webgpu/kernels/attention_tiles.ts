/**
 * What attention and its gradients have in common.
 *
 * A workgroup of 8 x 8 invocations has 32 fixed rows, of queries or of keys, and goes
 * over the others in tiles of some rows, which lie in the memory of the workgroup.
 * Invocation (x, y) computes products of the fixed rows `4 y` to `4 y + 3` with the
 * rows `x`, `x + 8`, ... of a tile, and adds rows of a tile, weighted by these, to its
 * part of the result for the same fixed rows: elements `4 x` to `4 x + 3` of each 32.
 *
 * Nothing is atomic, and all sums are in the order of rows: the bits are the same each
 * time.
 *
 * @module
 */
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import type { Shader } from "./run.ts";

/** The numbers that shaders read. */
export const UNIFORMS = {
  batch: "u32",
  heads: "u32",
  queries: "u32",
  keys: "u32",
} as const;

/** The numbers that shaders read, and sizes. */
export function sizesOf(
  query: readonly number[],
  key: readonly number[],
  { timeFirst }: PlainAttentionOptions,
) {
  const [batch, ...axes] = query as [number, number, number, number];
  const heads = timeFirst ? axes[1] : axes[0];
  const at = timeFirst ? 1 : 2, queries = query[at]!, keys = key[at]!;
  const count = batch * heads;
  // Where heads come first, each is a member of the batch.
  const numbers = [count, timeFirst ? heads : 1, queries, keys];
  return { count, queries, keys, numbers };
}

/** Rows that a workgroup keeps. */
export const FIXED = 32;

/** Invocations of a workgroup. */
export const THREADS = 64;

/** The largest head that there are kernels for. */
export const LARGEST_HEAD = 128;

/** The layout of a kernel for heads of some size. */
export interface Layout {
  /** Elements of a head. */
  readonly size: number;
  /** Vectors of four elements in a row of a tile: a multiple of 8. */
  readonly vectors: number;
  /** Rows of a tile: a multiple of 8. */
  readonly rows: number;
}

/** Bytes of a workgroup's memory that two tiles and two matrices of weights take. */
export function bytesOf({ vectors, rows }: Layout): number {
  return 16 * rows * (2 * (vectors + 1) + 2 * (FIXED / 4 + 1));
}

/**
 * The layout for heads of `size` elements: the largest tiles that fit in `limit` bytes.
 *
 * @returns Nothing, if there is none.
 */
export function layoutOf(size: number, limit: number): Layout | undefined {
  if (size < 1 || size > LARGEST_HEAD) return undefined;
  const vectors = 8 * Math.ceil(size / 32);
  return [32, 16, 8].map((rows) => ({ size, vectors, rows }))
    .find((layout) => bytesOf(layout) <= limit);
}

/** `make(0)`, `make(1)`, ... as lines. */
export function lines(count: number, make: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => make(i)).join("\n");
}

/** The memory of a workgroup. */
export function memory({ vectors, rows }: Layout): string {
  return ["tileA", "tileB"]
    .map((name) =>
      `var<workgroup> ${name} : array<array<vec4<f32>, ${
        vectors + 1
      }>, ${rows}>;`
    )
    .concat(
      ["weightsA", "weightsB"].map((name) =>
        `var<workgroup> ${name} : array<array<vec4<f32>, ${
          FIXED / 4 + 1
        }>, ${rows}>;`
      ),
    ).join("\n");
}

/** A function that reads four elements of a row; 0 past the end of a head. */
export function reader(name: string, array: string, { size }: Layout): string {
  const body = size % 4 === 0
    ? `if (v >= ${size / 4}u) { return vec4<f32>(); }
  return ${array}[row * ${size / 4}u + v];`
    : `let at = row * ${size}u + 4u * v;
  let end = row * ${size}u + ${size}u;
  var x = vec4<f32>();
  ${
      lines(
        4,
        (i) => `if (at + ${i}u < end) { x[${i}] = ${array}[at + ${i}u]; }`,
      )
    }
  return x;`;
  return `fn ${name}(row : u32, v : u32) -> vec4<f32> {
  ${body}
}`;
}

/** The type of arrays that {@linkcode reader} reads. */
export function elementType({ size }: Layout): "f32" | "vec4<f32>" {
  return size % 4 === 0 ? "vec4<f32>" : "f32";
}

/** Reads rows from `first` on, of `count` that there are, into both tiles. */
export function loadTiles(
  { vectors, rows }: Layout,
  readA: string,
  readB: string,
  first: string,
  count: string,
): string {
  return `for (var i = local; i < ${rows * vectors}u; i += ${THREADS}u) {
    let r = i / ${vectors}u;
    let v = i - r * ${vectors}u;
    let row = ${rowOf(count, `min(${first} + r, ${count} - 1u)`)};
    tileA[r][v] = ${readA}(row, v);
    tileB[r][v] = ${readB}(row, v);
  }`;
}

/**
 * Declares `s0`, `s1`, ...: the products of the four fixed rows with rows of `tileA`;
 * and `t0`, `t1`, ...: those of other fixed rows with `tileB`, if `readB` is given.
 * The fixed rows are `fixed0` to `fixed3`.
 */
export function products(
  { vectors, rows }: Layout,
  readA: string,
  readB?: string,
): string {
  const count = rows / 8;
  const part = (s: string, x: string, tile: string) =>
    lines(count, (c) =>
      `{ let y = ${tile}[tx + ${8 * c}u][v];
      ${s}${c} += vec4<f32>(dot(${x}0, y), dot(${x}1, y), dot(${x}2, y), dot(${x}3, y)); }`);
  const read = (x: string, fn: string) =>
    lines(4, (r) => `let ${x}${r} = ${fn}(fixed${r}, v);`);
  return `${lines(count, (c) => `var s${c} = vec4<f32>();`)}
  ${readB ? lines(count, (c) => `var t${c} = vec4<f32>();`) : ""}
  for (var v = 0u; v < ${vectors}u; v++) {
    ${read("a", readA)}
    ${part("s", "a", "tileA")}
    ${readB ? `${read("b", readB)}\n${part("t", "b", "tileB")}` : ""}
  }`;
}

/** Declares `NAME0_0` and so on: parts of four rows of a result. */
export function accumulators(name: string, { vectors }: Layout): string {
  return lines(
    4,
    (r) => lines(vectors / 8, (w) => `var ${name}${r}_${w} = vec4<f32>();`),
  );
}

/** Adds the rows of a tile, weighted, to the accumulators. */
export function accumulate(
  { vectors, rows }: Layout,
  parts: readonly { to: string; weights: string; tile: string }[],
): string {
  return `for (var k = 0u; k < ${rows}u; k++) {
    ${
    parts.map(({ to, weights, tile }) =>
      `{ let weight = ${weights}[k][ty];
      ${
        lines(vectors / 8, (w) =>
          `{ let y = ${tile}[k][tx + ${8 * w}u];
        ${lines(4, (r) => `${to}${r}_${w} += weight[${r}] * y;`)} }`)
      } }`
    ).join("\n")
  }
  }`;
}

/** Writes accumulators, times `factor(r)`, to the fixed rows that there are. */
export function store(
  array: string,
  name: string,
  { size, vectors }: Layout,
  count: string,
  factor: (r: number) => string,
): string {
  const put = (r: number, w: number) => {
    const v = `(tx + ${8 * w}u)`, value = `${name}${r}_${w} * ${factor(r)}`;
    if (size % 4 === 0) {
      return `if (${v} < ${size / 4}u) { ${array}[fixed${r} * ${
        size / 4
      }u + ${v}] = ${value}; }`;
    }
    return `{ let x = ${value}; ${
      lines(4, (e) =>
        `if (4u * ${v} + ${e}u < ${size}u) { ${array}[fixed${r} * ${size}u + 4u * ${v} + ${e}u] = x[${e}]; }`)
    } }`;
  };
  return lines(4, (r) =>
    `if (first + 4u * ty + ${r}u < ${count}) {
    ${lines(vectors / 8, (w) => put(r, w))}
  }`);
}

/**
 * The number of the row of a query or key of the head of a workgroup, of `count` that
 * there are; heads lie side by side, unless there is only one.
 */
export function rowOf(count: string, place: string): string {
  return `(batch / uniforms.heads * ${count} + ${place}) * uniforms.heads + batch % uniforms.heads`;
}

/** Where a workgroup is: `batch`, the first of its fixed rows, and these. */
export function placement(count: string, isReversed: boolean): string {
  return `let blocks = (${count} + ${FIXED - 1}u) / ${FIXED}u;
  let batch = group / blocks;
  if (batch >= uniforms.batch) { return; }
  let block = ${isReversed ? "blocks - 1u - " : ""}(group - batch * blocks);
  let tx = local & 7u;
  let ty = local >> 3u;
  let first = block * ${FIXED}u;
  ${
    lines(4, (r) =>
      `let fixed${r} = ${
        rowOf(count, `min(first + 4u * ty + ${r}u, ${count} - 1u)`)
      };`)
  }`;
}

/** `make`, which makes the shader of a layout once. */
export function cached(
  make: (layout: Layout, causal: boolean) => Shader,
): (layout: Layout, causal: boolean) => Shader {
  const made = new Map<string, Shader>();
  return (layout, causal) => {
    const key = `${layout.size} ${layout.rows} ${causal}`;
    let shader = made.get(key);
    if (!shader) made.set(key, shader = make(layout, causal));
    return shader;
  };
}
