/**
 * The factors of a product, and how their values come out of buffers.
 *
 * @module
 */

/**
 * A factor, seen as a matrix of `m` or `n` lines, each with `k` terms. A load gives four
 * values, of one line along the terms or of four lines at one term, if the buffer is an
 * array of vectors; else one value.
 */
export interface Operand {
  /** What tells its code from others'. */
  readonly name: string;
  /** What follows each other in its buffer. */
  readonly along: "terms" | "lines";
  /** Whether its buffer is an array of vectors of four. */
  readonly isVector: boolean;
  /** Functions that its code calls. */
  readonly functions?: string;
  /** Code before all loads: `batch` is known. Names begin with the operand's. */
  readonly begin?: string;
  /** Code before the loads of `line`, an expression; names end with `id`. */
  line(id: string, line: string): string;
  /** The values from the term `k` on, an expression; 0 from the term `end` on. */
  load(id: string, k: string): string;
}

/** Which factor. */
export type Side = "A" | "B";

/** `value`, and zeros where `isInside` does not hold. */
export function orZero(
  value: string,
  isInside: string,
  isVector: boolean,
): string {
  return `select(${typeOf(isVector)}(0), ${value}, ${isInside})`;
}

/** The type of what is loaded. */
export function typeOf(isVector: boolean): string {
  return isVector ? "vec4<T>" : "T";
}

/** Options of {@linkcode matrix}. */
export interface MatrixOptions {
  /** Whether it is stored with its terms first: [k, lines] instead of [lines, k]. */
  readonly isTransposed: boolean;
  /** Whether the dimension that is stored last is a multiple of 4. */
  readonly isVector: boolean;
  /** Whether there may be fewer terms than the tile takes. */
  readonly hasEdge: boolean;
}

/** A matrix, or one of a batch, which begins at the element `base${side}`. */
export function matrix(
  side: Side,
  { isTransposed, isVector, hasEdge }: MatrixOptions,
): Operand {
  const lines = side === "A" ? "uniforms.m" : "uniforms.n";
  const width = isVector && isTransposed ? 4 : 1;
  const apart = isTransposed ? "" : " * uniforms.k";
  const load = (id: string, k: string) => {
    const at = `start${id} + ${k}${isTransposed ? ` * ${lines}` : ""}`;
    const value = isVector ? `${side}[(${at}) >> 2u]` : `${side}[${at}]`;
    return hasEdge ? orZero(value, `${k} < end`, isVector) : value;
  };
  return {
    name: `${isTransposed ? "t" : "n"}${isVector ? 4 : 1}${hasEdge ? "e" : ""}`,
    along: isTransposed ? "lines" : "terms",
    isVector,
    line: (id, line) =>
      `let start${id} = base${side} + min(${line}, ${lines} - ${width}u)${apart};`,
    load,
  };
}
