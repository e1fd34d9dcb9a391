/**
 * Second-order forward-mode optimization.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  callable,
  check,
  type OptionRules,
  refuse,
  rule,
  tensor,
} from "../../internal/check.ts";
import {
  FORWARD_MODE_RULES,
  ForwardMode,
  type ForwardModeOptions,
  type ModelEvaluation,
  updateOf,
} from "../forward_mode/optimizer.ts";

/** Options of {@linkcode SOFO}. */
export interface SOFOOptions<X = tf.Tensor, Y = tf.Tensor>
  extends ForwardModeOptions {
  /** The model, or a function: the predictions for inputs, `[samples, outputs]`. */
  readonly model:
    | ((inputs: X) => tf.Tensor)
    | { call(inputs: X): tf.Tensor };
  /** The mean loss of predictions for targets, a scalar. */
  readonly lossFn: (predictions: tf.Tensor2D, targets: Y) => tf.Scalar;
}

/** A function, or an object such as a module that can be called. */
const model = rule(
  "a module or a function",
  (x) => typeof (x as { readonly call?: unknown } | null)?.call === "function",
);

const RULES: OptionRules<SOFOOptions> = {
  ...FORWARD_MODE_RULES,
  model,
  lossFn: callable,
};

/**
 * SOFO: a Gauss-Newton step in the space of random directions, along which products with
 * the Jacobian are taken.
 *
 * ```text
 * v_i ~ N(0, I), divided by their norms              i = 1 ... tangentSize
 * T_i = J v_i      A_ij = mean over samples of T_iᵀ H T_j      b_i = ∇Lᵀ T_i
 * A = U diag(s) Uᵀ      c = U diag(1 / max(s + damping max(s), ε)) Uᵀ b
 * u = Σ c_i v_i      m ← μ m + u      θ ← θ - α (m + λ θ)
 * ```
 *
 * `H` is the curvature of the loss in a prediction: the identity for `loss: "mse"`,
 * `diag(p) - p pᵀ` with `p` the softmax for `"ce"`. ε is 2⁻²³.
 *
 * Yu, Xia, Ma, Lengyel and Hennequin,
 * {@link https://openreview.net/forum?id=Pox8jNQOo5 | Second-order forward-mode optimization of recurrent neural networks for neuroscience},
 * 2024, as braintools has it. The products are taken on the tape of one run of the model
 * (see `autodiff.linearize`), so that memory grows with its operations, as it does for a
 * gradient. The system of equations is solved on the host, in float64.
 *
 * Take it for recurrent networks that gradients train badly, with rates of about 0.1 to
 * 1: it sees the curvature in all directions that it draws.
 *
 * @example A regression
 * ```ts
 * import { nn, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
 * const optimizer = new optim.SOFO({
 *   model,
 *   lossFn: (z, y: tf.Tensor2D) => tf.mean<tf.Scalar>(tf.squaredDifference(z, y)),
 *   lr: 0.5,
 *   tangentSize: 16,
 * }).registerTrainableWeights(model.states(ParamState));
 * const x = tf.tensor2d([[0, 0], [0, 1], [1, 0], [1, 1]]);
 * const y = tf.tensor2d([[0], [1], [1], [0]]);
 * let loss = Infinity;
 * for (let i = 0; i < 60; i++) loss = await optimizer.step(x, y);
 * assertLess(loss, 1e-2);
 * ```
 *
 * @typeParam X The inputs of the model.
 * @typeParam Y The targets.
 */
export class SOFO<X = tf.Tensor, Y = tf.Tensor>
  extends ForwardMode<SOFOOptions<X, Y>, [inputs: X, targets: Y]> {
  /** What a step takes, in errors. */
  protected override readonly call = "await optimizer.step(inputs, targets)";
  readonly #model: (inputs: X) => tf.Tensor;
  readonly #lossFn: SOFOOptions<X, Y>["lossFn"];

  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: SOFOOptions<X, Y>) {
    const needed = ["model", "lossFn"] as const;
    super(options, updateOf<SOFOOptions<X, Y>>("SOFO", RULES, needed));
    const { model, lossFn } = options;
    this.#model = typeof model === "function"
      ? model
      : (inputs) => model.call(inputs);
    this.#lossFn = lossFn;
  }

  /** Runs the model. */
  protected override evaluation(inputs: X, targets: Y): ModelEvaluation {
    return {
      predict: () => this.#model(inputs),
      lossFn: (z) => this.#lossFn(z, targets),
    };
  }
}

