/**
 * Tables as examples: missing fields, categories and scales.
 *
 * @module
 */
import { check, checkOptions, refuse } from "../../internal/check.ts";
import { own } from "../../internal/own.ts";
import type { Column } from "../column.ts";
import { checkTable, columnIndices, type CsvTable } from "../csv.ts";
import { Dataset } from "../dataset.ts";
import { checkEncoding } from "./check_encoding.ts";
import {
  categoryCode,
  type ColumnCode,
  encode,
  featuresOf,
  type Fields,
  numberCode,
  type TableEncoding,
  widthOf,
} from "./column_code.ts";
import {
  checkNames,
  FIT,
  missingRule,
  TABLE_RULES,
  type TableEncoderOptions,
} from "./table_options.ts";

const APPLY = "apply a TableEncoder";
/** The default of the option `missing`. */
const MISSING = ["", "NA", "N/A", "NaN", "nan", "null"];

/**
 * Turns tables of text into numbers, by what it has learnt of the first one:
 * categories, means and standard deviations are those of the table that it was
 * fitted to, also for the rows that it is given later.
 *
 * The statistics are taken of what is encoded: after missing numbers were replaced
 * and rows were left out. The deviation is that of the population, `√(Σ(x - mean)²/n)`;
 * a column of one value is divided by 1. Categories are sorted, as numbers if all
 * are.
 *
 * @example From a table to batches
 * ```ts
 * import { data, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const table = data.parseCsv("age,sex,lived\n20,f,yes\n,m,no\n40,m,yes\n");
 * const encoder = data.TableEncoder.fit(table, {
 *   target: "lived",
 *   categories: { sex: "oneHot", lived: "index" },
 *   standardize: ["age"],
 *   onMissing: "mean",
 * });
 * assertEquals(encoder.features, ["age", "sex=f", "sex=m"]);
 * for (const [x, y] of data.batches(encoder.apply(table))) {
 *   assertEquals([x.shape, y.shape], [[3, 3], [3]]);
 *   assertEquals([...await y.data()], [1, 0, 1]); // of the categories "no" and "yes"
 * }
 *
 * // Later, on rows without a target:
 * const saved = JSON.stringify(encoder);
 * const loaded = data.TableEncoder.fromJSON(JSON.parse(saved));
 * const rows = loaded.inputs(data.parseCsv("sex,age\nf,30\n"));
 * assertEquals([...rows.data], [0, 1, 0]);
 * ```
 */
export class TableEncoder {
  /** The columns of the inputs, in their order. */
  readonly columns: readonly ColumnCode[];
  /** The column of the target; `null` without one. */
  readonly target: ColumnCode | null;
  readonly #missing: ReadonlySet<string>;

  /** Use {@linkcode TableEncoder.fit} or {@linkcode TableEncoder.fromJSON}. */
  private constructor({ inputs, target, missing }: TableEncoding) {
    this.columns = inputs;
    this.target = target;
    this.#missing = new Set(missing);
  }

  /**
   * Learn categories, means and deviations from a table.
   *
   * @param table The table, as {@linkcode readCsv} returns it.
   * @param options See {@linkcode TableEncoderOptions}.
   * @throws {RangeError} If an option names no column, or one that it does not suit;
   *   if a field is not a number, or is missing against the rule; if no row is left.
   * @throws {TypeError} If `table` is no table of text.
   */
  static fit(
    table: CsvTable,
    options: TableEncoderOptions = {},
  ): TableEncoder {
    checkTable(FIT, table);
    checkOptions(FIT, options, TABLE_RULES);
    const { target } = options;
    const missing = options.missing?.map((field) => field.trim()) ?? MISSING;
    const inputs = options.inputs ??
      table.columns.filter((name) => name !== target);
    check(FIT, "inputs", inputs, TABLE_RULES.inputs);
    const names = target === undefined ? inputs : [...inputs, target];
    checkNames(table, names, options);
    const rules = names.map((name) => missingRule(name, options));
    const drops = names.filter((_, i) => rules[i] === "drop");
    const absent = new Set(missing);
    const rows = rowsWith(FIT, table, drops, absent);
    const places = columnIndices(FIT, table, names);
    const { categories = {}, standardize = false } = options;
    const scaled = new Set(typeof standardize === "boolean" ? [] : standardize);
    const codes = names.map((name, i): ColumnCode => {
      const fields = fieldsOf(table, name, places[i]!, rows, absent);
      const kind = own(categories, name);
      const drop = rules[i] === "drop";
      const fill = drop || rules[i] === "throw" ? null : rules[i]!;
      if (kind) {
        return categoryCode(FIT, fields, kind, fill as string | null, drop);
      }
      const isScaled = scaled.has(name) ||
        standardize === true && name !== target;
      const instead = fill as "mean" | number | null;
      return numberCode(FIT, fields, instead, drop, isScaled);
    });
    return new TableEncoder({
      inputs: codes.slice(0, inputs.length),
      target: codes[inputs.length] ?? null,
      missing,
    });
  }

