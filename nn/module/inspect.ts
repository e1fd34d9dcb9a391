/**
 * Listings of parameters, modules and memory.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  type OptionRules,
  string,
} from "../../internal/check.ts";
import * as tf from "@tensorflow/tfjs-core";
import { grouped, showAs } from "../../internal/shown.ts";
import { LongTermState, ParamState } from "../../state.ts";
import { frozen } from "./freeze.ts";
import { Module } from "./module.ts";
import { checkModule } from "./module_rule.ts";
import { show } from "./size.ts";

/** Options of {@linkcode namedParameters}. */
export interface NamedParametersOptions {
  /** A prefix of all paths, followed by a dot. Default: none. */
  readonly prefix?: string;
  /** Whether to include the parameters of the modules inside. Default: true. */
  readonly recurse?: boolean;
}

/** Options of {@linkcode parameterCount}. */
export interface ParameterCountOptions {
  /** Whether to leave out frozen parameters. Default: false. */
  readonly trainable?: boolean;
}

const NAMED_RULES: OptionRules<NamedParametersOptions> = {
  prefix: string,
  recurse: boolean,
};
const COUNT_RULES: OptionRules<ParameterCountOptions> = { trainable: boolean };

/**
 * The parameters with their paths, in order of definition.
 *
 * @param module The module that contains them.
 * @param options See {@linkcode NamedParametersOptions}.
 */
export function namedParameters(
  module: Module,
  options: NamedParametersOptions = {},
): [string, ParamState][] {
  checkModule("list parameters", module);
  checkOptions("list parameters", options, NAMED_RULES);
  const { prefix = "", recurse = true } = options;
  const params = Object.entries(module.states(ParamState));
  const inner = recurse ? new Set<unknown>() : new Set(
    Object.entries(module.modules())
      .filter(([path]) => path !== "")
      .flatMap(([, child]) => Object.values(child.states(ParamState))),
  );
  return params
    .filter(([, state]) => !inner.has(state))
    .map((
      [path, state],
    ) => [prefix === "" ? path : `${prefix}.${path}`, state]);
}

/**
 * The number of elements of all parameters.
 *
 * @param module The module that contains them.
 * @param options See {@linkcode ParameterCountOptions}.
 */
export function parameterCount(
  module: Module,
  options: ParameterCountOptions = {},
): number {
  checkModule("count parameters", module);
  checkOptions("count parameters", options, COUNT_RULES);
  const { trainable = false } = options;
  let count = 0;
  for (const [path, state] of namedParameters(module)) {
    if (!(trainable && frozen(path, state))) count += state.size;
  }
  return count;
}

/**
 * A tree of the modules inside a module, with the shapes of their own states.
 *
 * @example Usage
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Dropout());
 * assertEquals(nn.describe(model).split("\n"), [
 *   "Sequential",
 *   "  layers.0: Linear, weight [2, 3], bias [3]",
 *   "  layers.1: Dropout",
 * ]);
 * ```
 *
 * @param module The module to describe.
 * @returns Lines of text.
 */
export function describe(module: Module): string {
  checkModule("describe", module);
  const modules = Object.entries(module.modules());
  const own = new Map(modules.map(([path]) => [path, [] as string[]]));
  for (const [path, state] of Object.entries(module.states())) {
    const value: unknown = state.value;
    const inside = (owner: string) =>
      owner === "" || path.startsWith(`${owner}.`);
    // A module comes before those inside it, so the last match is the innermost.
    const owner = modules.map(([path]) => path).findLast(inside) ?? "";
    const name = owner === "" ? path : path.slice(owner.length + 1);
    own.get(owner)!.push(
      value instanceof tf.Tensor ? `${name} ${show(value.shape)}` : name,
    );
  }
  return modules.map(([path, { constructor }]) => {
    const depth = path === ""
      ? 0
      : modules.filter(([outer]) =>
        outer === "" || path.startsWith(`${outer}.`)
      ).length;
    const title = path === ""
      ? constructor.name
      : `${path}: ${constructor.name}`;
    return "  ".repeat(depth) + [title, ...own.get(path)!].join(", ");
  }).join("\n");
}

/**
 * A table of the long-term states: path, class, shape, number of elements and memory.
 *
 * @example Usage
 * ```ts
 * import { nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 3), nn.relu);
 * assertEquals(nn.summary(model).split("\n"), [
 *   "path             kind        shape   numbers  memory",
 *   "layers.0.weight  ParamState  [2, 3]        6    24 B",
 *   "layers.0.bias    ParamState  [3]           3    12 B",
 *   "total                                      9    36 B",
 *   "9 parameters, 9 of them trainable",
 * ]);
 * ```
 *
 * @param module The module to describe.
 * @returns Lines of text.
 */
export function summary(module: Module): string {
  checkModule("summarize", module);
  const rows: string[][] = [["path", "kind", "shape", "numbers", "memory"]];
  let [numbers, bytes] = [0, 0];
  for (const [path, state] of Object.entries(module.states(LongTermState))) {
    const value: unknown = state.value;
    if (!(value instanceof tf.Tensor)) continue;
    const kind = state.constructor.name +
      (frozen(path, state) ? " (frozen)" : "");
    const memory = value.size * tf.util.bytesPerElement(value.dtype);
    numbers += value.size;
    bytes += memory;
    rows.push([
      path,
      kind,
      show(value.shape),
      grouped(value.size),
      inBytes(memory),
    ]);
  }
  rows.push(["total", "", "", grouped(numbers), inBytes(bytes)]);
  const all = parameterCount(module);
  const some = parameterCount(module, { trainable: true });
  return [
    ...table(rows, ["left", "left", "left", "right", "right"]),
    `${grouped(all)} parameters, ${grouped(some)} of them trainable`,
  ].join("\n");
}

function table(
  rows: readonly string[][],
  sides: readonly ("left" | "right")[],
): string[] {
  const widths = sides.map((_, i) =>
    Math.max(...rows.map((row) => row[i]!.length))
  );
  return rows.map((row) =>
    row.map((cell, i) =>
      sides[i] === "left" ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
    ).join("  ").trimEnd()
  );
}

function inBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

showAs(Module, (module) => {
  const { name } = module.constructor;
  try {
    const count = grouped(parameterCount(module));
    return `${describe(module)}\n${count} parameters`;
  } catch (error) {
    return `${name} (${error instanceof Error ? error.message : error})`;
  }
});
