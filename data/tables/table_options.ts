/**
 * Options of table encoders.
 *
 * @module
 */
import {
  boolean,
  either,
  listOf,
  nonemptyListOf,
  oneOf,
  type OptionRules,
  recordOf,
  refuse,
  string,
} from "../../internal/check.ts";
import { own } from "../../internal/own.ts";
import { columnIndices, type CsvTable, repeated } from "../csv.ts";
import type { CategoryCode } from "./column_code.ts";

/**
 * What to do where a field is missing: `"throw"`, `"drop"` the row, or take
 * something instead: the `"mean"` of the column, a number, or for a column of
 * categories a category.
 */
export type MissingRule = "throw" | "drop" | "mean" | number | string;

/** Options of {@linkcode TableEncoder.fit}. */
export interface TableEncoderOptions {
  /** The columns that a model is given. Default: all but the target. */
  readonly inputs?: readonly string[];
  /** The column that a model predicts. Default: none. */
  readonly target?: string;
  /**
   * The columns of categories: `"oneHot"`, a 1 among zeros, or `"index"`, counted
   * from 0. All others must be numbers. A target can be `"index"` only.
   */
  readonly categories?: Readonly<Record<string, CategoryCode["kind"]>>;
  /**
   * The columns of numbers to bring to mean 0 and standard deviation 1; `true` for
   * all inputs that are numbers. Default: none.
   */
  readonly standardize?: boolean | readonly string[];
  /**
   * What to do where a field is missing, for all columns or for each by name. A
   * rule for all leaves out columns that it does not suit (a mean of categories) and
   * the target, except for `"drop"`; those throw. Default: `"throw"`.
   */
  readonly onMissing?: MissingRule | Readonly<Record<string, MissingRule>>;
  /**
   * The fields that count as missing, without the space around them. Default: the
   * empty one, `NA`, `N/A`, `NaN`, `nan`, `null`.
   */
  readonly missing?: readonly string[];
}

const MISSING_RULE = either("a finite number", string);
/** The rules of {@linkcode TableEncoderOptions}. */
export const TABLE_RULES: OptionRules<TableEncoderOptions> = {
  inputs: nonemptyListOf(string),
  target: string,
  categories: recordOf(oneOf("oneHot", "index")),
  standardize: either(boolean, listOf(string)),
  onMissing: either(MISSING_RULE, recordOf(MISSING_RULE)),
  missing: listOf(string),
};

/** The action in errors. */
export const FIT = "fit a TableEncoder";

/** Throw unless all options name columns that they suit. */
export function checkNames(
  table: CsvTable,
  names: readonly string[],
  { categories = {}, standardize, onMissing, target }: TableEncoderOptions,
): void {
  columnIndices(FIT, table, names);
  const twice = repeated(names);
  if (twice !== undefined) {
    refuse(FIT, "each column", "an input or the target, once", twice);
  }
  const used = new Set(names);
  const rules = typeof onMissing === "object" ? onMissing : {};
  const scaled = typeof standardize === "object" ? standardize : [];
  for (
    const [option, given] of [
      ["categories", Object.keys(categories)],
      ["onMissing", Object.keys(rules)],
      ["standardize", scaled],
    ] as const
  ) {
    const other = given.find((name) => !used.has(name));
    if (other === undefined) continue;
    refuse(FIT, `the names in ${option}`, "those of inputs or target", other);
  }
  const category = scaled.find((name) => own(categories, name));
  if (category !== undefined) {
    refuse(FIT, "standardize", "of columns of numbers", category);
  }
  if (target !== undefined && own(categories, target) === "oneHot") {
    refuse(FIT, `categories.${target}`, `"index" for the target`, "oneHot");
  }
  for (const [name, rule] of Object.entries(rules)) {
    const isCategory = own(categories, name) !== undefined;
    if (suits(rule, isCategory)) continue;
    const is = isCategory
      ? `"throw", "drop" or a category`
      : `"throw", "drop", "mean" or a number`;
    refuse(FIT, `onMissing.${name}`, is, rule);
  }
}

/** Whether a rule can be that of a column of categories, or of numbers. */
function suits(rule: MissingRule, isCategory: boolean): boolean {
  if (rule === "throw" || rule === "drop") return true;
  if (isCategory) return typeof rule === "string" && rule !== "mean";
  return typeof rule === "number" || rule === "mean";
}

/** What to do where a field of column `name` is missing. */
export function missingRule(
  name: string,
  { onMissing = "throw", categories = {}, target }: TableEncoderOptions,
): MissingRule {
  if (typeof onMissing === "object") return own(onMissing, name) ?? "throw";
  if (name === target && onMissing !== "drop") return "throw";
  const isCategory = own(categories, name) !== undefined;
  return suits(onMissing, isCategory) ? onMissing : "throw";
}
