/**
 * What values must be, in the words of the errors. Internal: use it through
 * `check.ts`.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";

/** What a number must be; each key is what the error says. */
const NUMBERS = {
  "a number": () => true,
  "a positive number": (x) => x > 0,
  "a finite number": Number.isFinite,
  "a nonnegative finite number": (x) => Number.isFinite(x) && x >= 0,
  "a positive finite number": (x) => Number.isFinite(x) && x > 0,
  "a finite number other than 0": (x) => Number.isFinite(x) && x !== 0,
  "a finite number greater than 1": (x) => Number.isFinite(x) && x > 1,
  "an integer": Number.isSafeInteger,
  "a nonnegative integer": (x) => Number.isSafeInteger(x) && x >= 0,
  "a positive integer": (x) => Number.isSafeInteger(x) && x > 0,
  "in [0, 1]": (x) => x >= 0 && x <= 1,
  "in [0, 1)": (x) => x >= 0 && x < 1,
  "in (0, 1]": (x) => x > 0 && x <= 1,
  "in (0, 1)": (x) => x > 0 && x < 1,
} satisfies Record<string, (x: number) => boolean>;

/** The name of a rule about numbers. */
export type NumberRule = keyof typeof NUMBERS;

/** What is wrong with a value. */
export interface Fault {
  /** Where in the value: `"[0]"`, or `""` for all of it. */
  readonly at: string;
  /** What it must be. */
  readonly rule: string;
  /** What is there. */
  readonly value: unknown;
  /** `TypeError` for the wrong kind of value, else `RangeError`. */
  readonly error: typeof TypeError | typeof RangeError;
}

/** A rule for values of a type: what is wrong with a value, if anything is. */
export type ValueRule = (value: unknown) => Fault | undefined;

/** What a value must be: the name of a rule about numbers, or any other rule. */
export type Rule = NumberRule | ValueRule;

/** A rule for each option of `O`; one that is missing does not compile. */
export type OptionRules<O> = { readonly [K in keyof O]-?: Rule };

/** The rule that `test` holds; `is` says it in the error, after "must be". */
export function rule(
  is: string,
  test: (value: unknown) => boolean,
  error: Fault["error"] = TypeError,
): ValueRule {
  return (value) =>
    test(value) ? undefined : { at: "", rule: is, value, error };
}

/** Any value: whoever uses the option checks it. */
export const anything: ValueRule = () => undefined;

/** `true` or `false`. */
export const boolean: ValueRule = rule(
  "true or false",
  (x) => typeof x === "boolean",
);

/** A function. */
export const callable: ValueRule = rule(
  "a function",
  (x) => typeof x === "function",
);

/** A string. */
export const string: ValueRule = rule("a string", (x) => typeof x === "string");

/** A path of a file or folder: a string that is not empty, or a `file:` URL. */
export const path: ValueRule = rule(
  "a path",
  (x) => typeof x === "string" && x !== "" || x instanceof URL,
);

/** Something to loop over, with `for` or `for await`. */
export const iterable: ValueRule = rule(
  "iterable",
  (x) =>
    typeof x === "object" && x !== null &&
    (Symbol.iterator in x || Symbol.asyncIterator in x),
);

/** A tensor that can still be read. */
export const tensor: ValueRule = (value) => {
  if (!(value instanceof tf.Tensor)) {
    return { at: "", rule: "a tensor", value, error: TypeError };
  }
  if (!value.isDisposed) return undefined;
  const rule = "a tensor that has not been disposed";
  return { at: "", rule, value, error: TypeError };
};

/** One of `values`. */
export function oneOf(...values: readonly unknown[]): ValueRule {
  const is = `one of ${values.map(show).join(", ")}`;
  return rule(is, (x) => values.includes(x), RangeError);
}

/** An instance of a class; `is` says which, as in `"a scheduler"`. */
export function instanceOf(
  Class: abstract new (...args: never[]) => unknown,
  is: string,
): ValueRule {
  return rule(is, (x) => x instanceof Class);
}

/** `null`, or what `other` says. */
export function orNull(other: Rule): ValueRule {
  return (value) => value === null ? undefined : faultOf(other, value);
}

