/**
 * What attention and its gradients have in common: heads and their places in memory,
 * and tiles of queries, each with the keys that its last query sees.
 *
 * The weights of a tile lie in memory that the cache holds. Heads do not depend on one
 * another, so threads share them out.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { PlainAttentionOptions } from "../../ops/attention.ts";
import {
  type Args,
  type Assembler,
  type Body,
  type Call,
  floatBits,
  I32,
  load,
} from "../assembler/assembler.ts";
import { eachVector } from "../assembler/lanes.ts";
import { inMemory, MULTIPLICATIONS, partsOf } from "../machine/functions.ts";
import { free, output, pointer } from "../machine/registry.ts";
import { defineProduct } from "./gemm.ts";
import { NR, type PRODUCT } from "./tiles.ts";

/** Queries of a tile: four times the rows that a product takes at once. */
export const TILE = 24;

/** The numbers that the code reads, as 32-bit integers in memory; strides in bytes. */
const FIELDS = [
  "heads",
  "queries",
  "keys",
  "size",
  /** The keys that the query at 0 sees, less one. */
  "offset",
  /** From a query, or key, to the next. */
  "row",
  /** From a head to the next, and from an example to the next, of queries and of keys. */
  "queryHead",
  "queryBatch",
  "keyHead",
  "keyBatch",
  /** From a row of weights to the next: a multiple of the columns of a product's tile. */
  "across",
  /** The bits of `1 / √size`. */
  "scale",
] as const;

type Numbers<T> = Readonly<Record<typeof FIELDS[number], T>>;

/** The sizes of attention. */
export interface Heads {
  readonly numbers: Numbers<number>;
  /** Heads of all examples. */
  readonly count: number;
}

/** The sizes that the shapes of queries and keys say. */
export function headsOf(
  query: readonly number[],
  key: readonly number[],
  { causal, timeFirst }: PlainAttentionOptions,
): Heads {
  const [batch, a, b, size] = query as [number, number, number, number];
  const [heads, queries] = timeFirst ? [b, a] : [a, b];
  const keys = key[timeFirst ? 1 : 2]!, bytes = 4 * size;
  const numbers = {
    heads,
    queries,
    keys,
    size,
    offset: causal ? keys - queries : keys,
    row: timeFirst ? heads * bytes : bytes,
    queryHead: timeFirst ? bytes : queries * bytes,
    queryBatch: heads * queries * bytes,
    keyHead: timeFirst ? bytes : keys * bytes,
    keyBatch: heads * keys * bytes,
    across: 4 * NR * Math.ceil(keys / NR),
    scale: floatBits(1 / Math.sqrt(size)),
  };
  return { numbers, count: batch * heads };
}

/**
 * The bytes of a workspace: for each of `matrices` matrices a transposed copy for a head
 * and its product with the queries of a tile, and these queries.
 */
function bytesOf({ across, size }: Numbers<number>, matrices: number): number {
  return matrices * across * (size + TILE) + 4 * TILE * size;
}

/** Where a run of heads is, and from where on its workspace goes. */
export interface Range {
  readonly first: number;
  readonly end: number;
  readonly workspace: number;
  readonly sizes: number;
}

/**
 * The heads shared out among threads.
 *
 * @param matrices How many matrices the code has in the workspace.
 * @param products How many products of queries and keys, or values, it computes.
 */
export function inRanges(
  { numbers, count }: Heads,
  { matrices, products }: { matrices: number; products: number },
  run: (ranges: readonly Range[]) => void,
): void {
  const { queries, keys, size, offset } = numbers;
  const seen = offset < keys ? keys - queries / 2 : keys;
  const work = count * queries * seen * (products * size / MULTIPLICATIONS + 1);
  const length = Math.ceil(count / Math.min(count, partsOf(work)));
  const parts = Math.ceil(count / length);
  const bytes = bytesOf(numbers, matrices);
  const workspace: tf.TensorInfo = output([parts * bytes / 4]);
  const sizes = inMemory(FIELDS.map((name) => numbers[name]));
  run(Array.from({ length: parts }, (_, i) => ({
    first: i * length,
    end: Math.min(count, (i + 1) * length),
    workspace: pointer(workspace) + i * bytes,
    sizes,
  })));
  free(workspace);
}

/** The numbers as local variables. */
export function loadNumbers(f: Body, at: I32): Numbers<I32> {
  return Object.fromEntries(
    FIELDS.map((name, i) => [name, f.let(load(I32, at, 4 * i))]),
  ) as Numbers<I32>;
}

