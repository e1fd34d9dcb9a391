/**
 * The factors of a product, and how their values come out of buffers.
 *
 * @module
 */

/**
 * A factor, seen as a matrix of `m` or `n` lines, each with `k` terms. Four values are
 * loaded at a time: of one line along the terms, or of four lines at one term.
 */
export interface Operand {
  /** What tells its code from others'. */
  readonly name: string;
  /** What the four values of a load follow. */
  readonly along: "terms" | "lines";
  /** Whether its buffer is an array of vectors of four. */
  readonly isVector: boolean;
  /** Functions that its code calls. */
  readonly functions?: string;
  /** Code before all loads: `batch` is known. Names begin with the operand's. */
  readonly begin?: string;
  /** Code before the loads of `line`, an expression; names end with `id`. */
  line(id: string, line: string): string;
  /** The four values at the term `k`, an expression; 0 from the term `end` on. */
  load(id: string, k: string): string;
}

/** Which factor. */
export type Side = "A" | "B";

/** Four expressions as a vector. */
export function four(one: (j: number) => string): string {
  return `vec4<T>(${[0, 1, 2, 3].map(one).join(", ")})`;
}

/** `value`, and zeros where `isInside` does not hold. */
export function orZero(
  value: string,
  isInside: string,
  type: "T" | "vec4<T>",
): string {
  return `select(${type}(0), ${value}, ${isInside})`;
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
  const base = `base${side}`;
  const inside = (value: string, k: string, type: "T" | "vec4<T>") =>
    hasEdge ? orZero(value, `${k} < end`, type) : value;
  const name = [
    isTransposed ? "t" : "n",
    isVector ? "4" : "1",
    hasEdge ? "e" : "",
  ].join("");
  if (!isTransposed) {
    return {
      name,
      along: "terms",
      isVector,
      line: (id, line) =>
        `let row${id} = ${base} + min(${line}, ${lines} - 1u) * uniforms.k;`,
      load: (id, k) =>
        isVector
          ? inside(`${side}[(row${id} + ${k}) >> 2u]`, k, "vec4<T>")
          : four((j) =>
            inside(`${side}[row${id} + ${k} + ${j}u]`, `${k} + ${j}u`, "T")
          ),
    };
  }
  return {
    name,
    along: "lines",
    isVector,
    line: (id, line) =>
      isVector
        ? `let column${id} = ${base} + min(${line}, ${lines} - 4u);`
        : [0, 1, 2, 3].map((j) =>
          `let column${id}_${j} = ${base} + min(${line} + ${j}u, ${lines} - 1u);`
        ).join("\n"),
    load: (id, k) =>
      isVector
        ? inside(`${side}[(column${id} + ${k} * ${lines}) >> 2u]`, k, "vec4<T>")
        : four((j) =>
          inside(`${side}[column${id}_${j} + ${k} * ${lines}]`, k, "T")
        ),
  };
}
