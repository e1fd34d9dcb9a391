/**
 * The training loop.
 *
 * @module
 */
import type { Batch } from "../data/batch.ts";
import type { FitOptions, FitResult } from "./fit_options.ts";
import { checkFitOptions } from "./fit_rules.ts";
import { Trainer } from "./trainer.ts";

/**
 * Train a model.
 *
 * Each step is one of {@linkcode step}: it computes the gradients of `loss` in the
 * parameters of the optimizer, with `fit` true in the environment, and applies
 * them; then the schedulers are stepped. Losses are read from the device every
 * `logEvery` steps, or each step on backends where reading costs nothing. With
 * `checkpoint`, a run that was killed and resumed ends with the same bits as an
 * uninterrupted one, and an interrupt (Ctrl+C) ends training with a checkpoint. With
 * `compile`, steps are recorded once and replayed, which is faster on WASM and WebGPU.
 *
 * In mixed precision the loss is scaled for the backward pass, as {@linkcode LossScale}
 * says, and a step with a gradient that is not finite is skipped: parameters, optimizer
 * and schedulers stay as they are, what the loss has written to states is kept, and
 * after 100 such steps in a row training ends. Checkpoints have the scale. It is read late
 * which steps count, after 32 steps at most: those after a skipped step that were taken
 * by then had no effect, and are taken again, for which `loss` is called again with their
 * batches. All numbers are as if each step had been read. With a callback that has `onStep`,
 * and with several ranks, each step is read. A run that is resumed in full precision leaves the
 * scale in its checkpoints as it was, for when it is resumed in mixed precision.
 *
 * @example Usage
 * ```ts
 * import { nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assert } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Linear(1, 1);
 * const x = train.column(Float32Array.of(0, 1, 2, 3), [1]);
 * const y = train.column(Float32Array.of(1, 3, 5, 7), [1]);
 * const { values } = await train.fit({
 *   optimizer: new optim.SGD({ lr: 0.1 })
 *     .registerTrainableWeights(model.states(ParamState)),
 *   loss: (x, y) => tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   data: train.batches([x, y], { batchSize: 2, shuffle: true }),
 *   validation: train.batches([x, y]),
 *   epochs: 50,
 * });
 * assert(values.loss! < 0.01);
 * ```
 *
 * @typeParam B The tensors of a batch.
 * @param options See {@linkcode FitOptions}.
 * @returns The result. A loss that is not finite is reported there; errors of
 *   `loss`, of the data or of a callback are thrown.
 * @throws {TypeError} If an option is unknown or of the wrong kind.
 * @throws {RangeError} If an option is out of range. Nothing has changed then.
 */
export async function fit<B extends Batch>(
  options: FitOptions<B>,
): Promise<FitResult> {
  checkFitOptions(options);
  return await new Trainer(options).train();
}
