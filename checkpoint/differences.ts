/**
 * Differences between a file and what is to be loaded from it.
 *
 * @module
 */

/** A value of another kind, shape or dtype than the one it would replace. */
export interface Mismatch {
  /** The name of the part and the path in it, such as `"model.hidden.weight"`. */
  readonly path: string;
  /** What the file has, such as `"float32 [3, 4]"`. */
  readonly found: string;
  /** What is there now. */
  readonly expected: string;
}

/** How a file and the parts differ. */
export interface Differences {
  /** Paths of the parts that the file does not have. */
  readonly missing: string[];
  /** Paths in the file that the part of that name does not have. */
  readonly unexpected: string[];
  /** Values that do not fit; they are not loaded. */
  readonly mismatched: Mismatch[];
}

/** Options of loading. */
export interface LoadOptions {
  /**
   * What to do where file and parts differ: throw before anything has changed,
   * or keep what is there now, with or without a warning on the console.
   * Default: `"error"`; `"ignore"` if `strict` is false.
   */
  readonly mismatch?: "error" | "warn" | "ignore";
  /**
   * Whether a path that only the file or only the parts have is a difference.
   * If not, it is only reported. Default: true.
   */
  readonly strict?: boolean;
}

/** How many differences an error lists. */
const MAX_LINES = 20;

/**
 * Do with the differences what the options say.
 *
 * @param differences How file and parts differ.
 * @param options What to do then.
 * @param name The file, for errors.
 * @throws {RangeError} If there is a difference that must not be.
 */
export function report(
  { missing, unexpected, mismatched }: Differences,
  options: LoadOptions,
  name: string,
): void {
  const { strict = true, mismatch = strict ? "error" : "ignore" } = options;
  if (!["error", "warn", "ignore"].includes(mismatch)) {
    throw new TypeError(
      `Cannot load ${name}: mismatch must be "error", "warn" or "ignore": current value is ${mismatch}`,
    );
  }
  if (mismatch === "ignore") return;
  const lines = mismatched.map(({ path, found, expected }) =>
    `${path}: ${found} in the file, ${expected} here`
  );
  if (strict) {
    lines.push(...missing.map((path) => `${path}: not in the file`));
    lines.push(...unexpected.map((path) => `${path}: only in the file`));
  }
  if (lines.length === 0) return;
  const more = lines.length - MAX_LINES;
  if (more > 0) lines.splice(MAX_LINES, more, `and ${more} more`);
  const text = lines.join("\n  ");
  if (mismatch === "error") {
    throw new RangeError(`Cannot load ${name}: it differs:\n  ${text}`);
  }
  console.warn(`Loaded ${name} in part, since it differs:\n  ${text}`);
}
