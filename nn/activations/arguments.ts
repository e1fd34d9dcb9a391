/**
 * The arguments of activations: their types, and the rules that they keep to.
 *
 * @module
 */
import {
  boolean,
  check,
  checkNoMore,
  checkOptions,
  type OptionRules,
  refuse,
  type Rule,
} from "../../internal/check.ts";

/** Options of {@linkcode gelu}. */
export interface GeluOptions {
  /** Whether to take the approximation by tanh, as GPT-2 does. Default: false. */
  readonly approximate?: boolean;
}

/** Options of {@linkcode hardtanh}. */
export interface HardtanhOptions {
  /** The lower bound. Default: -1. */
  readonly min?: number;
  /** The upper bound. Default: 1. */
  readonly max?: number;
}

const GELU: OptionRules<GeluOptions> = { approximate: boolean };
const HARDTANH: OptionRules<HardtanhOptions> = {
  min: "a number",
  max: "a number",
};

/** For each activation that takes more than `x`, the rules of what follows it. */
const ARGUMENTS = {
  leakyRelu: { slope: "a number" },
  elu: { alpha: "a number" },
  celu: { alpha: "a number" },
  gelu: { options: GELU },
  squareplus: { b: "a number" },
  hardtanh: { options: HARDTANH },
  hardshrink: { lambda: "a number" },
  softshrink: { lambda: "a number" },
  threshold: { limit: "a number", value: "a number" },
  softmax: { axis: "an integer" },
  softmin: { axis: "an integer" },
  logSoftmax: { axis: "an integer" },
  glu: { axis: "an integer" },
} satisfies Record<string, Record<string, Rule | OptionRules<object>>>;

/** The name of an activation that takes more than `x`. */
export type WithArguments = keyof typeof ARGUMENTS;

/**
 * Throws unless `args` are what an activation takes after `x`: nothing, if it has no
 * rules.
 */
export function checkArguments(
  name: WithArguments | undefined,
  args: readonly unknown[],
  action = `apply ${name}`,
): void {
  const rules: [string, Rule | OptionRules<object>][] = Object.entries(
    name ? ARGUMENTS[name] : {},
  );
  checkNoMore(action, args.slice(rules.length));
  for (const [i, value] of args.entries()) {
    const [argument, rule] = rules[i]!;
    if (value === undefined) continue;
    if (typeof rule === "object") checkOptions(action, value as object, rule);
    else check(action, argument, value, rule);
  }
  if (name === "hardtanh") checkBounds(action, args[0] as HardtanhOptions);
}

function checkBounds(
  action: string,
  { min = -1, max = 1 }: HardtanhOptions = {},
) {
  if (min < max) return;
  refuse(action, "min", `below max, ${max}`, min);
}