  /**
   * The encoder that was saved as JSON.
   *
   * @param value What `JSON.parse` gives of `JSON.stringify(encoder)`.
   * @throws {TypeError} If it is something else.
   */
  static fromJSON(value: unknown): TableEncoder {
    return new TableEncoder(checkEncoding("load a TableEncoder", value));
  }

  /** What `JSON.stringify` writes. */
  toJSON(): TableEncoding {
    return {
      inputs: this.columns,
      target: this.target,
      missing: [...this.#missing],
    };
  }

  /** The name of each number of an example; `sex=female` in a one-hot column. */
  get features(): string[] {
    return this.columns.flatMap(featuresOf);
  }

  /**
   * The examples of a table: inputs, float32 of shape `[features]`, and targets,
   * float32 if they are numbers or int32 if they are categories.
   *
   * @throws {RangeError} If a field is not what it must be, if a category was not in
   *   the first table, or if there is no target.
   * @throws {TypeError} If `table` is no table of text.
   */
  apply(table: CsvTable): Dataset<[Column<readonly [number]>, Column<[]>]> {
    checkTable(APPLY, table);
    const { target } = this;
    if (!target) refuse(APPLY, "target", "one of its columns", undefined);
    const drops = [...this.columns, target].filter(({ drop }) => drop);
    const names = drops.map(({ name }) => name);
    const rows = rowsWith(APPLY, table, names, this.#missing);
    const [place] = columnIndices(APPLY, table, [target.name]);
    const fields = fieldsOf(table, target.name, place!, rows, this.#missing);
    const data = target.kind === "number"
      ? new Float32Array(rows.length)
      : new Int32Array(rows.length);
    encode(APPLY, target, fields, data, 0, 1);
    return new Dataset<[Column<readonly [number]>, Column<[]>]>([
      this.#inputs(table, rows),
      { data, shape: [] },
    ]);
  }

  /**
   * The inputs of each row of a table, which needs no target. No row is left out: a
   * field that is missing in a column with the rule `"drop"` is an error here.
   *
   * @throws {RangeError} As {@linkcode TableEncoder.apply}.
   */
  inputs(table: CsvTable): Column<readonly [number]> {
    checkTable(APPLY, table);
    return this.#inputs(table, table.rows.map((_, i) => i));
  }

  #inputs(
    table: CsvTable,
    rows: readonly number[],
  ): Column<readonly [number]> {
    const size = this.columns.reduce((sum, code) => sum + widthOf(code), 0);
    const data = new Float32Array(rows.length * size);
    const names = this.columns.map(({ name }) => name);
    const places = columnIndices(APPLY, table, names);
    let at = 0;
    for (const [i, code] of this.columns.entries()) {
      const { name } = code;
      const fields = fieldsOf(table, name, places[i]!, rows, this.#missing);
      encode(APPLY, code, fields, data, at, size);
      at += widthOf(code);
    }
    return { data, shape: [size] };
  }
}

/** The rows in which none of `names` is missing. */
function rowsWith(
  action: string,
  table: CsvTable,
  names: readonly string[],
  missing: ReadonlySet<string>,
): number[] {
  const indices = columnIndices(action, table, names);
  const rows: number[] = [];
  table.rows.forEach((row, i) => {
    if (indices.every((c) => !missing.has(row[c]!.trim()))) rows.push(i);
  });
  if (rows.length === 0) {
    throw new RangeError(
      `Cannot ${action}: there must be a row in which no field is missing: there is none among ${table.rows.length} rows`,
    );
  }
  return rows;
}

/** The fields of the column at `place`. */
function fieldsOf(
  table: CsvTable,
  name: string,
  place: number,
  rows: readonly number[],
  missing: ReadonlySet<string>,
): Fields {
  const values = rows.map((row) => {
    const field = table.rows[row]![place]!.trim();
    return missing.has(field) ? undefined : field;
  });
  return { name, values, rows };
}
