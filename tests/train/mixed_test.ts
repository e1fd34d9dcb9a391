/** Training in mixed precision. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  autodiff,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
  useBackend,
} from "../../mod.ts";
import { inFolder } from "../_folder.ts";
import { inMixedPrecision } from "../_mixed.ts";
import { line, numbers, weights, type X } from "./_setup.ts";

/** Examples that grow, so that gradients overflow again and again. */
function growing(shuffle = false) {
  const values = Float32Array.of(1, 2, 4, 30, 20, 150, 200, 1000, 3000, 2000);
  return train.batches([train.column(values, [1])], { batchSize: 1, shuffle });
}

/** The steps that the rule of PyTorch's GradScaler skips, in a plain loop. */
async function plainLoop(epochs: number) {
  const { model, optimizer, loss } = line(1e-9);
  const gradient = autodiff.grad(
    (x: tf.Tensor2D, scale: number) => tf.mul<tf.Scalar>(loss(x), scale),
    { states: optimizer.paramStates },
  );
  let scale = 65536, batch = 0;
  const skipped: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [x] of growing()) {
      const grads = gradient(x, scale);
      const values = Object.values(grads).flatMap((g) => [...g.dataSync()]);
      if (values.every(Number.isFinite)) {
        const unscaled = Object.entries(grads)
          .map(([path, g]) => [path, tf.div(g, scale)]);
        tf.dispose({ ...grads });
        optimizer.step(Object.fromEntries(unscaled));
      } else {
        tf.dispose({ ...grads });
        scale /= 2;
        skipped.push(batch);
      }
      batch++;
      x.dispose();
    }
  }
  return {
    skipped,
    weights: await weights(model),
    taken: batch - skipped.length,
  };
}

for (const compile of [false, true]) {
  const how = compile ? "compiled" : "eager";
  inMixedPrecision(
    `fit skips the steps that PyTorch's rule skips (${how})`,
    async () => {
      const before = tf.memory().numTensors;
      const { model, optimizer, loss } = line(1e-9);
      const made = tf.memory().numTensors - before;
      let batch = 0;
      const taken: number[] = [];
      const result = await train.fit<X>({
        optimizer,
        loss,
        data: async function* () {
          for await (const x of growing()) {
            batch++;
            yield x;
          }
        },
        epochs: 3,
        compile,
        callbacks: [{
          onStep() {
            taken.push(batch - 1);
          },
        }],
      });
      assertEquals(tf.memory().numTensors, before + made);
      const expected = await plainLoop(3);
      const all = Array.from({ length: batch }, (_, i) => i);
      assertEquals(all.filter((i) => !taken.includes(i)), expected.skipped);
      assertEquals([result.skipped, result.step], [
        expected.skipped.length,
        expected.taken,
      ]);
      assert(expected.skipped.length > 5 && expected.skipped[5]! > 5);
      assertEquals(await weights(model), expected.weights);
      assertEquals(result.reason, "done");
      if (compile) assert(result.compiled!.replayed > 10);
    },
  );
}

inMixedPrecision(
  "a run in mixed precision that is killed and resumed ends with the same bits",
  async () => {
    const run = (folder: string, extra: Partial<train.FitOptions<X>>) => {
      const { model, optimizer, loss } = line(1e-9);
      const options = {
        optimizer,
        loss,
        data: growing(true),
        epochs: 2,
        checkpoint: { folder, every: 1 },
        ...extra,
      };
      return { model, fit: () => train.fit<X>(options) };
    };
    await inFolder(async (folder) => {
      const whole = run(`${folder}/whole`, {});
      const expected = await whole.fit();
      assert(expected.skipped > 5 && expected.step > 4);
      for (const killed of [1, 3, 5]) {
        const dir = `${folder}/${killed}`;
        const first = run(dir, {
          callbacks: [{
            onStep({ step }) {
              if (step === killed + 1) throw new Error("killed");
            },
          }],
        });
        await assertRejects(first.fit, Error, "killed");
        const second = run(dir, { resume: true });
        const result = await second.fit();
        assertEquals([result.step, result.skipped], [
          expected.step,
          expected.skipped,
        ]);
        assertEquals(await weights(second.model), await weights(whole.model));
        const { model, fit } = run(dir, { resume: true });
        assertEquals((await fit()).skipped, expected.skipped);
        assertEquals(await weights(model), await weights(whole.model));
      }
    });
  },
);

inMixedPrecision("gradients of several batches are scaled alike", async () => {
  const run = async () => {
    const { model, ...options } = line(0.01);
    const { skipped, step } = await train.fit<X>({
      ...options,
      accumulate: 2,
      epochs: 20,
    });
    return { weights: await weights(model), skipped, steps: step + skipped };
  };
  const mixed = await run();
  assert(mixed.skipped > 0 && mixed.skipped < 10, `${mixed.skipped}`);
  assertEquals(mixed.steps, 40);
  const { model, ...options } = line(0.01);
  await useBackend("webgpu");
  await train.fit<X>({
    ...options,
    accumulate: 2,
    steps: 40 - mixed.skipped,
    epochs: 20,
  });
  const full = await weights(model);
  mixed.weights.forEach((w, i) => {
    assert(Math.abs(w - full[i]!) < 0.02, `${w} instead of ${full[i]}`);
  });
});

