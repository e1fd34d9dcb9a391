/**
 * Checks of what callers give. Internal.
 *
 * Every error of the library that refuses an argument is made here, so that all of
 * them name the action, the rule and the value:
 * `Cannot create AdamW: betas[0] must be in [0, 1): current value is 1.2`.
 *
 * @module
 */
import { nearest } from "./nearest.ts";
import { faultOf, type OptionRules, type Rule, show } from "./rules.ts";

export * from "./rules.ts";

/**
 * Throw unless `value` keeps to `by`.
 *
 * @param action What cannot be done, as in `"create AdamW"`.
 * @param name The value as its caller wrote it, as in `"betas"`.
 */
export function check(
  action: string,
  name: string,
  value: unknown,
  by: Rule,
): void {
  const fault = faultOf(by, value);
  if (fault) {
    refuse(action, `${name}${fault.at}`, fault.rule, fault.value, fault.error);
  }
}

/**
 * Throw unless each of `options` is one that `rules` has, and keeps to its rule.
 * An option that is undefined counts as left out.
 *
 * @param prefix What to write before the names of options that are part of
 *   another option, as in `"checkpoint."`.
 */
export function checkOptions<O extends object>(
  action: string,
  options: O,
  rules: OptionRules<O>,
  prefix = "",
): void {
  checkObject(action, options, prefix.slice(0, -1) || "the options");
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw new TypeError(
        `Cannot ${action}: there is no option "${prefix}${name}": ${
          hint(name, Object.keys(rules), prefix)
        }`,
      );
    }
    if (value !== undefined) {
      check(action, prefix + name, value, rules[name as keyof O]);
    }
  }
}

/** The one of `names` that was meant by `name`, or all of them. */
export function hint(
  name: string,
  names: readonly string[],
  prefix = "",
): string {
  if (names.length === 0) return "it takes none";
  const meant = nearest(name, names);
  if (meant !== undefined) return `did you mean "${prefix}${meant}"?`;
  return `there ${names.length === 1 ? "is" : "are"} ${
    names.map((other) => `"${prefix}${other}"`).join(", ")
  }`;
}

/** Throw unless `options` is an object, which no list is. */
export function checkObject(
  action: string,
  options: unknown,
  name = "the options",
): void {
  if (
    typeof options !== "object" || options === null || Array.isArray(options)
  ) {
    refuse(action, name, "an object", options, TypeError);
  }
}

/** The options that `rules` has: what one function hands on to another. */
export function pick<O extends object>(
  options: NoInfer<O>,
  rules: OptionRules<O>,
): O {
  const entries = Object.entries(options);
  return Object.fromEntries(
    entries.filter(([name]) => Object.hasOwn(rules, name)),
  ) as O;
}

/**
 * Throw if there are arguments that nobody takes; an object without options is none.
 */
export function checkNoMore(action: string, args: readonly unknown[]): void {
  const given = args.filter((x) =>
    x !== undefined &&
    !(typeof x === "object" && x !== null && Object.keys(x).length === 0)
  );
  if (given.length === 0) return;
  throw new TypeError(
    `Cannot ${action}: it takes no further arguments: current values are ${
      given.map(show).join(", ")
    }`,
  );
}

/** Throw `Cannot ${action}: ${name} must be ${rule}: current value is ${value}`. */
export function refuse(
  action: string,
  name: string,
  rule: string,
  value: unknown,
  ErrorClass: typeof TypeError | typeof RangeError = RangeError,
): never {
  throw new ErrorClass(
    `Cannot ${action}: ${name} must be ${rule}: current value is ${
      show(value)
    }`,
  );
}
