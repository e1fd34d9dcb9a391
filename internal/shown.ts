/**
 * What consoles show of objects, whose contents are private. Internal.
 *
 * @module
 */

/** The methods that Deno, and Node and Bun, ask for the text of an object. */
const METHODS = [
  Symbol.for("Deno.customInspect"),
  Symbol.for("nodejs.util.inspect.custom"),
];

/**
 * Let `console.log` show objects of a class, and of classes that extend it, as `text`
 * has them.
 */
export function showAs<T extends object>(
  of: abstract new (...args: never[]) => T,
  text: (x: T) => string,
): void {
  function show(this: T): string {
    // A prototype lacks what constructors make.
    const isPrototype = Object.hasOwn(this, "constructor");
    return isPrototype ? `${this.constructor.name}.prototype` : text(this);
  }
  for (const method of METHODS) {
    Object.defineProperty(of.prototype, method, { value: show });
  }
}

/** A number with commas between thousands. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 step`, `2 steps`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Plain data in one line, with six digits. */
export function shown(value: unknown): string {
  if (typeof value === "number") return `${Number(value.toPrecision(6))}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    return `{ ${entries.map(([key, x]) => `${key}: ${shown(x)}`).join(", ")} }`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
