/**
 * Tables of comma-separated values (RFC 4180).
 *
 * @module
 */
import {
  anything,
  boolean,
  check,
  checkObject,
  checkOptions,
  hint,
  listOf,
  type OptionRules,
  refuse,
  rule,
  string,
} from "../internal/check.ts";
import { type Column, column, fromNumbers } from "./column.ts";
import { READ_RULES, type ReadOptions, readText } from "./files.ts";

/** Options of {@linkcode parseCsv} and {@linkcode readCsv}. */
export interface CsvOptions {
  /** The character between two fields. @default {","} */
  readonly separator?: string;
  /** Whether the first row names the columns. @default {true} */
  readonly header?: boolean;
  /** How many lines before the table, such as comments, to skip. @default {0} */
  readonly skipLines?: number;
}

const RULES: OptionRules<CsvOptions> = {
  separator: rule(
    "one character other than a quote",
    (x) => typeof x === "string" && x.length === 1 && x !== '"',
    RangeError,
  ),
  header: boolean,
  skipLines: "a nonnegative integer",
};

/** A table of text. */
export interface CsvTable {
  /** The names of the columns; `"0"`, `"1"`, ... without a header. */
  readonly columns: readonly string[];
  /** The fields, row by row. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Read a table from text. Quoted fields may hold separators, line breaks and
 * doubled quotes; empty lines are skipped.
 *
 * @example Usage
 * ```ts
 * import { train } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const table = train.parseCsv('x,y\n1,2\n3,"4"\n');
 * const points = train.csvNumbers(table, ["y", "x"]);
 * assertEquals([...points.data], [2, 1, 4, 3]);
 * assertEquals(points.shape, [2]); // of one row
 * ```
 *
 * @param text The text.
 * @param options See {@linkcode CsvOptions}.
 * @returns The table.
 * @throws {RangeError} If a quote is not closed, a row has another number of
 *   fields than the first, or two columns have one name.
 */
export function parseCsv(
  text: string,
  options: CsvOptions = {},
): CsvTable {
  checkOptions("parse CSV", options, RULES);
  const { separator = ",", header = true, skipLines = 0 } = options;
  const rows = splitRows(text, separator, skipLines);
  const width = rows[0]?.fields.length ?? 0;
  for (const { fields, line } of rows) {
    if (fields.length === width) continue;
    throw new RangeError(
      `Cannot parse CSV: each row must have as many fields as the first, ${width}, with ${
        JSON.stringify(separator)
      } between them (see the option separator): the one in line ${line} has ${fields.length}`,
    );
  }
  const fields = rows.map((row) => row.fields);
  const columns = header
    ? fields.shift() ?? []
    : Array.from({ length: width }, (_, i) => String(i));
  const twice = repeated(columns);
  if (twice !== undefined) {
    throw new RangeError(
      `Cannot parse CSV: each column must have a name of its own: current header names ${
        JSON.stringify(twice)
      } twice`,
    );
  }
  return { columns, rows: fields };
}

/**
 * Read a table from a file, plain or gzip.
 *
 * @param path The file.
 * @param options See {@linkcode CsvOptions} and {@linkcode ReadOptions}.
 * @returns The table.
 * @throws {RangeError} If there is no such file, or {@linkcode parseCsv} would
 *   throw.
 */
export async function readCsv(
  path: string | URL,
  options: CsvOptions & ReadOptions = {},
): Promise<CsvTable> {
  checkOptions("parse CSV", options, { ...RULES, ...READ_RULES });
  const { maxBytes, ...csvOptions } = options;
  return parseCsv(await readText(path, { maxBytes }), csvOptions);
}

/**
 * Columns of a table as numbers, rounded to float32. If all of them are integers and
 * float32 cannot represent one, they are int32.
 *
 * @param table The table.
 * @param names The columns, in the order wanted. Default: all.
 * @returns One example of shape `[names.length]` for each row.
 * @throws {RangeError} If there is no such column, a field is not a number or is out of
 *   range, or an integer can be represented neither way.
 * @throws {TypeError} If `table` is no table of text.
 */
export function csvNumbers(
  table: CsvTable,
  names?: readonly string[],
): Column<readonly [number]> {
  checkTable("read a column", table);
  const wanted = names ?? table.columns;
  const indices = columnIndices("read a column", table, wanted);
  const data = new Float64Array(table.rows.length * indices.length);
  let at = 0;
  let isExact = true;
  table.rows.forEach((row, r) => {
    for (const index of indices) {
      const field = row[index]!.trim();
      const value = Number(field);
      if (field === "" || Number.isNaN(value)) {
        throw new RangeError(
          `Cannot read column ${
            JSON.stringify(table.columns[index])
          }: each field must be a number: row ${r + 1} has ${
            JSON.stringify(row[index])
          }`,
        );
      }
      const rounded = Math.fround(value);
      isExact &&= rounded === value || !Number.isInteger(value);
      data[at++] = value;
    }
  });
  // As numbers of a list where float32 would change an integer.
  const action = "read columns of numbers";
  return column(fromNumbers(action, data, isExact), [indices.length]);
}

/** The first of some names that is there twice. */
export function repeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

/** Throw unless `table` has a text in each column of each row. */
export function checkTable(action: string, table: CsvTable): void {
  checkObject(action, table, "the table");
  const { columns, rows } = table;
  check(action, "table.columns", columns, listOf(string));
  check(action, "table.rows", rows, listOf(anything));
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.length === columns.length &&
    row.every((field) => typeof field === "string");
  const wrong = rows.findIndex((row) => !isRow(row));
  if (wrong < 0) return;
  const is = `a list of ${columns.length} strings, one for each column`;
  refuse(action, `table.rows[${wrong}]`, is, rows[wrong], TypeError);
}

/** Where the columns of these names are. */
export function columnIndices(
  action: string,
  table: CsvTable,
  names: readonly string[],
): number[] {
  const indexOf = new Map(table.columns.map((name, i) => [name, i]));
  return names.map((name) => {
    const index = indexOf.get(name);
    if (index !== undefined) return index;
    throw new RangeError(
      `Cannot ${action}: the table must have the column ${
        JSON.stringify(name)
      }: ${hint(name, table.columns)}`,
    );
  });
}

interface Row {
  readonly fields: string[];
  /** The line it starts in, counted from 1. */
  readonly line: number;
}

/** The index in `text` after its first `count` lines. */
function afterLines(text: string, count: number): number {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let i = 0; i < count; i++) {
    at = text.indexOf("\n", at) + 1;
    if (at > 0) continue;
    throw new RangeError(
      `Cannot parse CSV: skipLines must be less than the number of lines, ${
        i + 1
      }: current value is ${count}`,
    );
  }
  return at;
}

