/**
 * The shader of a product, in which a workgroup computes a tile of the result.
 *
 * Both factors come through the workgroup's memory, `tile.k` terms at a time, in
 * vectors of four lines. An invocation adds up `threadM` by `threadN` results, as
 * vectors of four columns. The next terms are loaded while it multiplies.
 *
 * In mixed precision the workgroup's memory holds values of f16: factors are rounded when
 * they are put there, and their products, which are exact in f32, are added in f32. The
 * tiles are those of full precision: their height and width are bound by the sums that an
 * invocation holds, which stay f32, not by the workgroup's memory.
 *
 * naga checks indices of arrays that are not constants, and counts the rounds of
 * loops: so the terms of a tile are written out, and sums have names.
 *
 * @module
 */
import { type ElementType, putInto, type Shader } from "../kernels/run.ts";
import { type Epilogue, epilogueCode, epilogueInputs } from "./epilogue.ts";
import type { Operand } from "./operand.ts";
import { loadsOf } from "./loads.ts";
import { nameOf, threadsOf, type Tile } from "./tile.ts";

/** A shader to be made. */
export interface ProductSpec {
  /** What tells it from products of other kinds. */
  readonly kind: string;
  readonly tile: Tile;
  readonly a: Operand;
  readonly b: Operand;
  /** The type of the values, and of the sums. */
  readonly type: "f32" | "i32";
  /** Whether factors are rounded to f16: only where the type is f32. */
  readonly isHalf: boolean;
  /** Whether the sums are cut: each part goes to a matrix of its own. */
  readonly isSplit: boolean;
  /** Whether the number of columns is a multiple of 4. */
  readonly isVector: boolean;
  /** What happens to sums that are not cut. */
  readonly epilogue: Epilogue;
  /** Numbers that the operands read, besides those of each product. */
  readonly uniforms: Readonly<Record<string, "u32" | "i32">>;
}

/** The numbers of each product, in their order. */
export const UNIFORMS = {
  m: "u32",
  n: "u32",
  k: "u32",
  batches: "u32",
  splits: "u32",
  termsPerSplit: "u32",
  tilesM: "u32",
  tilesN: "u32",
  alpha: "f32",
} as const;

/** What tells a shader from others. */
export function keyOf(spec: ProductSpec): string {
  const { kind, tile, a, b, type, isHalf, isSplit, isVector, epilogue } = spec;
  return [
    "product",
    kind,
    nameOf(tile),
    a.name,
    b.name,
    isHalf ? "f16" : type,
    isSplit
      ? "parts"
      : `${epilogue.hasBias ? "bias " : ""}${epilogue.activation}`,
    isVector ? "4" : "1",
  ].join(" ");
}

const XYZW = "xyzw";

/**
 * `stored(v)` rounds to f16. WGSL leaves open what becomes of values that f16 cannot hold:
 * they must become infinite, since that is how a loss scale that is too large is noticed.
 */
const HALF = `alias S = f16;
fn stored(v : vec4<f32>) -> vec4<f16> {
  let isTooLarge = abs(v) >= vec4<f32>(65520.0);
  return select(vec4<f16>(v), vec4<f16>(v * uniforms.INFINITY), isTooLarge);
}`;

const WHOLE = `alias S = T;
fn stored(v : vec4<T>) -> vec4<T> { return v; }`;

function repeat(count: number, code: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => code(i)).join("\n");
}

/** The shader of a product. */
export function productShader(spec: ProductSpec): Shader {
  const { tile, a, b, type, isHalf, isSplit, isVector, epilogue } = spec;
  const array = (isVector: boolean): ElementType =>
    isVector ? `vec4<${type}>` : type;
  return {
    name: keyOf(spec),
    outputs: { C: array(isVector) },
    inputs: {
      A: array(a.isVector),
      B: array(b.isVector),
      ...isSplit ? {} : epilogueInputs(epilogue, isVector),
    },
    uniforms: { ...UNIFORMS, ...spec.uniforms },
    threads: threadsOf(tile),
    usesHalf: isHalf,
    put: putInto("C", array(isVector)),
    declarations: `alias T = ${type};
${isHalf ? HALF : WHOLE}
var<workgroup> tileA : array<array<vec4<S>, ${tile.m / 4 + 1}>, ${tile.k}>;
var<workgroup> tileB : array<array<vec4<S>, ${tile.n / 4 + 1}>, ${tile.k}>;
${a.functions ?? ""}
${b.functions ?? ""}
${isSplit ? "" : epilogueCode(epilogue, isVector)}`,
    code: main(spec),
  };
}

