import * as tf from "@tensorflow/tfjs-core";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { autodiff, nn } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

const INF = Infinity;

/** A loss of one input, the values it must have, and its gradient for ones. */
interface Case {
  readonly loss: (x: tf.Tensor) => tf.Tensor;
  readonly x: () => tf.Tensor;
  readonly values: readonly number[];
  readonly gradient: readonly number[];
}

const rows = (...values: number[][]) => () => tf.tensor2d(values);
const labels = (...values: number[]) => tf.tensor1d(values, "int32");
const σ = (x: number) => 1 / (1 + Math.exp(-x));
/** ln(1 + e), the loss of logits 1 and 2 and label 0. */
const L = Math.log(1 + Math.E);

const cases: Record<string, Case> = {
  "cross entropy with a masked class": {
    loss: (x) => nn.softmaxCrossEntropy(x, labels(0)),
    x: rows([1, 2, -INF]),
    values: [1.3132617],
    gradient: [-σ(1), σ(1), 0],
  },
  "cross entropy of probabilities with a masked class": {
    loss: (x) => nn.softmaxCrossEntropy(x, tf.tensor2d([[0.5, 0.5, 0]])),
    x: rows([1, 2, -INF]),
    values: [L - 0.5],
    gradient: [σ(-1) - 0.5, σ(1) - 0.5, 0],
  },
  "weighted cross entropy with a masked class": {
    loss: (x) =>
      nn.softmaxCrossEntropy(x, labels(0), {
        classWeights: tf.tensor1d([3, 1, 2]),
        reduction: "mean",
      }),
    x: rows([1, 2, -INF]),
    values: [L],
    gradient: [-σ(1), σ(1), 0],
  },
  "cross entropy of a label that is masked": {
    loss: (x) => nn.softmaxCrossEntropy(x, labels(2)),
    x: rows([1, 2, -INF]),
    values: [INF],
    gradient: [σ(-1), σ(1), -1],
  },
  "cross entropy with ignored rows of -Infinity": {
    loss: (x) =>
      nn.softmaxCrossEntropy(x, labels(0, -100), {
        ignoreIndex: -100,
        reduction: "mean",
      }),
    x: rows([1, 2, -INF], [-INF, -INF, -INF]),
    values: [L],
    gradient: [-σ(1), σ(1), 0, 0, 0, 0],
  },
  "cross entropy with ignored rows of NaN": {
    loss: (x) => nn.softmaxCrossEntropy(x, labels(0, 2), { ignoreIndex: 2 }),
    x: rows([1, 2, -INF], [NaN, NaN, NaN]),
    values: [L, 0],
    gradient: [-σ(1), σ(1), 0, 0, 0, 0],
  },
  "cross entropy with all rows ignored": {
    loss: (x) =>
      nn.softmaxCrossEntropy(x, labels(1, 1), {
        ignoreIndex: 1,
        reduction: "mean",
      }),
    x: rows([1, 2, 3], [-INF, -INF, -INF]),
    values: [0],
    gradient: [0, 0, 0, 0, 0, 0],
  },
  "smoothed cross entropy with all rows ignored": {
    loss: (x) =>
      nn.softmaxCrossEntropy(x, labels(1, 1), {
        ignoreIndex: 1,
        labelSmoothing: 0.1,
        reduction: "mean",
      }),
    x: rows([1, 2, 3], [3, 1, 2]),
    values: [0],
    gradient: [0, 0, 0, 0, 0, 0],
  },
  "cross entropy of classes without weight": {
    loss: (x) =>
      nn.softmaxCrossEntropy(x, labels(1), {
        classWeights: tf.tensor1d([1, 0, 1]),
        reduction: "mean",
      }),
    x: rows([1, 2, 3]),
    values: [0],
    gradient: [0, 0, 0],
  },
  "negative log-likelihood with a masked class": {
    loss: (x) => nn.nllLoss(x, labels(0)),
    x: rows([-1, -2, -INF]),
    values: [1],
    gradient: [-1, 0, 0],
  },
  "negative log-likelihood with all rows ignored": {
    loss: (x) =>
      nn.nllLoss(x, labels(7), { ignoreIndex: 7, reduction: "mean" }),
    x: rows([-INF, -INF]),
    values: [0],
    gradient: [0, 0],
  },
  "binary cross entropy of certain logits": {
    loss: (x) =>
      nn.sigmoidBinaryCrossEntropy(x, tf.tensor1d([0, 1, 0, 1, 0.5])),
    x: () => tf.tensor1d([-INF, INF, INF, -INF, -INF]),
    values: [0, 0, INF, INF, INF],
    gradient: [0, 0, 1, -1, -0.5],
  },
  "binary cross entropy of certain probabilities": {
    loss: (x) => nn.binaryCrossEntropy(x, tf.tensor1d([0, 1])),
    x: () => tf.tensor1d([0, 1]),
    values: [1e-7, 1e-7],
    gradient: [0, 0],
  },
  ...Object.fromEntries([0, 0.5, 1, 2].map((gamma): [string, Case] => [
    `focal loss of certain logits, gamma ${gamma}`,
    {
      loss: (x) =>
        nn.sigmoidFocalLoss(x, tf.tensor1d([0, 1, 1]), { gamma, alpha: 0.25 }),
      x: () => tf.tensor1d([-INF, INF, 200]),
      values: [0, 0, 0],
      gradient: [0, 0, 0],
    },
  ])),
  "divergence with a masked class": {
    loss: (x) => nn.klDivergence(x, tf.tensor2d([[1, 0], [0.5, 0.5]])),
    x: rows([-1, -INF], [-1, -2]),
    values: [1, 1.5 - Math.LN2],
    gradient: [-1, 0, -0.5, -0.5],
  },
  "CTC with a masked class": {
    // Blank and label 1 are equally likely: 3 of 4 alignments spell it.
    loss: (x) => nn.ctcLoss(x as tf.Tensor3D, tf.tensor2d([[1]])),
    x: () => tf.tensor3d([[[0, 0, -INF], [0, 0, -INF]]]),
    values: [Math.log(4 / 3)],
    gradient: [1 / 6, -1 / 6, 0, 1 / 6, -1 / 6, 0],
  },
  "CTC with steps of NaN beyond the length": {
    loss: (x) =>
      nn.ctcLoss(x as tf.Tensor3D, tf.tensor2d([[1]]), { inputLengths: [1] }),
    x: () => tf.tensor3d([[[0, 0], [NaN, -INF]]]),
    values: [Math.LN2],
    gradient: [0.5, -0.5, 0, 0],
  },
  "CTC of labels that do not fit, with zeroInfinity": {
    loss: (x) =>
      nn.ctcLoss(x as tf.Tensor3D, tf.tensor2d([[1, 1]]), {
        zeroInfinity: true,
      }),
    x: () => tf.tensor3d([[[1, 2], [3, 4]]]),
    values: [0],
    gradient: [0, 0, 0, 0],
  },
  "CTC of labels that fit, with zeroInfinity": {
    loss: (x) =>
      nn.ctcLoss(x as tf.Tensor3D, tf.tensor2d([[1]]), { zeroInfinity: true }),
    x: () => tf.tensor3d([[[0, 0], [0, 0]]]),
    values: [Math.log(4 / 3)],
    gradient: [1 / 6, -1 / 6, 1 / 6, -1 / 6],
  },
};

for (const [name, { loss, x, values, gradient }] of Object.entries(cases)) {
  onEachBackend(`${name} has the right value and gradient`, async () => {
    const input = x();
    const got = await numbers(loss(input));
    const slope = await numbers(autodiff.vectorGrad(loss)(input));
    assertEquals([got.length, slope.length], [values.length, gradient.length]);
    for (const [list, want] of [[got, values], [slope, gradient]] as const) {
      for (const [i, value] of list.entries()) {
        if (Number.isFinite(want[i])) {
          assertAlmostEquals(value, want[i]!, 2e-6);
        } else assertEquals(value, want[i]);
      }
    }
  });
}
