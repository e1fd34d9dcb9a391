/**
 * Differences between a file and the parts to load from it.
 *
 * @module
 */
import { boolean, oneOf, type OptionRules } from "../internal/check.ts";

/** A value whose kind, shape or dtype differs from the current one. */
export interface Mismatch {
  /** The name of the part and the path in it, such as `"model.hidden.weight"`. */
  readonly path: string;
  /** The value in the file, such as `"float32 [3, 4]"`. */
  readonly found: string;
  /** The current value. */
  readonly expected: string;
}

/** The differences between a file and the parts. */
export interface Differences {
  /** Paths of the parts that the file does not have. */
  readonly missing: string[];
  /** Paths in the file that the part of that name does not have. */
  readonly unexpected: string[];
  /** Values that do not match; they are not loaded. */
  readonly mismatched: Mismatch[];
}

/** Options of loading. */
export interface LoadOptions {
  /**
   * What to do if file and parts differ: throw before anything has changed, or keep
   * the current values, with or without a warning on the console.
   * Default: `"error"`; `"ignore"` if `strict` is false.
   */
  readonly mismatch?: "error" | "warn" | "ignore";
  /**
   * Whether a path that is only in the file or only in the parts is a difference. If
   * false, it is only reported. Default: true.
   */
  readonly strict?: boolean;
}

/** The rules of {@linkcode LoadOptions}. */
export const LOAD_RULES: OptionRules<LoadOptions> = {
  mismatch: oneOf("error", "warn", "ignore"),
  strict: boolean,
};

/** The most differences of a checkpoint that an error lists. */
const MAX_LINES = 20;

/**
 * Throw or warn if there are differences, as the options say.
 *
 * @param differences The differences.
 * @param options See {@linkcode LoadOptions}.
 * @param name The file, for errors.
 * @param maxLines The most differences to list.
 * @throws {RangeError} If there is a difference and the options do not allow it.
 */
export function report(
  { missing, unexpected, mismatched }: Differences,
  options: LoadOptions,
  name: string,
  maxLines: number = MAX_LINES,
): void {
  const { strict = true, mismatch = strict ? "error" : "ignore" } = options;
  if (mismatch === "ignore") return;
  const lines = mismatched.map(({ path, found, expected }) =>
    `${path}: ${found} in the file, ${expected} here`
  );
  if (strict) {
    for (const path of missing) lines.push(`${path}: not in the file`);
    for (const path of unexpected) lines.push(`${path}: only in the file`);
  }
  if (lines.length === 0) return;
  const more = lines.length - maxLines;
  if (more > 0) lines.splice(maxLines, more, `and ${more} more`);
  const text = lines.join("\n  ");
  if (mismatch === "error") {
    throw new RangeError(`Cannot load ${name}: it differs:\n  ${text}`);
  }
  console.warn(`Loaded ${name} in part, since it differs:\n  ${text}`);
}
