import * as tf from "@tensorflow/tfjs-core";
import { type Case, draw, randomOf } from "./_case.ts";

/** What a case gives on one backend: plain numbers, comparable across backends. */
export interface Outcome {
  readonly y: Float32Array;
  readonly grads: readonly Float32Array[];
}

/** A case with its inputs drawn, the same on every backend. */
export interface Drawn {
  readonly case: Case;
  readonly inputs: readonly Float32Array[];
}

/** Draws a case's inputs. */
export function drawn(row: Case): Drawn {
  const random = randomOf(row.name);
  return { case: row, inputs: row.inputs.map((input) => draw(input, random)) };
}

function tensors({ case: row, inputs }: Drawn): tf.Tensor[] {
  return inputs.map((values, i) =>
    tf.tensor(values, [...row.inputs[i]!.shape], "float32")
  );
}

/** Weights of an output, bounded away from zero. */
export function weightsOf(row: Case, size: number): Float32Array {
  return draw({ shape: [size], draw: "nonzero" }, randomOf(`${row.name} dy`));
}

/** Runs a case forward and back on the current backend. */
export async function outcome(drawn: Drawn): Promise<Outcome> {
  const row = drawn.case;
  const xs = tensors(drawn);
  let made: tf.Tensor[] = [];
  try {
    const y = tf.tidy(() => row.run(...xs));
    made = [y];
    const dy = tf.tensor(weightsOf(row, y.size), y.shape);
    made.push(dy);
    const result = tf.engine().gradients(() => row.run(...xs), xs, dy, true);
    made.push(result.value, ...result.grads.filter((g) => g));
    return {
      y: Float32Array.from(await y.data()),
      grads: await Promise.all(
        result.grads.map(async (g, i) =>
          g
            ? Float32Array.from(await g.data())
            : new Float32Array(drawn.inputs[i]!.length)
        ),
      ),
    };
  } finally {
    tf.dispose([xs, made]);
  }
}

/** The terms of σ(x) = Σ w y(x): what `outcome` differentiates. */
async function projection(drawn: Drawn): Promise<number[]> {
  const xs = tensors(drawn);
  const y = tf.tidy(() => drawn.case.run(...xs));
  const values = Float32Array.from(await y.data());
  const weights = weightsOf(drawn.case, y.size);
  tf.dispose([xs, y]);
  return Array.from(values, (value, i) => value * weights[i]!);
}

function sum(terms: readonly number[]): number {
  return terms.reduce((total, term) => total + term, 0);
}

/**
 * The largest relative error of the gradients against central differences along
 * random directions, on the current backend.
 */
export async function differenceError(
  drawn: Drawn,
  grads: readonly Float32Array[],
): Promise<number> {
  const random = randomOf(`${drawn.case.name} direction`);
  // Outputs are rounded, and the step of a difference magnifies that.
  const rounding = 0.05 * Math.hypot(...await projection(drawn));
  let worst = 0;
  for (const [k, values] of drawn.inputs.entries()) {
    if (values.length === 0) continue;
    // Of different sizes, or terms that are alike would cancel.
    const direction = values.map(() =>
      (random() < 0.5 ? -1 : 1) * (0.4 + 0.6 * random())
    );
    const along = async (step: number) => {
      const at = async (sign: number) => {
        const moved = values.map((x, i) => x + sign * step * direction[i]!);
        return sum(
          await projection({
            ...drawn,
            inputs: drawn.inputs.map((old, i) => i === k ? moved : old),
          }),
        );
      };
      return (await at(1) - await at(-1)) / (2 * step);
    };
    // Two steps and Richardson's extrapolation: errors of the fourth order.
    const coarse = await along(2 ** -6);
    const fine = await along(2 ** -7);
    const numeric = (4 * fine - coarse) / 3;
    const terms = Array.from(grads[k]!, (g, i) => g * direction[i]!);
    const scale = 0.01 + rounding + Math.hypot(...terms);
    const error = Math.abs(numeric - sum(terms)) / scale;
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
}

/**
 * Values are compared relative to the largest, if it is not below this: they are
 * made of numbers of about 1, whose rounding they keep.
 */
const LEAST_SCALE = 0.25;

/** The largest difference of two lists, relative to their largest value. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  const scale = a.reduce(
    (most, value) => Math.max(most, Math.abs(value)),
    LEAST_SCALE,
  );
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue;
    const error = Math.abs(a[i]! - b[i]!) / scale;
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
}

/** The case whose value is a case's gradients, one after the other. */
export function differentiated(row: Case): Case {
  const gradients = (xs: readonly tf.Tensor[], y: tf.Tensor) => {
    const dy = tf.tensor(weightsOf(row, y.size), y.shape);
    const { grads } = tf.engine().gradients(
      () => row.run(...xs),
      [...xs],
      dy,
      true,
    );
    // A gradient that does not exist is zero.
    return tf.concat(
      grads.map((grad, i) => tf.reshape(grad ?? tf.zeros(xs[i]!.shape), [-1])),
    );
  };
  return {
    name: `gradient of ${row.name}`,
    inputs: row.inputs,
    run: (...xs) => {
      const y = tf.tidy(() => row.run(...xs));
      return gradients(xs, y);
    },
  };
}
