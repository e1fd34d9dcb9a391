/**
 * Functions that compute each element of their result from the same element of their
 * operands. What they compute is known apart from how they go over memory, so that
 * replays can do several of them in one pass.
 *
 * @module
 */
import type { Body, F32x4, I32, I32x4 } from "../assembler/assembler.ts";
import { eachVector, type Lanes } from "../assembler/lanes.ts";
import { type WasmFunction, wasmFunction } from "../machine/functions.ts";

/** How elements are stored: floats and integers are words, bools are bytes of 0 or 1. */
export type Storage = "words" | "bytes";

/** Four elements. */
export type Vector = F32x4 | I32x4;

type VectorOf<S extends Storage> = S extends "bytes" ? I32x4 : F32x4;

/** How many bytes an element has. */
export const WIDTH: Readonly<Record<Storage, number>> = { words: 4, bytes: 1 };

/** What is computed of each element. */
export interface Formula {
  /** A number that no other formula has. */
  readonly id: number;
  /** How the operands are stored. */
  readonly operands: readonly Storage[];
  /** How the result is stored. */
  readonly result: Storage;
  /** The code, for operands that are variables, and numbers. */
  readonly value: (
    f: Body,
    operands: readonly Vector[],
    numbers: readonly F32x4[],
  ) => Vector;
  /** Nanoseconds for four elements, about. */
  readonly cost: number;
}

/** A function that computes a formula. */
export interface ElementFunction {
  /** The function. */
  readonly fn: WasmFunction<string>;
  /** What it computes. */
  readonly formula: Formula;
  /** The names of its parameters, in order. */
  readonly parameters: readonly string[];
  /**
   * What they are: the operands, the result, the bytes of a row of words, then
   * numbers; or the rows of `binary.ts`.
   */
  readonly layout: "elements" | "rows";
}

const KNOWN: ElementFunction[] = [];

/** Let replays know what a function computes. */
export function know(
  { formula, ...rest }: Omit<ElementFunction, "formula"> & {
    readonly formula: Omit<Formula, "id">;
  },
): void {
  KNOWN.push({ ...rest, formula: { ...formula, id: KNOWN.length } });
}

/** The functions that compute formulas and were run, by their numbers. */
export function elementFunctions(): Map<number, ElementFunction> {
  return new Map(
    KNOWN.flatMap((known) =>
      known.fn.number === undefined ? [] : [[known.fn.number, known]]
    ),
  );
}

/** The next four elements at `address`. */
export function loadLanes(
  lanes: Lanes,
  storage: Storage,
  address: I32,
): Vector {
  return storage === "bytes" ? lanes.loadBytes(address) : lanes.load(address);
}

/** Write four elements at `address`. */
export function storeLanes(
  lanes: Lanes,
  storage: Storage,
  address: I32,
  value: Vector,
): void {
  if (storage === "bytes") lanes.storeBytes(address, value as I32x4);
  else lanes.store(address, value as F32x4);
}

/** How a function is made of its formula. */
interface Options<O, R, N> {
  /** The operands, and how they are stored. */
  readonly operands: O;
  /** How the result is stored. Default: as words. */
  readonly result?: R;
  /** Numbers, whose bits are passed. Default: none. */
  readonly numbers?: readonly N[];
  /** Nanoseconds for four elements, about. Default: 1. */
  readonly cost?: number;
  /** How often the loop's body is written out. Default: once. */
  readonly unroll?: number;
}

/** Declare a function of the operands' addresses, that of the result `y`, the bytes of the operands as words, and numbers. */
export function elementwise<
  const O extends Readonly<Record<string, Storage>>,
  const N extends string = never,
  R extends Storage = "words",
>(
  name: string,
  options: Options<O, R, N>,
  formula: (
    f: Body,
    operands: { readonly [K in keyof O]: VectorOf<O[K]> },
    numbers: Readonly<Record<N, F32x4>>,
  ) => VectorOf<R>,
): WasmFunction<(keyof O & string) | "y" | "bytes" | N> {
  type P = keyof O & string;
  const { numbers = [], unroll = 1, cost = 1 } = options;
  const names: readonly P[] = Object.keys(options.operands);
  const storage: readonly Storage[] = Object.values(options.operands);
  const result: Storage = options.result ?? "words";
  const value: Formula["value"] = (f, operands, values) =>
    formula(
      f,
      Object.fromEntries(names.map((name, i) => [name, operands[i]!])) as {
        [K in keyof O]: VectorOf<O[K]>;
      },
      Object.fromEntries(
        numbers.map((name, i) => [name, values[i]!]),
      ) as Record<N, F32x4>,
    );
  const fn = wasmFunction<string, string>(
    name,
    { addresses: [...names, "y"], numbers: ["bytes", ...numbers] },
    (f, p) => {
      const values = numbers.map((name) => f.let(p[name]!.floats().splat()));
      eachVector(f, p["scratch"]!, p["bytes"]!, (lanes) => {
        const operands = names.map((name, i) =>
          loadLanes(lanes, storage[i]!, p[name]!)
        );
        storeLanes(lanes, result, p["y"]!, value(f, operands, values));
      }, unroll);
    },
  );
  know({
    fn,
    formula: { operands: storage, result, value, cost },
    parameters: [...names, "y", "bytes", ...numbers],
    layout: "elements",
  });
  return fn;
}
