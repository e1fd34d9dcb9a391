/**
 * A kernel that is called on tensors of one example, for a rule that runs it on all.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../backend/kernel.ts";
import { isBatchedAt, type Level, repeated } from "../../internal/batching.ts";

/** An input of a kernel. */
export interface Value {
  /** `[examples, ...shape]` if it is batched, else the input itself. */
  readonly x: tf.Tensor;
  /** Whether each example has its own. */
  readonly isBatched: boolean;
  /** The shape of one. */
  readonly shape: readonly number[];
}

/** The call of a kernel, at least one of whose inputs is batched. */
export interface Call {
  /** The kernel. */
  readonly name: string;
  /** The number of examples. */
  readonly size: number;
  /** The inputs by name; those of a list by their numbers. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Whether the kernel takes a list of inputs. */
  readonly isList: boolean;
  /** The settings, for one example. */
  readonly attrs: Readonly<Record<string, unknown>>;
}

/**
 * Runs a kernel on all examples: a result has the shape of one example's after an axis
 * of examples.
 */
export type Rule = (call: Call) => tf.Tensor | tf.Tensor[];

/** The rules of kernels by name. */
export type Rules = Readonly<Record<string, Rule>>;

/** The call of a kernel on tensors of one example of `level`. */
export function callOf(
  name: string,
  level: Level,
  inputs: Readonly<Record<string, tf.Tensor | null | undefined>>,
  attrs: object,
): Call {
  const values: Record<string, Value> = {};
  for (const [name, x] of Object.entries(inputs)) {
    if (!x) continue;
    const isBatched = isBatchedAt(x, level);
    values[name] = { x: isBatched ? x.all : x, isBatched, shape: x.shape };
  }
  return {
    name,
    size: level.size,
    inputs: values,
    isList: Array.isArray(inputs),
    attrs: attrs as Call["attrs"],
  };
}

/** `[examples, ...shape]` of an input: repeated if all examples share it. */
export function all({ inputs, size }: Call, name: string): tf.Tensor {
  const { x, isBatched } = inputs[name]!;
  return isBatched ? x : repeated(x, size);
}

/** Inputs of the kernel of a call, as it takes them. */
export function inputsOf(
  { inputs, isList }: Call,
  each: (name: string) => tf.Tensor,
): Record<string, tf.Tensor> {
  const names = Object.keys(inputs);
  // Kernels of a list are given an array.
  if (isList) return names.map(each) as never;
  return Object.fromEntries(names.map((name) => [name, each(name)]));
}

/**
 * The inputs so that they broadcast as those of one example do: with axes of size 1 after
 * that of the examples, up to the greatest rank.
 */
export function aligned({ inputs }: Call): Record<string, tf.Tensor> {
  const rank = Math.max(
    ...Object.values(inputs).map(({ shape }) => shape.length),
  );
  return Object.fromEntries(
    Object.entries(inputs).map((
      [name, { x, isBatched, shape }],
    ) => [
      name,
      isBatched && shape.length < rank
        ? tf.reshape(x, [
          x.shape[0]!,
          ...Array(rank - shape.length).fill(1),
          ...shape,
        ])
        : x,
    ]),
  );
}

/** The only input. */
export function only({ inputs }: Call): Value {
  return Object.values(inputs)[0]!;
}

/** The axis of all examples for one of an example, which may be counted from the end. */
export function axisOfAll(axis: number, rank: number): number {
  return (axis < 0 ? axis + rank : axis) + 1;
}

/** The axes of all examples for one, several or, if none are given, all of an example. */
export function axesOfAll(
  axes: number | readonly number[] | null | undefined,
  rank: number,
): number[] {
  const given = axes ?? Array.from({ length: rank }, (_, i) => i);
  return [given].flat().map((axis) => axisOfAll(axis as number, rank));
}

/** The kernel itself on all examples, with settings changed. */
export function same(
  change: (call: Call) => object = ({ attrs }) => attrs,
): Rule {
  return (call) =>
    runKernel(
      call.name,
      inputsOf(call, (name) => all(call, name)),
      change(call),
    );
}

/** Each example alone, for kernels that have no axis to spare: results are stacked. */
export const byExample: Rule = ({ name, size, inputs, attrs }) => {
  const parts = Object.entries(inputs).map(([name, value]) =>
    [
      name,
      value.isBatched ? examplesOf(value, size) : undefined,
      value.x,
    ] as const
  );
  const made = Array.from({ length: size }, (_, i) => {
    const own = parts.map(([name, each, x]) => [name, each ? each[i]! : x]);
    const inputs = Object.fromEntries(own) as Record<string, tf.Tensor>;
    return [runKernel(name, inputs, attrs)].flat() as tf.Tensor[];
  });
  const outputs = made[0]!.map((_, k) => tf.stack(made.map((y) => y[k]!)));
  return outputs.length === 1 ? outputs[0]! : outputs;
};

/** The examples of a batched input; tfjs cannot take an empty tensor apart. */
function examplesOf({ x, shape }: Value, size: number): tf.Tensor[] {
  if (x.size > 0) return tf.unstack(x);
  return Array.from(
    { length: size },
    () => tf.zeros([...shape], x.dtype as "float32"),
  );
}
