/** The loss scale, and steps that are skipped since gradients are not finite. */
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  autodiff,
  compile,
  decodeCheckpoint,
  encodeCheckpoint,
  nn,
  optim,
  ParamState,
  scope,
  tf,
  train,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

/**
 * What torch.amp.GradScaler of PyTorch 2.13 gives: the steps after which the scale has
 * another value, for three steps that overflow, 1999 that do not, one that does, 4000 that
 * do not, two that do, and one that does not.
 */
const PATTERN: readonly (readonly [isFinite: boolean, count: number])[] = [
  [false, 3],
  [true, 1999],
  [false, 1],
  [true, 4000],
  [false, 2],
  [true, 1],
];
const TORCH: readonly (readonly [step: number, scale: number])[] = [
  [0, 32768],
  [1, 16384],
  [2, 8192],
  [2002, 4096],
  [4002, 8192],
  [6002, 16384],
  [6003, 8192],
  [6004, 4096],
];

onEachBackend("the scale follows from the steps as in PyTorch", async () => {
  using lossScale = new train.LossScale();
  assertEquals(lossScale.value, 65536);
  const changes: [number, number][] = [];
  let step = 0;
  for (const [isFinite, count] of PATTERN) {
    for (let i = 0; i < count; i++, step++) {
      const before = lossScale.value;
      lossScale.update(isFinite);
      if (lossScale.value === before) continue;
      changes.push([step, lossScale.value]);
      assertEquals(await numbers(lossScale.factor), [lossScale.value]);
    }
  }
  assertEquals(changes, [...TORCH] as [number, number][]);
  assertEquals(lossScale.skipped, 6);
}, cpu);

onEachBackend("the scale stays between 2^-126 and 2^126", () => {
  using lossScale = new train.LossScale();
  for (let i = 0; i < 200; i++) lossScale.update(false);
  assertEquals(lossScale.value, 2 ** -126);
  lossScale.loadStateDict({ scale: 2 ** 126, applied: 1999, skipped: 0 });
  lossScale.update(true);
  assertEquals(lossScale.value, 2 ** 126);
}, cpu);

onEachBackend(
  "a loss scale continues from its state, and refuses others",
  async () => {
    using a = new train.LossScale(), b = new train.LossScale();
    for (let i = 0; i < 7; i++) a.update(i > 2);
    const state = a.stateDict();
    assertEquals(state, { scale: 8192, applied: 4, skipped: 3 });
    b.loadStateDict(state);
    assertEquals(b.stateDict(), state);
    assertEquals(await numbers(b.factor), [8192]);
    for (
      const [wrong, message] of [
        [
          { ...state, scale: 3 },
          "state.scale must be a power of 2 from 2^-126 to 2^126",
        ],
        [
          { ...state, scale: -1 },
          "state.scale must be a positive finite number",
        ],
        [{ ...state, scale: 2 ** 127 }, "state.scale must be a power of 2"],
        [
          { ...state, applied: 0.5 },
          "state.applied must be a nonnegative integer",
        ],
        [
          { ...state, skipped: -1 },
          "state.skipped must be a nonnegative integer",
        ],
        [null, "state must be a record"],
      ] as const
    ) {
      assertThrows(
        () => b.loadStateDict(wrong as never),
        Error,
        `Cannot load the loss scale: ${message}`,
      );
      assertEquals(b.stateDict(), state);
    }
  },
  cpu,
);

onEachBackend(
  "a loss scale is saved in a checkpoint as a part of it",
  async () => {
    using a = new train.LossScale(), b = new train.LossScale();
    a.update(false);
    a.update(true);
    const bytes = await encodeCheckpoint({ lossScale: a });
    await decodeCheckpoint(bytes, { lossScale: b });
    assertEquals(b.stateDict(), { scale: 32768, applied: 1, skipped: 1 });
    assertEquals(await numbers(b.factor), [32768]);
  },
  cpu,
);

/** A model, and its loss times `factor`. */
function problem(factor: number) {
  const w = scope(() => new ParamState(tf.tensor1d([1, -2, 3])));
  const empty = scope(() => new ParamState(tf.zeros([0])));
  const optimizer = new optim.Adam({ lr: 0.1 })
    .registerTrainableWeights({ w, empty });
  const loss = (x: tf.Tensor1D) =>
    tf.mul<tf.Scalar>(
      tf.add(tf.sum(tf.square(tf.mul(w.value, x))), tf.sum(empty.value)),
      factor,
    );
  return { w, optimizer, loss };
}

const batchOf = (i: number) => tf.tensor1d([1 + i, 2, 0.5]);

onEachBackend(
  "a step with a gradient that overflows is skipped, and others are as without scale",
  async () => {
    // 65536 times this is infinite in f32; a 16th of it is not.
    const factor = 2 ** 106;
    using lossScale = new train.LossScale();
    const scaled = problem(factor), plain = problem(factor);
    const step = train.step(scaled.loss, scaled.optimizer, { lossScale });
    const exact = train.step(plain.loss, plain.optimizer);
    const taken: number[] = [];
    for (let i = 0; i < 8; i++) {
      const x = batchOf(i);
      const { skipped } = lossScale;
      const loss = step(x);
      assert(
        Number.isFinite((await numbers(loss))[0]),
        "the loss is not scaled",
      );
      loss.dispose();
      if (lossScale.skipped === skipped) {
        taken.push(i);
        exact(x).dispose();
      }
      assertEquals(await numbers(scaled.w.value), await numbers(plain.w.value));
      x.dispose();
    }
    assert(taken.length >= 2 && taken.length <= 6, `taken: ${taken}`);
    assertEquals(lossScale.value, 65536 / 2 ** lossScale.skipped);
    assertEquals(lossScale.skipped, 8 - taken.length);
  },
);

