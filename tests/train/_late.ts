/**
 * A model to train with steps that may turn out not to count, and all that it has.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";

/** Batches of two examples. */
export const BATCHES = 20;

/** A model with running statistics and random numbers, and data that are bad at a step. */
export function setup(
  makeOptimizer: () => optim.Optimizer,
  badStep?: number,
  value = NaN,
) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(2, 4),
    new nn.BatchNorm0d(4, { momentum: 0.5 }),
    new nn.Dropout<tf.Tensor2D>({ rate: 0.5 }),
    new nn.Linear(4, 1),
  );
  const optimizer = makeOptimizer()
    .registerTrainableWeights(model.states(ParamState));
  const numbers = Float32Array.from({ length: 4 * BATCHES }, (_, i) => i / 80);
  if (badStep !== undefined) numbers[4 * (badStep - 1) + 1] = value;
  const loss = (x: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.square(model.call(x) as tf.Tensor2D));
  const data = train.batches([train.column(numbers, [2])], { batchSize: 2 });
  return { model, optimizer, loss, data };
}

/** All that a step changes. */
export async function contents(
  { model, optimizer }: Pick<ReturnType<typeof setup>, "model" | "optimizer">,
): Promise<Readonly<Record<string, unknown>>> {
  const all: Record<string, unknown> = {};
  for (const [path, { value }] of Object.entries(model.states())) {
    all[path] = value instanceof tf.Tensor ? [...await value.data()] : value;
  }
  const { slots, ...rest } = optimizer.stateDict();
  for (const [slot, tensors] of Object.entries(slots)) {
    for (const [path, x] of Object.entries(tensors)) {
      all[`${slot} of ${path}`] = [...await x.data()];
      x.dispose();
    }
  }
  return {
    ...all,
    rest,
    last: optimizer.getLastLr(),
    random: random.default.value,
  };
}

/** Optimizers by what is special about their steps. */
export const OPTIMIZERS: Record<string, () => optim.Optimizer> = {
  SGD: () => new optim.SGD({ lr: 0.1 }),
  "SGD of a function": () => new optim.SGD({ lr: (step) => 0.1 / (1 + step) }),
  "Adam with a schedule": () =>
    new optim.Adam({
      lr: new optim.ExponentialLR({ baseLr: 0.1, gamma: 0.9 }),
    }),
  "AdamW with clipping": () =>
    new optim.AdamW({ lr: 0.1, weightDecay: 0.1, gradClipNorm: 0.1 }),
  RMSprop: () => new optim.RMSprop({ lr: 0.01, momentum: 0.9, centered: true }),
  Lamb: () => new optim.Lamb({ lr: 0.01 }),
  Adafactor: () => new optim.Adafactor({ lr: 0.01 }),
  SM3: () => new optim.SM3({ lr: 0.01 }),
  Lookahead: () =>
    new optim.Lookahead({
      baseOptimizer: new optim.SGD({ lr: 0.1 }),
      syncPeriod: 3,
    }),
  LBFGS: () => new optim.LBFGS({ lr: 0.01 }),
  Muon: () => new optim.Muon({ lr: 0.01 }),
  GaLore: () => new optim.GaLore({ rank: 1, updateProjGap: 3 }),
  Soap: () => new optim.Soap({ lr: 0.01, preconditionFrequency: 2 }),
  Sam: () => new optim.Sam({ baseOptimizer: new optim.Momentum({ lr: 0.01 }) }),
  Sophia: () => new optim.Sophia({ lr: 0.01, updatePeriod: 3 }),
  "steps of three gradients": () =>
    new optim.Optimizer({ tx: optim.accumulate(optim.adamw(), 3), lr: 0.01 }),
  "steps of finite gradients": () =>
    new optim.Optimizer({ tx: optim.skipNonFinite(optim.adamw()), lr: 0.01 }),
  "noise and adaptive clipping": () =>
    new optim.Optimizer({
      tx: optim.chain(
        optim.addGradientNoise(),
        optim.adaptiveGradClip(),
        optim.adamw(),
      ),
      lr: 0.01,
    }),
  "Cautious Momentum": () =>
    new optim.Cautious({ baseOptimizer: new optim.Momentum({ lr: 0.01 }) }),
  "centralized AdamW": () =>
    new optim.GradientCentralization({
      baseOptimizer: new optim.AdamW({ lr: 0.01 }),
    }),
  Mars: () => new optim.Mars({ lr: 0.01 }),
  Prodigy: () => new optim.Prodigy({ d0: 0.01 }),
};