function main(spec: ProductSpec): string {
  const { tile, a, b, isSplit } = spec;
  const loads = loadsOf(a, b, tile);
  const loadAll = loads.map(({ load }) => load).join("\n");
  const storeAll = loads.map(({ store }) => store).join("\n");
  const { m, n, k, threadM, threadN } = tile;
  return `
  // Tiles of eight rows of tiles follow each other, since they share columns.
  let tiles = uniforms.tilesM * uniforms.tilesN;
  let layer = group / tiles;
  if (layer >= uniforms.batches * uniforms.splits) { return; }
  let place = group % tiles;
  let band = place / (8u * uniforms.tilesN) * 8u;
  let height = min(uniforms.tilesM - band, 8u);
  let inBand = place % (8u * uniforms.tilesN);
  let m0 = (band + inBand % height) * ${m}u;
  let n0 = (inBand / height) * ${n}u;
  let batch = layer / uniforms.splits;
  let begin = (layer % uniforms.splits) * uniforms.termsPerSplit;
  let end = min(uniforms.k, begin + uniforms.termsPerSplit);
  ${a.begin ?? ""}
  ${b.begin ?? ""}
  let across = local % ${n / threadN}u;
  let down = local / ${n / threadN}u;
  ${loads.map(({ before }) => before).join("\n")}
  ${
    repeat(threadM, (r) =>
      repeat(threadN / 4, (q) => `var sum${r}_${q} = vec4<T>(0);`))
  }
  var k0 = begin;
  loop {
    let isMore = k0 < end;
    if (isMore) { ${loadAll} }
    if (k0 > begin) {
      ${repeat(k, (k) => multiply(spec, k))}
      workgroupBarrier();
    }
    if (!isMore) { break; }
    ${storeAll}
    workgroupBarrier();
    k0 += ${k}u;
  }
  let baseC = ${
    isSplit ? "((layer % uniforms.splits) * uniforms.batches + batch)" : "batch"
  } * uniforms.m * uniforms.n;
  ${repeat(threadM, (r) => write(spec, r))}`;
}

/** Add the products of one term. */
function multiply({ tile, type }: ProductSpec, k: number): string {
  const { m, n, threadM, threadN } = tile;
  const add = (r: number, q: number) => {
    const [sum, x] = [`sum${r}_${q}`, `a${r >> 2}.${XYZW[r & 3]}`];
    return type === "f32"
      ? `${sum} = fma(vec4<T>(${x}), b${q}, ${sum});`
      : `${sum} += ${x} * b${q};`;
  };
  return `{
    ${
    repeat(threadM / 4, (i) =>
      `let a${i} = vec4<T>(tileA[${k}u][down + ${i * m / threadM}u]);`)
  }
    ${
    repeat(threadN / 4, (i) =>
      `let b${i} = vec4<T>(tileB[${k}u][across + ${i * n / threadN}u]);`)
  }
    ${repeat(threadM, (r) => repeat(threadN / 4, (q) => add(r, q)))}
  }`;
}

/** Write a row of the results of an invocation. */
function write(
  { tile, isSplit, isVector, epilogue }: ProductSpec,
  r: number,
): string {
  const { m, n, threadM, threadN } = tile;
  const finish =
    isSplit || !(epilogue.hasBias || epilogue.activation !== "linear")
      ? ""
      : "v = finish(v, column);";
  return `{
    let row = m0 + (down + ${(r >> 2) * m / threadM}u) * 4u + ${r & 3}u;
    if (row < uniforms.m) {
      ${
    repeat(threadN / 4, (q) =>
      `{
        let column = n0 + (across + ${q * n / threadN}u) * 4u;
        var v = sum${r}_${q};
        if (column < uniforms.n) {
          ${finish}
          let at = baseC + row * uniforms.n + column;
          ${
        isVector ? "put(at, v);" : `put(at, v.x);
          ${
          [1, 2, 3].map((j) =>
            `if (column + ${j}u < uniforms.n) { put(at + ${j}u, v.${
              XYZW[j]
            }); }`
          ).join("\n")
        }`
      }
        }
      }`)
  }
    }
  }`;
}
