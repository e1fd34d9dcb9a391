/**
 * Checks of a table encoder that was saved.
 *
 * @module
 */
import {
  anything,
  boolean,
  check,
  checkObject,
  checkOptions,
  listOf,
  oneOf,
  type OptionRules,
  orNull,
  type Rule,
  string,
} from "../../internal/check.ts";
import type {
  CategoryCode,
  ColumnCode,
  NumberCode,
  TableEncoding,
} from "./column_code.ts";

const SHARED = { name: string, drop: boolean };
const NUMBER: OptionRules<NumberCode> = {
  ...SHARED,
  kind: oneOf("number"),
  fill: orNull("a finite number"),
  mean: "a finite number",
  deviation: "a positive finite number",
};
const CATEGORY: OptionRules<CategoryCode> = {
  ...SHARED,
  kind: oneOf("index", "oneHot"),
  fill: orNull(string),
  categories: listOf(string),
};
const ENCODING: OptionRules<TableEncoding> = {
  inputs: listOf(anything),
  target: anything,
  missing: listOf(string),
};

/** `value`, if it is what `JSON.parse` gives of a saved encoder. */
export function checkEncoding(action: string, value: unknown): TableEncoding {
  checkAll(action, value, ENCODING, "");
  const encoding = value as TableEncoding;
  encoding.inputs.forEach((code, i) =>
    checkCode(action, code, `inputs[${i}].`)
  );
  if (encoding.target) checkCode(action, encoding.target, "target.");
  else check(action, "target", encoding.target, orNull("a number"));
  return encoding;
}

function checkCode(action: string, code: ColumnCode, prefix: string): void {
  checkObject(action, code, prefix.slice(0, -1));
  if (code.kind === "number") checkAll(action, code, NUMBER, prefix);
  else checkAll(action, code, CATEGORY, prefix);
}

/** Throw unless `value` has all that `rules` names, and nothing else. */
function checkAll<O extends object>(
  action: string,
  value: unknown,
  rules: OptionRules<O>,
  prefix: string,
): void {
  checkOptions(action, value as O, rules, prefix);
  for (const [name, by] of Object.entries<Rule>(rules)) {
    check(action, prefix + name, (value as Record<string, unknown>)[name], by);
  }
}