/** Options of {@linkcode SOFOScan}. */
export interface SOFOScanOptions<H = tf.Tensor> extends ForwardModeOptions {
  /**
   * One step of the network, or a module: from what the last one handed on and the
   * inputs `[batch, ...]`, `[what it hands on, outputs [batch, outputs]]`.
   */
  readonly rnnCell: SOFOCell<H> | { readonly call: SOFOCell<H> };
  /**
   * The mean loss of predictions `[time × batch, outputs]` for targets
   * `[time × batch, ...]`, a scalar.
   */
  readonly lossFn: (
    predictions: tf.Tensor2D,
    targets: tf.Tensor,
  ) => tf.Scalar;
}

/** One step of a network: `[what it hands on, outputs]`. */
export type SOFOCell<H> = (
  latent: H,
  inputs: tf.Tensor,
) => readonly [H, tf.Tensor];

const SCAN_RULES: OptionRules<SOFOScanOptions> = {
  ...FORWARD_MODE_RULES,
  rnnCell: model,
  lossFn: callable,
};

/**
 * SOFO for a recurrent cell, which is run over the first axis of the inputs. Each step of
 * time of each example is a sample.
 *
 * Take it as {@linkcode SOFO}, where the model is a cell.
 *
 * @example A running mean
 * ```ts
 * import { nn, optim, ParamState, tf, useBackend } from "@braintape/braintape";
 * import { assertLess } from "@std/assert";
 *
 * await useBackend("cpu");
 * const cell = new nn.Linear(2, 1);
 * const optimizer = new optim.SOFOScan({
 *   rnnCell: (h: tf.Tensor, x: tf.Tensor) => {
 *     const next = cell.call(tf.concat2d([h as tf.Tensor2D, x as tf.Tensor2D], 1));
 *     return [next, next] as const;
 *   },
 *   lossFn: (z, y) => tf.mean<tf.Scalar>(tf.squaredDifference(z, y)),
 *   lr: 0.5,
 *   tangentSize: 8,
 * }).registerTrainableWeights(cell.states(ParamState));
 * const x = tf.tensor3d([1, 0, 2, 1, 0, 3], [3, 2, 1]); // time, batch, features
 * const y = tf.tensor3d([0.5, 0, 1.25, 0.5, 0.625, 1.75], [3, 2, 1]);
 * let loss = Infinity;
 * for (let i = 0; i < 40; i++) loss = await optimizer.step(tf.zeros([2, 1]), x, y);
 * assertLess(loss, 1e-3);
 * ```
 *
 * @typeParam H What the cell hands on.
 */
export class SOFOScan<H = tf.Tensor> extends ForwardMode<
  SOFOScanOptions<H>,
  [latent: H, inputs: tf.Tensor, targets: tf.Tensor]
> {
  /** What a step takes, in errors. */
  protected override readonly call =
    "await optimizer.step(latent, inputs, targets)";
  readonly #cell: SOFOCell<H>;
  readonly #lossFn: SOFOScanOptions<H>["lossFn"];

  /** Create the optimizer. `lr` is 1e-3 by default, `weightDecay` 0. */
  constructor(options: SOFOScanOptions<H>) {
    const needed = ["rnnCell", "lossFn"] as const;
    super(
      options,
      updateOf<SOFOScanOptions<H>>("SOFOScan", SCAN_RULES, needed),
    );
    const { rnnCell, lossFn } = options;
    this.#cell = typeof rnnCell === "function"
      ? rnnCell
      : (latent, inputs) => rnnCell.call(latent, inputs);
    this.#lossFn = lossFn;
  }

  /** Runs the cell over time. */
  protected override evaluation(
    latent: H,
    inputs: tf.Tensor,
    targets: tf.Tensor,
  ): ModelEvaluation {
    const action = "step SOFOScan";
    check(action, "inputs", inputs, tensor);
    check(action, "targets", targets, tensor);
    for (const [name, x] of Object.entries({ inputs, targets })) {
      if (x.rank < 2) refuse(action, name, "of [time, batch, ...]", x);
    }
    if (
      !tf.util.arraysEqual(inputs.shape.slice(0, 2), targets.shape.slice(0, 2))
    ) {
      const [time, batch] = inputs.shape;
      refuse(
        action,
        "targets",
        `of [${time}, ${batch}, ...], as the inputs`,
        targets,
      );
    }
    return {
      predict: () => {
        const outputs: tf.Tensor[] = [];
        for (const x of tf.unstack(inputs)) {
          const [next, output] = this.#cell(latent, x);
          latent = next;
          outputs.push(output);
        }
        return tf.concat(outputs);
      },
      lossFn: (z) => this.#lossFn(z, collapsed(targets)),
    };
  }
}

/** Time and batch as one axis. */
function collapsed(x: tf.Tensor): tf.Tensor {
  const [time, batch, ...rest] = x.shape as [number, number, ...number[]];
  return tf.reshape(x, [time * batch, ...rest]);
}