/** Places in a workspace. */
export function loadPlaces(
  f: Body,
  { across, size }: Numbers<I32>,
  workspace: I32,
  matrices: number,
): { transposed: I32[]; weights: I32[]; queries: I32 } {
  const next = f.let(workspace);
  const take = (bytes: I32): I32 => {
    const place = f.let(next);
    f.set(next, next.add(bytes));
    return place;
  };
  const each = (bytes: I32) =>
    Array.from({ length: matrices }, () => take(bytes));
  return {
    transposed: each(size.mul(across)),
    weights: each(across.mul(TILE)),
    queries: take(size.mul(4 * TILE)),
  };
}

/** Where the tensors of a head begin, in bytes: those of queries, and those of keys. */
export interface Place {
  readonly query: I32;
  readonly key: I32;
  /** The number of queries of the heads before it. */
  readonly queriesBefore: I32;
}

/** `body` for the heads from `first` to `end`. */
export function eachHead(
  f: Body,
  n: Numbers<I32>,
  first: I32,
  end: I32,
  body: (place: Place) => void,
): void {
  f.for(
    end,
    1,
    (i) => {
      const example = f.let(i.div(n.heads)), head = f.let(i.rem(n.heads));
      const at = (batch: I32, stride: I32) =>
        f.let(example.mul(batch).add(head.mul(stride)));
      body({
        query: at(n.queryBatch, n.queryHead),
        key: at(n.keyBatch, n.keyHead),
        queriesBefore: f.let(i.mul(n.queries)),
      });
    },
    first,
  );
}

/** Queries that are computed together. */
export interface Tile {
  /** The first of them, and how many they are. */
  readonly first: I32;
  readonly rows: I32;
  /** The keys that the last of them sees, and the same in whole tiles of a product. */
  readonly seen: I32;
  readonly columns: I32;
  /** Whether it is the last of its head, which is the first that is computed. */
  readonly isLast: I32;
}

/** `body` for the tiles of a head, of which the last sees all keys and is the first. */
export function eachTile(
  f: Body,
  { queries, keys, offset }: Numbers<I32>,
  body: (tile: Tile) => void,
): void {
  const tiles = f.let(queries.add(TILE - 1).div(TILE));
  f.for(tiles, 1, (done) => {
    const first = f.let(tiles.sub(done).sub(1).mul(TILE));
    const rows = f.let(queries.sub(first).min(TILE));
    const seen = f.let(first.add(rows).add(offset).min(keys));
    const columns = f.let(seen.add(NR - 1).and(-NR));
    body({ first, rows, seen, columns, isLast: f.let(done.eq(0)) });
  });
}

/** Rows of a head: where the first is, and how many bytes it is to the next. */
interface Rows {
  readonly at: I32;
  readonly row: I32;
}

/** `to = scale from` for so many rows; both may be one. */
export function scaleRows(
  f: Body,
  { size, scale }: Numbers<I32>,
  scratch: I32,
  count: I32,
  to: Rows,
  from: Rows,
): void {
  const factor = f.let(scale.floats().splat()), bytes = f.let(size.shl(2));
  const [x, y] = [f.let(from.at), f.let(to.at)];
  f.for(count, 1, () => {
    eachVector(f, scratch, bytes, (lanes) => {
      lanes.store(y, lanes.load(x).mul(factor));
    });
    f.set(x, x.add(from.row));
    f.set(y, y.add(to.row));
  });
}

/** `body` for the queries of a tile, with the bytes of the weights that each has. */
export function eachQuery(
  f: Body,
  { keys, offset }: Numbers<I32>,
  { first, rows }: Tile,
  body: (i: I32, bytes: I32) => void,
): void {
  f.for(rows, 1, (i) => {
    const seen = first.add(i).add(1).add(offset);
    body(i, f.let(f.let(seen).min(keys).shl(2)));
  });
}

/** A product of matrices without a bias. */
export type Multiply = (
  args: Omit<Args<typeof PRODUCT>, "scratch" | "bias" | "flags"> & {
    readonly flags?: I32;
  },
) => Call;

/** The product that the code of a thread calls. */
export function defineMultiply(m: Assembler, scratch: I32): Multiply {
  const product = defineProduct(m), none = I32.of(0);
  return ({ flags = none, ...args }) =>
    product({ ...args, flags, scratch, bias: none });
}
