/**
 * The parameters and gradients of `scripts/golden/optimizers.py`, by the same
 * formulas.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { ParamState } from "../../state.ts";
import { mapNamed } from "../../tensors.ts";

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  scalar: [],
  one: [1],
  vector: [7],
  matrix: [3, 5],
  zero: [4],
  tiny: [5],
  big: [130, 140],
};
const NAMES = Object.keys(SHAPES);
const SCALES: Readonly<Record<string, number>> = { zero: 0, tiny: 1e-6 };
const PERIOD = 97;

/** The elements of the big matrix that are recorded. */
const SHOWN = [0, 1, 96, 97, 5000, 9999, 18198, 18199];

function fill(
  name: string,
  value: (i: number, p: number) => number,
): tf.Tensor {
  const shape = SHAPES[name]!, p = NAMES.indexOf(name);
  const period = Float32Array.from({ length: PERIOD }, (_, i) => value(i, p));
  const values = Float32Array.from(
    { length: tf.util.sizeFromShape([...shape]) },
    (_, i) => period[i % PERIOD]!,
  );
  return tf.tensor(values, [...shape], "float32");
}

/** Parameters at their start. */
export function start(names: readonly string[]): Record<string, ParamState> {
  return Object.fromEntries(names.map((name) => {
    const scale = SCALES[name] ?? 1;
    const x = fill(name, (i, p) => Math.sin(0.5 + 1.7 * i + p) * scale);
    const state = new ParamState(x);
    x.dispose();
    return [name, state];
  }));
}

/** Gradients of step `k`, which is 1 at the first. */
export function gradients(
  names: readonly string[],
  k: number,
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    names.map((name) => [
      name,
      fill(name, (i, p) => {
        if (name === "vector" && i === 3) return 0;
        const x = Math.sin(1.3 * k + 0.7 * i + 0.4 * p);
        return x + (x < 0 ? -0.1 : 0.1);
      }),
    ]),
  );
}

/** Whether the gradients of a trajectory are those of a quadratic. */
export function isOfFunction(name: string, options: object): boolean {
  return name === "LBFGS" || "d0" in options;
}

/** The gradients of a quadratic. */
export function quadratic(
  states: Readonly<Record<string, ParamState>>,
): Record<string, tf.Tensor> {
  return mapNamed(states, ({ value }) =>
    tf.tidy(() => {
      const i = Array.from({ length: value.size }, (_, i) => i);
      const like = (x: number[]) => tf.tensor(x, value.shape, "float32");
      const curvature = like(i.map((i) => 0.5 + 0.25 * (i % 7)));
      return tf.mul(curvature, tf.sub(value, like(i.map(Math.cos))));
    }));
}

/** The numbers that are recorded of a parameter. */
export async function summary(
  name: string,
  state: ParamState,
): Promise<number[]> {
  const x = [...await state.value.data()];
  if (name !== "big") return x;
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const square = x.reduce((a, b) => a + b * b, 0) / x.length;
  return [...SHOWN.map((i) => x[i]!), mean, Math.sqrt(square)];
}

/** Free parameters. */
export function disposeAll(states: Record<string, ParamState>): void {
  for (const state of Object.values(states)) state.dispose();
}