/** Points of two classes, one around the other. */
function rings() {
  const points = Array.from({ length: 128 }, (_, i) => {
    const angle = i * 2.4, radius = i % 2 ? 2 : 0.7;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  const labels = points.map((_, i) => i % 2);
  return {
    x: tf.tensor2d(points),
    y: tf.tensor1d(labels, "int32"),
    columns: train.batches([
      train.column(Float32Array.from(points.flat()), [2]),
      train.column(Int32Array.from(labels), []),
    ], { batchSize: 32, shuffle: true }),
  };
}

inMixedPrecision(
  "a small model becomes as accurate as in full precision",
  async () => {
    const accuracy = async () => {
      random.seed(3);
      const { x, y, columns } = rings();
      const model = new nn.Sequential(
        new nn.Linear(2, 16),
        new nn.Tanh(),
        new nn.Linear(16, 2),
      );
      const { skipped, values } = await train.fit<[tf.Tensor2D, tf.Tensor1D]>({
        optimizer: new optim.Adam({ lr: 0.05 })
          .registerTrainableWeights(model.states(ParamState)),
        loss: (x, y) =>
          nn.softmaxCrossEntropy(model.call(x) as tf.Tensor2D, y, {
            reduction: "mean",
          }),
        data: columns,
        epochs: 25,
      });
      const right = tf.tidy(() =>
        tf.mean(tf.cast(
          tf.equal(tf.argMax(model.call(x) as tf.Tensor2D, 1), y),
          "float32",
        ))
      );
      const [share] = await right.data();
      tf.dispose([x, y, right]);
      return { share, skipped, loss: values.loss! };
    };
    const mixed = await accuracy();
    await useBackend("webgpu");
    const full = await accuracy();
    assertEquals([full.share, mixed.share], [1, 1]);
    assert(mixed.loss !== full.loss, "the precision has an effect");
    assertEquals(full.skipped, 0);
  },
);

inMixedPrecision(
  "a loss that is not finite is refused as in full precision",
  async () => {
    for (const nan of ["stop", "skip"] as const) {
      const { model: _, loss, optimizer } = line(0.001);
      let calls = 0;
      const result = await train.fit<X>({
        optimizer,
        loss: (x) => ++calls === 12 ? tf.mul(loss(x), NaN) : loss(x),
        data: numbers(),
        epochs: 4,
        nan,
      });
      if (nan === "stop") {
        assert(Number.isNaN(result.failed!.loss));
        assertEquals(result.step + result.skipped, 11);
      } else assertEquals(result.step + result.skipped, 16);
    }
  },
);

inMixedPrecision(
  "training ends after 100 steps in a row with gradients that are not finite",
  async () => {
    const { loss, optimizer } = line();
    const broken = autodiff.customGradient((x: tf.Scalar) => ({
      value: tf.clone(x),
      gradient: (dy: tf.Scalar) => tf.mul(dy, NaN),
    }));
    const result = await train.fit<X>({
      optimizer,
      loss: (x) => broken(loss(x)),
      data: numbers(),
      epochs: 100,
    });
    assertEquals([result.step, result.skipped], [0, 100]);
    assertEquals(
      result.reason,
      "the gradients of 100 steps in a row are not finite",
    );
  },
);

inMixedPrecision(
  "train.step needs a loss scale in mixed precision",
  async () => {
    const { loss, optimizer } = line();
    const x = tf.ones<tf.Rank.R2>([2, 1]);
    const before = tf.memory().numTensors;
    assertThrows(
      () => train.step(loss, optimizer)(x),
      TypeError,
      "Cannot take a step: lossScale must be given in mixed precision",
    );
    assertEquals(tf.memory().numTensors, before);
    const lossScale = new train.LossScale();
    const step = train.step(loss, optimizer, { lossScale });
    for (let i = 0; i < 8; i++) step(x).dispose();
    lossScale.dispose();
    assertEquals(tf.memory().numTensors, before);
    x.dispose();
    await Promise.resolve();
  },
);

inMixedPrecision("findLr scales the loss, and leaves nothing", async () => {
  const { model, loss, optimizer } = line();
  const before = await weights(model), held = tf.memory().numTensors;
  const find = async () => {
    const options = { optimizer, loss, steps: 30, minLr: 1e-4, maxLr: 0.01 };
    const { losses } = await train.findLr<X>({ ...options, data: numbers() });
    return losses;
  };
  const mixed = await find();
  assertEquals(await weights(model), before);
  assertEquals(tf.memory().numTensors, held);
  await useBackend("webgpu");
  const full = await find();
  assertEquals(mixed.length, full.length);
  mixed.forEach((x, i) => {
    assert(Math.abs(x / full[i]! - 1) < 0.1, `${x} instead of ${full[i]}`);
  });
  assert(mixed.some((x, i) => x !== full[i]), "the precision has an effect");
});

inMixedPrecision("a line search is refused in mixed precision", async () => {
  const { model, loss } = line();
  const optimizer = new optim.LBFGS({ linesearch: "zoom" })
    .registerTrainableWeights(model.states(ParamState));
  await assertRejects(
    () => train.fit<X>({ optimizer, loss, data: numbers(), epochs: 1 }),
    RangeError,
    'Cannot fit: the precision of useBackend must be "full" with a line search: current value is "mixed"',
  );
});
