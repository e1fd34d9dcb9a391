import * as tf from "../../tf.ts";
import { type Case, type Draw, row } from "./_case.ts";

const AXES: [number[], number | number[] | undefined][] = [
  [[], undefined],
  [[5], undefined],
  [[5], 0],
  [[5], -1],
  [[3, 4], undefined],
  [[3, 4], 0],
  [[3, 4], 1],
  [[3, 4], [0, 1]],
  [[2, 3, 2], 1],
  [[2, 3, 2], [0, 2]],
  [[2, 3, 2], -3],
  [[2, 1, 3, 2], [1, 3]],
  [[2, 1, 3, 2], -2],
  [[2, 1, 2, 1, 3], [0, 4]],
  [[1, 2, 1, 2, 1, 2], [1, 3, 5]],
  [[1, 2, 1, 2, 1, 2], undefined],
];

const EMPTY: [number[], number | undefined][] = [
  [[0], undefined],
  [[0, 3], 0],
  [[2, 0], 0],
];

// deno-lint-ignore no-explicit-any -- ops of tfjs are typed by rank
type Reduce = (x: any, axis?: number | number[], keep?: boolean) => tf.Tensor;

const REDUCTIONS: Record<string, [Reduce, Draw]> = {
  sum: [tf.sum, "any"],
  mean: [tf.mean, "any"],
  max: [tf.max, "spaced"],
  min: [tf.min, "spaced"],
  prod: [tf.prod, "nonzero"],
  logSumExp: [tf.logSumExp, "any"],
  euclideanNorm: [
    (x, axis, keep) => tf.norm(x, "euclidean", axis, keep),
    "nonzero",
  ],
  variance: [
    (x, axis, keep) => tf.moments(x, axis, keep).variance,
    "any",
  ],
};

const cumulative = [
  [[4], 0],
  [[5], -1],
  [[3, 4], 0],
  [[3, 3], 0],
  [[3, 4], 1],
  [[2, 5, 3], 1],
  [[2, 3, 2], -3],
  [[2, 1, 3, 2], 2],
] as [number[], number][];

/** Reductions over axes, and running sums and products. */
export const reductions: Case[] = [
  ...Object.entries(REDUCTIONS).flatMap(([name, [op, draw]]) =>
    AXES.flatMap(([shape, axis]) =>
      [false, true]
        .filter((keep) => !keep || shape.length > 1)
        // tfjs' norm and moments read the rank of axes that are left.
        .filter(() => name !== "euclideanNorm" || shape.length > 0)
        .filter(() => name !== "euclideanNorm" || !Array.isArray(axis))
        .map((keep) =>
          row(
            `${name} over ${axis ?? "all"}${keep ? " kept" : ""}`,
            [shape],
            (x) => op(x, axis, keep),
            draw,
          )
        )
    )
  ),
  ...["sum", "mean", "prod"].flatMap((name) =>
    EMPTY.map(([shape, axis]) =>
      row(`${name} over ${axis ?? "all"} of nothing`, [shape], (x) => {
        const y = REDUCTIONS[name]![0](x, axis);
        // The mean of nothing is not a number, whatever its gradient is.
        return name === "mean" ? tf.mul(tf.zerosLike(y), 0) : y;
      })
    )
  ),
  ...(["cumsum", "cumprod"] as const).flatMap((name) =>
    cumulative.flatMap(([shape, axis]) =>
      [false, true].flatMap((exclusive) =>
        [false, true].map((reverse) =>
          row(
            `${name} along ${axis}${exclusive ? " exclusive" : ""}${
              reverse ? " reverse" : ""
            }`,
            [shape],
            (x) => tf[name](x, axis, exclusive, reverse),
            "nonzero",
          )
        )
      )
    )
  ),
  ...[[4], [3, 5], [2, 3, 4], [2, 1, 3, 2], [1, 2, 1, 2, 3]].flatMap((
    shape,
  ) => [
    row("softmax", [shape], (x) => tf.softmax(x)),
    row("logSoftmax", [shape], (x) => tf.logSoftmax(x)),
    row("argMax inside where", [shape], (x) => {
      const best = tf.cast(tf.argMax(x, -1), "float32");
      return tf.mul(tf.sum(x, -1), best);
    }, "spaced"),
  ]),
];
