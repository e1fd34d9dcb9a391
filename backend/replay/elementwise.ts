/**
 * Recorded operations that compute each element of their result from one element of
 * each operand.
 *
 * @module
 */
import { LEFT, RIGHT } from "../wasm/kernels/binary.ts";
import {
  type ElementFunction,
  type Formula,
  type Storage,
  WIDTH,
} from "../wasm/kernels/elementwise.ts";
import type { Argument, Buffer, Operation, Pointer } from "./recorded.ts";

/**
 * Which element of an operand belongs to an element of the result: the same, that of
 * the same column or row, or the only one.
 */
export type Access = "each" | "column" | "row" | "one";

/** A buffer that is read. */
export interface Operand {
  readonly buffer: Buffer;
  readonly storage: Storage;
  readonly access: Access;
}

/** What an operation computes. */
export interface Elementwise {
  readonly operation: Operation;
  readonly formula: Formula;
  readonly operands: readonly Operand[];
  /** The bits of numbers that are part of the formula. */
  readonly numbers: readonly number[];
  /** The buffer of the result. */
  readonly result: Buffer;
  /** The rows of the result; 1 if no operand goes by rows or columns. */
  readonly rows: number;
  /** The elements of a row. */
  readonly columns: number;
}

/** What `operation` computes, if the functions that it calls say so. */
export function elementwiseOf(
  operation: Operation,
  functions: ReadonlyMap<number, ElementFunction>,
): Elementwise | undefined {
  const [call, ...others] = operation.body;
  if (call?.kind !== "call" || others.length > 0) return undefined;
  const known = typeof call.fn === "number" && functions.get(call.fn);
  if (!known) return undefined;
  const { formula } = known;
  const whole = wholeOf(call.parts.map((part) => read(known, part)), formula);
  if (!whole || operation.writes.size !== 1) return undefined;
  const { result: { buffer, offset }, rows, bytes, numbers } = whole;
  const columns = bytes / 4, width = WIDTH[formula.result];
  const isWhole = operation.writes.has(buffer) && offset === 0 &&
    buffer.bytes === rows * columns * width;
  if (!isWhole) return undefined;
  const operands = whole.operands.map(({ at, each, row }, i) => {
    const storage = formula.operands[i]!, access = accessOf(whole, each, row);
    return access && at.offset === 0
      ? { buffer: at.buffer, storage, access }
      : [];
  }).flat();
  if (operands.length < formula.operands.length) return undefined;
  const isFlat = operands.every(({ access }) =>
    access === "each" || access === "one"
  );
  return {
    operation,
    formula,
    operands,
    numbers,
    result: buffer,
    rows: isFlat ? 1 : rows,
    columns: isFlat ? rows * columns : columns,
  };
}

/** Rows of the result. */
interface Rows {
  readonly operands: readonly {
    readonly at: Pointer;
    /** Whether each element of a row has its own. */
    readonly each: boolean;
    /** Bytes from a row to the next. */
    readonly row: number;
  }[];
  readonly result: Pointer;
  readonly rows: number;
  /** The bytes of a row of words. */
  readonly bytes: number;
  readonly numbers: readonly number[];
}

/** What the arguments of a call say; undefined if an address is of no buffer. */
function read(
  { formula, parameters, layout }: ElementFunction,
  args: readonly Argument[],
): Rows | undefined {
  const count = formula.operands.length;
  const number = (name: string) => args[parameters.indexOf(name)] as number;
  const single = layout === "rows" ? number("single") : 0;
  const strides = layout === "rows"
    ? [number("aRow"), number("bRow")]
    : formula.operands.map(() => 0);
  const operands = args.slice(0, count).flatMap((at, i) =>
    typeof at === "number"
      ? []
      : [{ at, each: single !== [LEFT, RIGHT][i], row: strides[i]! }]
  );
  const result = args[count]!;
  if (operands.length < count || typeof result === "number") return undefined;
  return {
    operands,
    result,
    rows: layout === "rows" ? number("rows") : 1,
    bytes: number("bytes"),
    numbers: layout === "rows" ? [] : args.slice(count + 2) as number[],
  };
}

/** All parts as one, if each goes on where the one before has ended. */
function wholeOf(
  parts: readonly (Rows | undefined)[],
  formula: Formula,
): Rows | undefined {
  const [first] = parts;
  if (!first) return undefined;
  let { rows, bytes } = first;
  for (const part of parts.slice(1)) {
    if (!part) return undefined;
    const isFlat = [first, part].every((x) =>
      x.rows === 1 && x.operands.every(({ row }) => row === 0)
    );
    if (!isFlat && part.bytes !== bytes) return undefined;
    const done = rows * bytes / 4;
    const isNext = (a: Pointer, b: Pointer, bytes: number) =>
      a.buffer === b.buffer && b.offset === a.offset + bytes;
    const fits = first.operands.every(({ at, each, row }, i) => {
      const other = part.operands[i]!;
      const flat = each ? done * WIDTH[formula.operands[i]!] : 0;
      return other.each === each && other.row === row &&
        isNext(at, other.at, isFlat ? flat : rows * row);
    });
    if (!fits) return undefined;
    if (!isNext(first.result, part.result, done * WIDTH[formula.result])) {
      return undefined;
    }
    if (isFlat) bytes += part.bytes;
    else rows += part.rows;
  }
  return { ...first, rows, bytes };
}

/** How an operand is gone over; undefined if in another way than those. */
function accessOf(
  { rows, bytes }: Rows,
  each: boolean,
  row: number,
): Access | undefined {
  if (rows === 1) return each ? "each" : "one";
  if (row === 0) return each ? "column" : "one";
  if (each) return row === bytes ? "each" : undefined;
  return row === 4 ? "row" : undefined;
}