onEachBackend(
  "steps with a loss scale leave no tensor but the loss",
  async () => {
    using lossScale = new train.LossScale();
    const { optimizer, loss } = problem(2 ** 112);
    const step = train.step(loss, optimizer, { lossScale });
    const x = batchOf(0);
    for (let i = 0; i < 8; i++) step(x).dispose();
    assert(lossScale.skipped > 0 && lossScale.skipped < 8);
    await assertNoLeak(() => step(x).dispose());
    lossScale.loadStateDict({ scale: 65536, applied: 0, skipped: 0 });
    await assertNoLeak(() => step(x).dispose());
    assertEquals(lossScale.skipped, 1);
    x.dispose();
  },
);

onEachBackend(
  "compile replays the gradient of a step with a loss scale, with the same bits",
  async () => {
    const run = async (isCompiled: boolean) => {
      using lossScale = new train.LossScale();
      const { w, optimizer, loss } = problem(2 ** 106);
      const eager = train.step(loss, optimizer, { lossScale });
      const reasons: string[] = [];
      const compiled = isCompiled
        ? compile(eager, { onFallback: (reason) => reasons.push(reason) })
        : undefined;
      for (let i = 0; i < 12; i++) {
        const x = batchOf(i);
        (compiled ?? eager)(x).dispose();
        x.dispose();
      }
      const { replayed = 0 } = compiled?.report() ?? {};
      compiled?.dispose();
      return {
        w: await numbers(w.value),
        state: lossScale.stateDict(),
        replayed,
        reasons,
      };
    };
    const eager = await run(false), compiled = await run(true);
    assertEquals([compiled.w, compiled.state], [eager.w, eager.state]);
    assert(compiled.replayed > 4, `replayed ${compiled.replayed}`);
    assertEquals(compiled.reasons.length, 1);
  },
  {
    only: ["wasm", "webgpu"],
    eager: "it compares steps that are compiled with those that are not",
  },
);

onEachBackend(
  "train.step refuses unknown options, and what is no LossScale",
  () => {
    const { optimizer, loss } = problem(1);
    assertThrows(
      () => train.step(loss, optimizer, { scale: 1 } as never),
      TypeError,
      'Cannot create a step: there is no option "scale"',
    );
    assertThrows(
      () => train.step(loss, optimizer, { lossScale: 2 as never }),
      TypeError,
      "Cannot create a step: lossScale must be a LossScale: current value is 2",
    );
  },
  cpu,
);

onEachBackend("a loss that is no scalar is refused as without a scale", () => {
  using lossScale = new train.LossScale();
  const { optimizer, w } = problem(1);
  for (const wrong of [() => w.value, () => 3]) {
    const messages = [{}, { lossScale }].map((options) =>
      assertThrows(
        () => train.step(wrong as never, optimizer, options)(),
        TypeError,
      ).message
    );
    assertStrictEquals(messages[0], messages[1]);
  }
}, cpu);

onEachBackend(
  "what the loss writes to states is kept in a step that is skipped",
  async () => {
    using lossScale = new train.LossScale();
    const norm = new nn.BatchNorm0d(2);
    const optimizer = new optim.SGD({ lr: 1 })
      .registerTrainableWeights(norm.states(ParamState));
    const step = train.step(
      (x: tf.Tensor2D) => tf.mul<tf.Scalar>(tf.sum(norm.call(x)), 2 ** 126),
      optimizer,
      { lossScale },
    );
    const values = () =>
      Promise.all(
        Object.values(norm.states()).map((s) => numbers(s.value as tf.Tensor)),
      );
    const before = await values();
    const x = tf.tensor2d([[1, 2], [3, 5]]);
    step(x).dispose();
    assertEquals(lossScale.skipped, 1);
    const after = await values();
    const params = Object.keys(norm.states()).map((path) =>
      path in norm.states(ParamState)
    );
    assertEquals(params, before.map((x, i) => `${x}` === `${after[i]}`));
    x.dispose();
  },
  cpu,
);

onEachBackend("the gradient of a scaled loss is that of the loss", async () => {
  using lossScale = new train.LossScale();
  const { w, optimizer, loss } = problem(1);
  const x = batchOf(0);
  const grads = autodiff.grad(loss, { states: { w } })(x);
  const sgd = new optim.SGD({ lr: 1 }).registerTrainableWeights({ w });
  const before = await numbers(w.value), g = await numbers(grads.w);
  train.step(loss, sgd, { lossScale })(x).dispose();
  assertEquals(
    await numbers(w.value),
    before.map((v, i) => Math.fround(v - g[i]!)),
  );
  tf.dispose([x, grads.w]);
  assert(optimizer);
}, cpu);
