/**
 * Sizes that grow with the batch.
 *
 * @module
 */
import type { KernelCall, Recording, Value } from "./record.ts";

/** The size of an axis: a number, or so many times the number of examples. */
export type Dim = number | { readonly perExample: number };

/** Whether a size is the same for every batch. */
export function isFixed(dim: Dim): dim is number {
  return typeof dim === "number";
}

/** Two recordings of the same model, with batches of two sizes. */
export interface Pair {
  /** The recordings; one alone if the batch is fixed. */
  readonly recordings: readonly [Recording, Recording | undefined];
  /** The number of examples of each. */
  readonly batches: readonly [number, number | undefined];
}

/** The error of a model that cannot be exported for every batch. */
function refusal(problem: string): RangeError {
  return new RangeError(
    `Cannot export to ONNX: ${problem} (dynamicBatch: false exports the model for the batch of the example)`,
  );
}

/** Settings that are sizes, which may grow with the batch. */
const SIZES = ["inputShape", "reps", "shape", "size"];

/** What of a call must not depend on the batch. */
function fingerprint({ kernel, inputs, attrs, outputs }: KernelCall): string {
  const settings = Object.entries(attrs)
    .filter(([name]) => !SIZES.includes(name));
  return JSON.stringify([
    kernel,
    Object.keys(inputs),
    settings,
    outputs.map(({ dtype }) => dtype),
  ]);
}

/** The calls of both recordings, side by side. */
export function pairs({ recordings: [first, second] }: Pair): [
  KernelCall,
  KernelCall,
][] {
  if (!second) return first.calls.map((call) => [call, call]);
  const all = ({ calls }: Recording) => calls.map(fingerprint).join();
  if (all(first) !== all(second)) {
    throw refusal("the kernels that are run must not depend on the batch");
  }
  return first.calls.map((call, i) => [call, second.calls[i]!]);
}

/**
 * A size that was `first` and `second` in the two recordings.
 *
 * @param what What has the size, for errors.
 */
export function dimOf(
  { batches: [one, two] }: Pair,
  first: number,
  second: number,
  what: string,
): Dim {
  if (first === second) return first;
  const perExample = first / one;
  if (Number.isInteger(perExample) && second === perExample * two!) {
    return { perExample };
  }
  throw refusal(
    `sizes must be fixed or a multiple of the batch: ${what} has ${first} for a batch of ${one}, ${second} for ${two}`,
  );
}

/** The sizes of a tensor. */
export function dimsOf(pair: Pair, first: Value, second: Value): Dim[] {
  return first.shape.map((size, i) =>
    dimOf(pair, size, second.shape[i]!, `a tensor of shape [${first.shape}]`)
  );
}

/**
 * The elements of a constant, as many as one example has if it grows with the batch.
 *
 * @param first Its elements in the first recording.
 * @param second Those in the second.
 * @param dims Its sizes.
 * @param batches The number of examples in each.
 */
export function elementsPerExample<
  E extends { slice(a: number, b: number): E },
>(
  first: E & ArrayLike<number>,
  second: ArrayLike<number>,
  dims: readonly Dim[],
): E & ArrayLike<number> {
  if (dims.slice(1).some((dim) => !isFixed(dim))) {
    throw refusal(
      "constants may grow with the batch along the first axis only",
    );
  }
  const [rows, ...rest] = dims;
  const grows = rows !== undefined && !isFixed(rows);
  const width = (rest as number[]).reduce((product, size) => product * size, 1);
  const period = grows ? rows.perExample * width : first.length;
  const isPeriodic = (values: ArrayLike<number>) => {
    for (let i = 0; i < values.length; i++) {
      if (!Object.is(values[i], first[i % period])) return false;
    }
    return true;
  };
  if (!isPeriodic(first) || !isPeriodic(second)) {
    throw refusal(
      "constants must be the same in every call, and for every example: one of them is not, such as a random number",
    );
  }
  return first.slice(0, period) as E & ArrayLike<number>;
}
