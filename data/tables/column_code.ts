/**
 * How the fields of one column of a table become numbers.
 *
 * @module
 */
import { refuse } from "../../internal/check.ts";

/** A column of numbers: `(x - mean) / deviation`. */
export interface NumberCode {
  /** The name of the column. */
  readonly name: string;
  /** How it is encoded. */
  readonly kind: "number";
  /** What stands for a missing number; `null` if a missing one is an error. */
  readonly fill: number | null;
  /** Whether rows in which it is missing are left out. */
  readonly drop: boolean;
  /** What is subtracted; 0 if the column is not standardized. */
  readonly mean: number;
  /** What the difference is divided by; 1 if the column is not standardized. */
  readonly deviation: number;
}

/** A column of categories, each by its index or by a 1 among zeros. */
export interface CategoryCode {
  /** The name of the column. */
  readonly name: string;
  /** How it is encoded. */
  readonly kind: "index" | "oneHot";
  /** The category that stands for a missing one; `null` if that is an error. */
  readonly fill: string | null;
  /** Whether rows in which it is missing are left out. */
  readonly drop: boolean;
  /** The categories, in the order of their indices. */
  readonly categories: readonly string[];
}

/** How a column is encoded. */
export type ColumnCode = NumberCode | CategoryCode;

/** What a {@linkcode TableEncoder} is as JSON. */
export interface TableEncoding {
  /** The columns of the inputs, in their order. */
  readonly inputs: readonly ColumnCode[];
  /** The column of the target; `null` without one. */
  readonly target: ColumnCode | null;
  /** The fields that count as missing. */
  readonly missing: readonly string[];
}

/** The fields of a column that are there, `undefined` where one is missing. */
export interface Fields {
  /** The name of the column. */
  readonly name: string;
  /** The fields, without the space around them. */
  readonly values: readonly (string | undefined)[];
  /** The rows of the table that they come from, counted from 0. */
  readonly rows: ArrayLike<number>;
}

/** How many numbers an example has for a column. */
export function widthOf(code: ColumnCode): number {
  return code.kind === "oneHot" ? code.categories.length : 1;
}

/** What the numbers of a column are called. */
export function featuresOf(code: ColumnCode): string[] {
  return code.kind === "oneHot"
    ? code.categories.map((category) => `${code.name}=${category}`)
    : [code.name];
}

/** The numbers of a column, `null` where one is missing. */
function numbersOf(action: string, fields: Fields): (number | null)[] {
  return fields.values.map((field, i) => {
    if (field === undefined) return null;
    const number = Number(field);
    // Number("") is 0.
    if (field !== "" && fitsFloat32(number)) return number;
    throw wrongField(
      action,
      fields,
      i,
      "a finite number within the range of float32, or the column one of the option categories",
    );
  });
}

/** Whether a float32 holds `x`. */
export function fitsFloat32(x: number): boolean {
  return Number.isFinite(Math.fround(x));
}

function wrongField(
  action: string,
  { name, values, rows }: Fields,
  i: number,
  rule: string,
): RangeError {
  const value = values[i] === undefined ? "none" : JSON.stringify(values[i]);
  return new RangeError(
    `Cannot ${action}: each field of column ${
      JSON.stringify(name)
    } must be ${rule}: row ${rows[i]! + 1} has ${value}`,
  );
}

const PRESENT = "there (see the option onMissing)";

function checkPresent(action: string, fields: Fields): void {
  const i = fields.values.indexOf(undefined);
  if (i >= 0) throw wrongField(action, fields, i, PRESENT);
}

/**
 * The code of a column of numbers.
 *
 * @param fill What stands for a missing number; `"mean"` of those that are there.
 * @param standardize Whether to take mean and deviation of what is encoded.
 */
export function numberCode(
  action: string,
  fields: Fields,
  fill: number | "mean" | null,
  drop: boolean,
  standardize: boolean,
): NumberCode {
  const { name } = fields;
  if (typeof fill === "number" && !fitsFloat32(fill)) {
    refuse(action, "onMissing", "within the range of float32", fill);
  }
  const found = numbersOf(action, fields);
  const there = found.filter((x) => x !== null);
  if (fill === "mean" && there.length === 0) {
    throw new RangeError(
      `Cannot ${action}: column ${
        JSON.stringify(name)
      } must have a number to take the mean of: it has none`,
    );
  }
  const instead = fill === "mean" ? meanOf(there) : fill;
  const code = { name, kind: "number", fill: instead, drop } as const;
  if (instead === null) checkPresent(action, fields);
  if (!standardize) return { ...code, mean: 0, deviation: 1 };
  const numbers = found.map((x) => x ?? instead!);
  const mean = meanOf(numbers);
  const variance = meanOf(numbers.map((x) => (x - mean) ** 2));
  const deviation = Math.sqrt(variance);
  // A mean of equal numbers is rounded: what is left is no deviation.
  const isConstant = deviation <= 4 * Number.EPSILON * Math.abs(mean);
  return { ...code, mean, deviation: isConstant ? 1 : deviation };
}

/** The mean, whose error does not grow with the number of numbers. */
function meanOf(numbers: readonly number[]): number {
  const rough = sumOf(numbers, 0) / numbers.length;
  return rough + sumOf(numbers, rough) / numbers.length;
}

/** The sum of the differences of numbers from another one. */
function sumOf(numbers: readonly number[], from: number): number {
  let sum = 0;
  for (const x of numbers) sum += x - from;
  return sum;
}

/** The code of a column of categories: those that it has, sorted. */
export function categoryCode(
  action: string,
  fields: Fields,
  kind: CategoryCode["kind"],
  fill: string | null,
  drop: boolean,
): CategoryCode {
  const { name, values } = fields;
  if (fill === null) checkPresent(action, fields);
  const found = new Set(values.map((value) => value ?? fill!));
  const all = [...found];
  const areNumbers = all.every((x) => Number.isFinite(Number(x)));
  const categories = areNumbers
    ? all.sort((a, b) => Number(a) - Number(b))
    : all.sort();
  return { name, kind, fill, drop, categories };
}

/**
 * Write the numbers of a column.
 *
 * @param to The numbers of all examples.
 * @param at Where those of this column begin in the first example.
 * @param step How many numbers an example has.
 */
export function encode(
  action: string,
  code: ColumnCode,
  fields: Fields,
  to: Float32Array | Int32Array,
  at: number,
  step: number,
): void {
  if (code.fill === null) checkPresent(action, fields);
  if (code.kind === "number") {
    const { fill, mean, deviation } = code;
    numbersOf(action, fields).forEach((x, i) => {
      to[at + i * step] = ((x ?? fill!) - mean) / deviation;
    });
    return;
  }
  const { categories, fill } = code;
  const indexOf = new Map(categories.map((category, i) => [category, i]));
  fields.values.forEach((value, i) => {
    const index = indexOf.get(value ?? fill!);
    if (index === undefined) {
      const rule = `one of the ${categories.length} that it had at first (${
        some(categories)
      })`;
      throw wrongField(action, fields, i, rule);
    }
    const start = at + i * step;
    if (code.kind === "index") to[start] = index;
    else to[start + index] = 1;
  });
}

function some(categories: readonly string[]): string {
  const shown = categories.slice(0, 8).join(", ");
  return categories.length > 8 ? `${shown}, ...` : shown;
}
