/**
 * What a setting of a scheduler has to be, said in the words of the error.
 *
 * @module
 */

const RULES = {
  "a finite number": Number.isFinite,
  "a nonnegative finite number": (x: number) => Number.isFinite(x) && x >= 0,
  "a positive finite number": (x: number) => Number.isFinite(x) && x > 0,
  "a nonnegative integer": (x: number) => Number.isSafeInteger(x) && x >= 0,
  "a positive integer": (x: number) => Number.isSafeInteger(x) && x > 0,
  "in (0, 1)": (x: number) => x > 0 && x < 1,
  "in [0, 1)": (x: number) => x >= 0 && x < 1,
} satisfies Record<string, (x: number) => boolean>;

/** What a number has to be. */
export type Rule = keyof typeof RULES;

/** Throw unless `value` is a number that keeps to `rule`. */
export function checkNumber(
  action: string,
  name: string,
  value: unknown,
  rule: Rule,
): asserts value is number {
  if (typeof value !== "number") {
    throw new TypeError(
      `Cannot ${action}: ${name} must be ${rule}: current value is ${
        show(value)
      }`,
    );
  }
  if (!RULES[rule](value)) {
    throw new RangeError(
      `Cannot ${action}: ${name} must be ${rule}: current value is ${value}`,
    );
  }
}

/** Throw unless `value` is a list of numbers that each keep to `rule`. */
export function checkNumbers(
  action: string,
  name: string,
  value: unknown,
  rule: Rule,
): asserts value is readonly number[] {
  if (!Array.isArray(value)) {
    throw new TypeError(
      `Cannot ${action}: ${name} must be a list of numbers: current value is ${
        show(value)
      }`,
    );
  }
  for (const [i, item] of value.entries()) {
    checkNumber(action, `${name}[${i}]`, item, rule);
  }
}

/** The list that `value`, one rate or a list of them, stands for. */
export function rates(action: string, name: string, value: unknown): number[] {
  const rule = "a nonnegative finite number";
  if (!Array.isArray(value)) {
    checkNumber(action, name, value, rule);
    return [value];
  }
  checkNumbers(action, name, value, rule);
  if (value.length === 0) {
    throw new RangeError(
      `Cannot ${action}: ${name} must have at least one rate: current value is []`,
    );
  }
  return [...value];
}

/** Throw unless `values` rises, strictly or (`repeats`) not. */
export function checkRising(
  action: string,
  name: string,
  values: readonly number[],
  { repeats = false }: { repeats?: boolean } = {},
): void {
  for (let i = 1; i < values.length; i++) {
    const [before, value] = [values[i - 1]!, values[i]!];
    if (repeats ? before <= value : before < value) continue;
    throw new RangeError(
      `Cannot ${action}: ${name} must be ${
        repeats ? "sorted" : "sorted, each once"
      }: current value is ${show(values)}`,
    );
  }
}

/** Throw unless `value` is one of `options`. */
export function checkOneOf(
  action: string,
  name: string,
  value: unknown,
  options: readonly string[],
): void {
  if ((options as readonly unknown[]).includes(value)) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must be one of ${
      options.map((option) => `"${option}"`).join(", ")
    }: current value is ${show(value)}`,
  );
}

/** Throw unless `list` has `length` items; `rule` says why. */
export function checkLength(
  action: string,
  name: string,
  list: readonly unknown[],
  length: number,
  rule: string,
): void {
  if (list.length === length) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must have ${rule} (${length}): current length is ${list.length}`,
  );
}

/** Throw unless `value` is a function. */
export function checkFunction(
  action: string,
  name: string,
  value: unknown,
): void {
  if (typeof value === "function") return;
  throw new TypeError(
    `Cannot ${action}: ${name} must be a function: current value is ${
      show(value)
    }`,
  );
}

/** `value` as an error shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `an instance of ${value.constructor?.name ?? "an object"}`;
  }
  return typeof value === "function" ? "a function" : String(value);
}