/** What one of `rules` says; the fault of the last one is told. */
export function either(...rules: readonly Rule[]): ValueRule {
  return (value) => {
    let fault: Fault | undefined;
    for (const each of rules) {
      fault = faultOf(each, value);
      if (!fault) return undefined;
    }
    return fault;
  };
}

/** A list, of which each item keeps to `item`. */
export function listOf(item: Rule): ValueRule {
  return (value) => {
    if (!Array.isArray(value)) {
      return { at: "", rule: "a list", value, error: TypeError };
    }
    for (let i = 0; i < value.length; i++) {
      const fault = faultOf(item, value[i]);
      if (fault) return within(i, fault);
    }
    return undefined;
  };
}

/** A plain record, of which each value keeps to `item`. */
export function recordOf(item: Rule): ValueRule {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return { at: "", rule: "a record", value, error: TypeError };
    }
    for (const [name, x] of Object.entries(value)) {
      const fault = faultOf(item, x);
      if (fault) return { ...fault, at: `.${name}${fault.at}` };
    }
    return undefined;
  };
}

/** A list of two: `pair("in [0, 1)", "in [0, 1)")`. */
export function pair(first: Rule, second: Rule): ValueRule {
  return tuple("a pair", [first, second]);
}

/** A list of three. */
export function triple(first: Rule, second: Rule, third: Rule): ValueRule {
  return tuple("a list of three", [first, second, third]);
}

/** A list with an item for each of `items`; `is` says it in the error. */
function tuple(is: string, items: readonly Rule[]): ValueRule {
  return (value) => {
    if (!Array.isArray(value) || value.length !== items.length) {
      return { at: "", rule: is, value, error: TypeError };
    }
    for (const [i, item] of items.entries()) {
      const fault = faultOf(item, value[i]);
      if (fault) return within(i, fault);
    }
    return undefined;
  };
}

/** One value that keeps to `item`, or a list of at least one of them. */
export function oneOrMore(item: Rule): ValueRule {
  const list = nonemptyListOf(item);
  return (value) => Array.isArray(value) ? list(value) : faultOf(item, value);
}

/** A list of at least one item, of which each keeps to `item`. */
export function nonemptyListOf(item: Rule): ValueRule {
  return (value) =>
    Array.isArray(value) && value.length === 0
      ? { at: "", rule: "a nonempty list", value, error: RangeError }
      : listOf(item)(value);
}

/** A list of numbers, none of which is less than the one before it. */
export function sortedListOf(item: NumberRule): ValueRule {
  return ordered(item, "sorted", (before, x) => before <= x);
}

/** A list of numbers, each of which is greater than the one before it. */
export function increasingListOf(item: NumberRule): ValueRule {
  return ordered(item, "strictly increasing", (before, x) => before < x);
}

function ordered(
  item: NumberRule,
  is: string,
  inOrder: (before: number, x: number) => boolean,
): ValueRule {
  return (value) => {
    const fault = listOf(item)(value);
    if (fault) return fault;
    const holds = (value as number[]).every((x, i, all) =>
      i === 0 || inOrder(all[i - 1]!, x)
    );
    return holds ? undefined : { at: "", rule: is, value, error: RangeError };
  };
}

/** The fault of an item, as one of its list. */
function within(i: number, fault: Fault): Fault {
  return { ...fault, at: `[${i}]${fault.at}` };
}

/** What `by` finds wrong with `value`, for rules that are made of others. */
export function faultOf(by: Rule, value: unknown): Fault | undefined {
  if (typeof by === "function") return by(value);
  if (typeof value !== "number") {
    return { at: "", rule: by, value, error: TypeError };
  }
  const holds: (x: number) => boolean = NUMBERS[by];
  return holds(value)
    ? undefined
    : { at: "", rule: by, value, error: RangeError };
}

/** `value` as an error shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof tf.Tensor) {
    return `a tensor of ${value.dtype} with shape [${value.shape}]`;
  }
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map(show).join(", ");
    return value.length > 8 ? `[${shown}, ...]` : `[${shown}]`;
  }
  const name = value.constructor?.name;
  return name === undefined || name === "Object"
    ? "an object"
    : `an instance of ${name}`;
}
