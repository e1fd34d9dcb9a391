/**
 * What options of optimizers and transformations have to be.
 *
 * @module
 */
import { show } from "./schedulers/checks.ts";
import { LRScheduler } from "./schedulers/scheduler.ts";

const NONNEGATIVE = (x: number) => Number.isFinite(x) && x >= 0;
const POSITIVE = (x: number) => x > 0 && Number.isFinite(x);
const DECAY = (x: number) => x >= 0 && x < 1;

/** What a number has to be, in the words of the error. */
const NUMBERS = {
  "nonnegative and finite": NONNEGATIVE,
  "positive and finite": POSITIVE,
  "in [0, 1)": DECAY,
  "in [0, 1]": (x: number) => x >= 0 && x <= 1,
  "in (0, 1)": (x: number) => x > 0 && x < 1,
  "greater than 1": (x: number) => x > 1 && Number.isFinite(x),
  "a positive integer": (x: number) => Number.isSafeInteger(x) && x > 0,
  "finite and not 0": (x: number) => Number.isFinite(x) && x !== 0,
} satisfies Record<string, (x: number) => boolean>;

type NumberRule = keyof typeof NUMBERS;

/** What an option has to be: a number, a pair of numbers, or of some type. */
type OptionRule =
  | { readonly number: NumberRule; readonly orNull?: true }
  | { readonly pair: readonly [NumberRule, NumberRule] }
  | { readonly type: "boolean" }
  | { readonly oneOf: readonly string[] }
  | { readonly is: string; readonly test: (x: unknown) => boolean };

const decay: OptionRule = { number: "in [0, 1)" };
const nonnegative: OptionRule = { number: "nonnegative and finite" };

/** Every option there is: the same name means the same everywhere. */
const OPTIONS: Readonly<Record<string, OptionRule>> = {
  alpha: { number: "in [0, 1]" },
  amsgrad: { type: "boolean" },
  beta1: { number: "in [0, 1)", orNull: true },
  betas: { pair: ["in [0, 1)", "in [0, 1)"] },
  centered: { type: "boolean" },
  clipThreshold: { number: "positive and finite", orNull: true },
  decay,
  decayMask: {
    is: "a regular expression or a function",
    test: (x) => x instanceof RegExp || typeof x === "function",
  },
  decayRate: { number: "finite and not 0" },
  eps: nonnegative,
  epsPair: { pair: ["nonnegative and finite", "nonnegative and finite"] },
  etas: { pair: ["in (0, 1)", "greater than 1"] },
  factored: { type: "boolean" },
  gradClipNorm: { number: "positive and finite", orNull: true },
  gradClipValue: { number: "positive and finite", orNull: true },
  initialAccumulatorValue: nonnegative,
  lr: {
    is: "a number, a scheduler or a function",
    test: (x) =>
      x === null || typeof x === "function" || x instanceof LRScheduler,
  },
  lrDecay: nonnegative,
  memorySize: { number: "a positive integer" },
  minDimSizeToFactor: { number: "a positive integer" },
  momentum: nonnegative,
  momentumDecay: nonnegative,
  nesterov: { type: "boolean" },
  rho: decay,
  scaleInitPrecond: { type: "boolean" },
  stepSizes: { pair: ["positive and finite", "positive and finite"] },
  syncPeriod: { number: "a positive integer" },
  trustCoefficient: { number: "positive and finite" },
  trustMask: {
    is: "a regular expression or a function",
    test: (x) => x instanceof RegExp || typeof x === "function",
  },
  variant: { oneOf: ["optax", "torch"] },
  weightDecay: nonnegative,
};

/**
 * Throw unless each option of `options` is one there is, and right.
 *
 * `tx`, `linesearch` and `baseOptimizer` are checked by who takes them.
 */
export function checkOptions(name: string, options: object): void {
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined) checkOption(name, option, value);
  }
}

/** Checked by who takes them. */
const OBJECTS = new Set(["tx", "linesearch", "baseOptimizer"]);

/** Whose `eps` is two numbers. */
const PAIRED = new Set(["Adafactor", "scaleByFactoredRms"]);

function checkOption(name: string, option: string, value: unknown): void {
  if (OBJECTS.has(option)) return;
  const isPair = option === "eps" && PAIRED.has(name);
  const rule = OPTIONS[isPair ? "epsPair" : option];
  if (!rule) {
    throw new TypeError(
      `Cannot create ${name}: there is no option ${show(option)}`,
    );
  }
  if (option === "lr" && typeof value === "number") {
    checkNumber(name, option, value, "nonnegative and finite");
  } else if ("number" in rule) {
    if (value === null && rule.orNull) return;
    checkNumber(name, option, value, rule.number);
  } else if ("pair" in rule) {
    if (!Array.isArray(value) || value.length !== 2) {
      refuse(TypeError, name, option, "a pair of numbers", value);
    }
    rule.pair.forEach((number, i) =>
      checkNumber(name, `${option}[${i}]`, value[i], number)
    );
  } else if ("type" in rule) {
    if (typeof value !== "boolean") {
      refuse(TypeError, name, option, "true or false", value);
    }
  } else if ("oneOf" in rule) {
    const names = rule.oneOf.map(show).join(" or ");
    if (!rule.oneOf.some((x) => x === value)) {
      refuse(RangeError, name, option, names, value);
    }
  } else if (!rule.test(value)) refuse(TypeError, name, option, rule.is, value);
}

function checkNumber(
  name: string,
  option: string,
  value: unknown,
  rule: NumberRule,
): void {
  if (typeof value !== "number") {
    refuse(TypeError, name, option, `a number that is ${rule}`, value);
  }
  if (!NUMBERS[rule](value)) refuse(RangeError, name, option, rule, value);
}

/** Throw `Cannot create AdamW: eps must be ...: current value is ...`. */
export function refuse(
  ErrorClass: typeof TypeError | typeof RangeError,
  name: string,
  option: string,
  rule: string,
  value: unknown,
): never {
  throw new ErrorClass(
    `Cannot create ${name}: ${option} must be ${rule}: current value is ${
      show(value)
    }`,
  );
}