function splitRows(text: string, separator: string, skipLines: number): Row[] {
  const rows: Row[] = [];
  let fields: string[] = [];
  let field = "";
  let quoted = false; // whether the field began with a quote
  let line = skipLines + 1;
  let start = line;
  const endRow = () => {
    if (fields.length > 0 || field !== "" || quoted) {
      rows.push({ fields: [...fields, field], line: start });
    }
    fields = [];
    field = "";
    quoted = false;
  };
  for (let i = afterLines(text, skipLines); i < text.length; i++) {
    const c = text[i]!;
    if (c === '"' && field === "" && !quoted) {
      quoted = true;
      const opened = line;
      for (i++;; i++) {
        if (i >= text.length) {
          throw new RangeError(
            `Cannot parse CSV: each quote must be closed: the one in line ${opened} is not`,
          );
        }
        if (text[i] === "\n") line++;
        if (text[i] !== '"') field += text[i];
        else if (text[i + 1] === '"') field += text[i++];
        else break;
      }
    } else if (c === separator) {
      fields.push(field);
      field = "";
      quoted = false;
    } else if (c === "\n") {
      endRow();
      start = ++line;
    } else if (c !== "\r" || text[i + 1] !== "\n") {
      field += c;
    }
  }
  endRow();
  return rows;
}
