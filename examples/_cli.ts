/**
 * Command-line options of the examples.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { CheckpointError } from "@braintape/braintape";

/** One option; its type is that of its default. */
export interface Option {
  /** The default. */
  readonly default: string | number | boolean;
  /** The text of the help. */
  readonly help: string;
  /** The allowed values. Default: all. */
  readonly choices?: readonly string[];
  /** The smallest allowed number. Default: 0. */
  readonly min?: number;
}

type Widen<T> = T extends string ? string : T extends number ? number : boolean;

/** The values of options, by name. */
export type Values<Spec extends Readonly<Record<string, Option>>> = {
  readonly [Name in keyof Spec]: Widen<Spec[Name]["default"]>;
};

/**
 * Read the options of a program. `--help` prints them and ends it.
 *
 * @param about What the program does.
 * @param spec The options, by name; `dataDir` is written `--data-dir`.
 * @param args The arguments. Default: the command line.
 * @throws {RangeError} For an unknown option, or a value that is not allowed.
 */
export function parseOptions<
  const Spec extends Readonly<Record<string, Option>>,
>(about: string, spec: Spec, args: string[] = Deno.args): Values<Spec> {
  const names = Object.keys(spec);
  const given = readArgs(names, spec, args);
  if (given["help"] === true) {
    console.log(helpText(about, spec));
    Deno.exit(0);
  }
  const values: Record<string, string | number | boolean> = {};
  for (const name of names) {
    const value = given[flagOf(name)];
    values[name] = value === undefined
      ? spec[name]!.default
      : convert(`--${flagOf(name)}`, value, spec[name]!);
  }
  return values as Values<Spec>;
}

/**
 * Run a program. If an option or a file is wrong, end it with a message instead of a
 * stack trace.
 */
export async function main(program: () => Promise<void>): Promise<void> {
  try {
    await program();
  } catch (error) {
    const isExpected = error instanceof RangeError ||
      error instanceof CheckpointError ||
      error instanceof Deno.errors.NotCapable ||
      error instanceof Deno.errors.PermissionDenied;
    if (!isExpected) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}

function readArgs(
  names: readonly string[],
  spec: Readonly<Record<string, Option>>,
  args: string[],
): Record<string, string | boolean | undefined> {
  const options: Record<string, { type: "string" | "boolean" }> = {
    help: { type: "boolean" },
  };
  for (const name of names) {
    const isFlag = typeof spec[name]!.default === "boolean";
    options[flagOf(name)] = { type: isFlag ? "boolean" : "string" };
  }
  try {
    const { values } = parseArgs({ args, options, strict: true });
    return values as Record<string, string | boolean | undefined>;
  } catch (error) {
    const [first] = (error as Error).message.split(/\. |\.?\n/);
    throw new RangeError(`${first} (--help lists the options)`);
  }
}

function convert(
  flag: string,
  value: string | boolean,
  { default: initial, choices, min = 0 }: Option,
): string | number | boolean {
  if (choices && !choices.includes(String(value))) {
    throw new RangeError(
      `Cannot use ${flag}: it must be one of ${
        choices.join(", ")
      }: current value is ${value}`,
    );
  }
  if (typeof initial !== "number") return value;
  const number = Number(value);
  if (value === "" || !(number >= min)) {
    throw new RangeError(
      `Cannot use ${flag}: it must be a number of at least ${min}: current value is ${
        JSON.stringify(value)
      }`,
    );
  }
  return number;
}

function helpText(
  about: string,
  spec: Readonly<Record<string, Option>>,
): string {
  const lines = Object.entries(spec).map(([name, option]) => {
    const { default: initial, help, choices } = option;
    const argument = typeof initial === "boolean"
      ? ""
      : typeof initial === "number"
      ? " N"
      : " TEXT";
    const rest = [
      help,
      choices ? `: ${choices.join(", ")}` : "",
      initial === "" || initial === false ? "" : ` (default ${initial})`,
    ];
    return `  --${(flagOf(name) + argument).padEnd(18)} ${rest.join("")}`;
  });
  return `${about}\n\n${lines.join("\n")}\n  --help`;
}

function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
