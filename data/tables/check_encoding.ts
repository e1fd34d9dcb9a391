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
  nonemptyListOf,
  oneOf,
  type OptionRules,
  orNull,
  refuse,
  type Rule,
  string,
} from "../../internal/check.ts";
import {
  type CategoryCode,
  type ColumnCode,
  fitsFloat32,
  type NumberCode,
  type TableEncoding,
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
  inputs: nonemptyListOf(anything),
  target: anything,
  missing: listOf(string),
};

/** `value`, if it is what `JSON.parse` gives of a saved encoder. */
export function checkEncoding(action: string, value: unknown): TableEncoding {
  checkObject(action, value, "what was saved");
  checkAll(action, value, ENCODING, "");
  const encoding = value as TableEncoding;
  encoding.inputs.forEach((code, i) =>
    checkCode(action, code, `inputs[${i}].`)
  );
  const { target } = encoding;
  if (!target) check(action, "target", target, orNull("a number"));
  else {
    checkCode(action, target, "target.");
    check(action, "target.kind", target.kind, oneOf("number", "index"));
  }
  return encoding;
}

function checkCode(action: string, code: ColumnCode, prefix: string): void {
  checkObject(action, code, prefix.slice(0, -1));
  if (code.kind === "number") {
    checkAll(action, code, NUMBER, prefix);
    const { fill } = code;
    if (fill !== null && !fitsFloat32(fill)) {
      refuse(action, `${prefix}fill`, "within the range of float32", fill);
    }
  } else {
    checkAll(action, code, CATEGORY, prefix);
    const { categories, fill } = code;
    if (new Set(categories).size < categories.length) {
      refuse(action, `${prefix}categories`, "of different ones", categories);
    }
    if (fill !== null && !categories.includes(fill)) {
      refuse(action, `${prefix}fill`, "one of its categories", fill);
    }
  }
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
