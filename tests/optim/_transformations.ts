/**
 * Transformations around and before others, by the names of their trajectories in
 * `scripts/golden/transformations.py`.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../optim/mod.ts";

type Tx = optim.GradientTransformation;

/** `tx` without its rule: what nothing can be fused with. */
export function opaque({ init, update, defaultLr }: Tx): Tx {
  return { init, update, defaultLr };
}

/** A transformation of the table. */
export interface Transformation {
  /** `inner` is applied to what is wrapped; else it changes nothing. */
  readonly make: (inner: (tx: Tx) => Tx) => Tx;
  /** Whether it has anything to wrap. */
  readonly wraps: boolean;
  /** Whether it runs as one kernel. */
  readonly isRule: boolean;
  /** Why its step is not replayed, if it is not. */
  readonly refusal?: string;
}

/** The reason where nothing is known of a transformation. */
const UNKNOWN =
  "its optimizer has a transformation that may compute in JavaScript";

const before = (make: () => Tx, isRule = true): Transformation => ({
  make: () => optim.chain(make(), optim.sgd({ lr: 0.1 })),
  wraps: false,
  isRule,
});

const around = (make: Transformation["make"]): Transformation => ({
  make,
  wraps: true,
  isRule: true,
});

const { accumulate, chain, skipNonFinite } = optim;
const adamw = () => optim.adamw({ lr: 0.01, weightDecay: 0.1 });
const momentum = () => optim.momentum({ lr: 0.1 });
const clip = () => optim.clipByGlobalNorm(1);

/** Those with trajectories. */
export const TRANSFORMATIONS: Readonly<Record<string, Transformation>> = {
  "clipByNorm": before(() => optim.clipByNorm(0.5)),
  "clipByBlockRms": before(() => optim.clipByBlockRms(0.3)),
  "adaptiveGradClip": before(
    () => optim.adaptiveGradClip({ clipping: 0.1 }),
    false,
  ),
  "adaptiveGradClip eps": before(
    () => optim.adaptiveGradClip({ clipping: 0.1, eps: 0.5 }),
    false,
  ),
  "ema": before(() => optim.ema(0.9)),
  "ema without debias": before(() => optim.ema(0.9, { debias: false })),
  "accumulate": around((inner) => accumulate(inner(adamw()), 4)),
  "accumulate and clip": around((inner) =>
    accumulate(chain(clip(), inner(adamw())), 3)
  ),
  "skipNonFinite": around((inner) => skipNonFinite(inner(momentum()))),
  "skipNonFinite AdamW": around((inner) => skipNonFinite(inner(adamw()))),
  "skipNonFinite AdamW of tensors": {
    make: () => skipNonFinite(opaque(adamw())),
    wraps: false,
    isRule: false,
    refusal: UNKNOWN,
  },
  "skipNonFinite and clip": around((inner) =>
    skipNonFinite(chain(clip(), inner(adamw())))
  ),
  "skipNonFinite two in a row": around((inner) =>
    skipNonFinite(
      chain(optim.clipByValue(0.5), inner(optim.sgd({ lr: 0.1 }))),
      { maxConsecutive: 1 },
    )
  ),
  "skipNonFinite of accumulate": around((inner) =>
    skipNonFinite(accumulate(inner(momentum()), 3))
  ),
  "accumulate of skipNonFinite": around((inner) =>
    accumulate(skipNonFinite(inner(momentum())), 3)
  ),
};

/** What is put in place of an element of the gradient of the vector, by step. */
const SPOILED: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  never: {},
  some: { 2: NaN, 5: Infinity, 6: NaN, 7: -Infinity },
  first: { 1: NaN, 2: Infinity, 5: NaN },
  infinite: { 2: Infinity, 5: Infinity, 6: -Infinity, 7: Infinity },
};

/** `grads` with the element that the script spoils in step `k`. */
export function spoil(
  grads: Record<string, tf.Tensor>,
  k: number,
  how: string,
): Record<string, tf.Tensor> {
  const value = SPOILED[how]![k];
  if (value === undefined) return grads;
  const { vector } = grads, x = vector!.bufferSync();
  x.set(value, 2);
  vector!.dispose();
  return { ...grads, vector: x.toTensor() };
}
