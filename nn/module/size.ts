/**
 * Sizes: what layers say about the shapes they take and give, and check.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/**
 * The sizes of a tensor's axes without the batch; `null` where any size will do.
 *
 * Sizes are compared from the last axis backward, as far as both are known.
 */
export type Size = readonly (number | null)[];

/** A layer that knows what size comes out of which. */
export interface Sized {
  /** What goes in; axes before those named are free. */
  readonly inSize?: Size;
  /**
   * What comes out.
   *
   * @param inSize What goes in.
   * @throws {RangeError} If the layer cannot take it.
   */
  outSize(inSize: Size): Size;
}

/** Whether `layer` knows its sizes. */
export function isSized(layer: object): layer is Sized {
  return "outSize" in layer && typeof layer.outSize === "function";
}

/** Throw unless `size` can be what `expected` says. */
export function checkSize(name: string, expected: Size, size: Size): void {
  const axes = Math.min(expected.length, size.length);
  for (let i = 1; i <= axes; i++) {
    const [want, have] = [expected.at(-i)!, size.at(-i)!];
    if (want !== null && have !== null && want !== have) {
      throw new RangeError(
        `Cannot build ${name}: its input must have size ${
          show(expected)
        }: current size is ${show(size)}`,
      );
    }
  }
}

/**
 * Throw unless `x` ends in the axes that `expected` names.
 *
 * @param name What the error calls the layer.
 * @param x The input.
 * @param expected What its last axes must be.
 * @param rank How many axes it must have. Default: any number, but no fewer than
 * `expected` names.
 */
export function checkInput(
  name: string,
  x: tf.Tensor,
  expected: Size,
  rank?: number,
): void {
  const ranked = rank === undefined
    ? x.rank >= expected.length
    : x.rank === rank;
  const fits = ranked &&
    expected.every((size, i) =>
      size === null || x.shape[x.rank - expected.length + i] === size
    );
  if (fits) return;
  const free = rank === undefined
    ? ["..."]
    : Array(rank - expected.length).fill("any");
  throw new RangeError(
    `Cannot call ${name}: the input must have shape ${
      show([...free, ...expected])
    }: current shape is [${x.shape.join(", ")}]`,
  );
}

/** A size or shape as errors print it. */
export function show(size: readonly (number | string | null)[]): string {
  return `[${size.map((axis) => axis ?? "any").join(", ")}]`;
}

/** A number of channels or features: the number itself, or the last axis of a size. */
export function lastAxis(
  name: string,
  what: string,
  size: number | Size,
): number {
  const count = typeof size === "number" ? size : size.at(-1);
  if (!Number.isInteger(count) || count! < 1) {
    throw new RangeError(
      `Cannot create ${name}: ${what} must be a whole number above 0: current value is ${
        typeof size === "number" ? size : show(size)
      }`,
    );
  }
  return count!;
}
