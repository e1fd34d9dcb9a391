import * as tf from "@tensorflow/tfjs-core";
import { isNested, isRecording } from "../../internal/engine.ts";

/** A gradient that is the product `leftᵀ right`. */
export interface Factors {
  /** `[rows, m]` */
  readonly left: tf.Tensor2D;
  /** `[rows, n]` */
  readonly right: tf.Tensor2D;
  /**
   * The number of the first row of the input whose gradient this is; those before it and
   * after the last are 0. Default: 0.
   */
  readonly first?: number;
}

/** Computes the gradient in an input. */
export interface InputGradient {
  (): tf.Tensor;
  /** Where it is a product of matrices. */
  readonly factors?: Factors;
  /** Where it is the sum of the rows of a matrix: that matrix. */
  readonly rows?: tf.Tensor2D;
}

/** For each input of a kernel by name, the function that computes its gradient. */
export type InputGradients = Record<string, InputGradient>;

/** What tfjs registers for one kernel. */
export type Gradient = Omit<tf.GradConfig, "kernelName">;

/** The gradients of a family of kernels, by kernel name. */
export type Gradients = Readonly<Record<string, Gradient>>;

/** A rule that needs no tensors of the forward pass. */
export function fromNothing<A>(
  rule: (dy: tf.Tensor, attrs: A) => InputGradients,
): Gradient {
  return {
    gradFunc: (dy, _, attrs) => rule(dy as tf.Tensor, attrs as unknown as A),
  };
}

/** A rule that needs inputs of the forward pass. */
export function fromInputs<K extends string, A>(
  names: readonly K[],
  rule: (
    dy: tf.Tensor,
    saved: Record<K, tf.Tensor>,
    attrs: A,
  ) => InputGradients,
): Gradient {
  return {
    inputsToSave: [...names],
    gradFunc: (dy, saved, attrs) =>
      rule(dy as tf.Tensor, byName(names, saved), attrs as unknown as A),
  };
}

/** A rule that no one has written: using it says why. */
export function noGradient(kernelName: string, why: string): Gradient {
  return {
    gradFunc: () => {
      throw new Error(`Cannot differentiate ${kernelName}: ${why}`);
    },
  };
}

/** Throw if a kernel ends with an activation, whose gradient it does not know. */
export function expectLinear(
  kernelName: string,
  activation: string | undefined,
): void {
  if (activation === "linear") return;
  throw new Error(
    `Cannot differentiate ${kernelName}: the activation must be linear: current value is ${activation}: use tf.fused instead`,
  );
}

/** A rule that needs all inputs of a kernel that takes a list. */
export function fromList<A>(
  rule: (dy: tf.Tensor, inputs: tf.Tensor[], attrs: A) => InputGradients,
): Gradient {
  return {
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) =>
      rule(dy as tf.Tensor, saved, attrs as unknown as A),
  };
}

/**
 * A rule for the only input, in terms of the output.
 *
 * tfjs puts the copy of a saved output on the tape before the kernel that makes
 * it, so a second derivative would not see that it depends on the input. Inside
 * a nested gradient the input is saved too, and the output computed again.
 *
 * @param forward computes the output
 */
export function fromOutput<A>(
  forward: (x: tf.Tensor, attrs: A) => tf.Tensor,
  rule: (dy: tf.Tensor, y: tf.Tensor, attrs: A) => tf.Tensor,
  input = "x",
): Gradient {
  return {
    get inputsToSave(): string[] {
      return isNested() ? [input] : [];
    },
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => {
      const a = attrs as unknown as A;
      const x = saved.length > 1 ? saved[0] : undefined;
      const inGradient = isRecording();
      const y = () =>
        x && inGradient ? forward(x, a) : saved[saved.length - 1]!;
      return { [input]: () => rule(dy as tf.Tensor, y(), a) };
    },
  };
}

/** Gradients of zero for inputs that the output depends on only in steps, or not at all. */
export function zeroGradient(...names: string[]): Gradient {
  return {
    inputsToSave: names,
    gradFunc: (_, saved) =>
      Object.fromEntries(
        names.map((name, i) => [name, () => zeros(saved[i]!.shape)]),
      ),
  };
}

/** Zeros made on the device; `tf.zeros` would upload them. */
export function zeros(shape: number[]): tf.Tensor {
  return tf.fill(shape, 0);
}

function byName<K extends string>(
  names: readonly K[],
  saved: tf.Tensor[],
): Record<K, tf.Tensor> {
  return Object.fromEntries(
    names.map((name, i) => [name, saved[i]]),
  ) as Record<K, tf.Tensor>;
}
