/**
 * Steps of optimizers that are not elementwise alone, replayed whole: the same bits as
 * step by step, whatever happens to the optimizer in between.
 */
import { assert, assertEquals } from "@std/assert";
import {
  compile,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
} from "../../mod.ts";
import {
  perTensor,
  type TensorRule,
} from "../../optim/transforms/per_tensor.ts";
import { FULL, onEachBackend } from "../_backends.ts";

const STEPS = 60;

type Params = Record<string, ParamState>;
type Tx = optim.GradientTransformation;

const schedule = () => new optim.CosineAnnealingLR({ baseLr: 0.02, tMax: 50 });
const optimizerOf = (tx: Tx) => new optim.Optimizer({ tx, lr: schedule() });

/** Optimizers of two groups with different options, by what is special about them. */
const OPTIMIZERS: Readonly<
  Record<string, (body: Params, head: Params) => optim.Optimizer>
> = {
  Muon: (body, head) =>
    new optim.Muon({ lr: schedule(), gradClipNorm: 0.5 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        lr: 0.01,
        muonMask: /weight/,
        weightDecay: 0,
        momentum: 0.8,
        adamLr: 0.003,
      }) as unknown as optim.Optimizer,
  "Muon beside AdamW": (body, head) =>
    new optim.AdamW({ lr: schedule(), weightDecay: 0.1, gradClipNorm: 0.5 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        tx: optim.muon({ muonMask: /weight/ }),
      }) as unknown as optim.Optimizer,
  "centralized AdamW": (body, head) =>
    new optim.GradientCentralization({
      baseOptimizer: new optim.AdamW({ lr: schedule(), weightDecay: 0.1 }),
    }).registerTrainableWeights(body)
      .addParamGroup(head, {
        centralizeMask: /nothing/,
        gradClipValue: 0.05,
      }) as unknown as optim.Optimizer,
  "adaptive clipping": (body, head) =>
    optimizerOf(optim.chain(
      optim.clipByGlobalNorm(1),
      optim.adaptiveGradClip({ clipping: 0.05 }),
      optim.adamw({ weightDecay: 0.1 }),
    )).registerTrainableWeights(body)
      .addParamGroup(head, { tx: optim.lion(), lr: 0.001 }),
  "noise of gradients": (body, head) =>
    optimizerOf(optim.chain(
      optim.addGradientNoise({ eta: 0.001 }),
      optim.adamw({ weightDecay: 0.1 }),
    )).registerTrainableWeights(body)
      .addParamGroup(head, {
        tx: optim.chain(optim.addGradientNoise({ gamma: 1 }), optim.sgd()),
      }),
  "adaptive clipping of some": (body, head) =>
    optimizerOf(optim.chain(
      optim.masked(optim.adaptiveGradClip({ clipping: 0.05 }), /weight/),
      optim.clipByGlobalNorm(1),
      optim.adamw({ weightDecay: 0.1 }),
    )).registerTrainableWeights({ ...body, ...head }),
  Adafactor: (body, head) =>
    new optim.Adafactor({ lr: schedule(), minDimSizeToFactor: 2, beta1: 0.9 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        decayRate: -0.3,
        weightDecay: 0.1,
        clipThreshold: 0.5,
      }) as unknown as optim.Optimizer,
  "Adafactor of relative steps": (body, head) =>
    new optim.Adafactor({ minDimSizeToFactor: 6, weightDecay: 0.1 })
      .registerTrainableWeights(body)
      .addParamGroup(head, { factored: false }) as unknown as optim.Optimizer,
  Soap: (body, head) =>
    new optim.Soap({ lr: schedule(), gradClipNorm: 0.5 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        weightDecay: 0.1,
        precondition1d: true,
        normalizeGrads: true,
      }) as unknown as optim.Optimizer,
  GaLore: (body, head) =>
    new optim.GaLore({ lr: schedule(), rank: 2, updateProjGap: 11 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        weightDecay: 0.1,
        scale: 1,
      }) as unknown as optim.Optimizer,
  SM3: (body, head) =>
    new optim.SM3({ lr: schedule(), weightDecay: 0.1 })
      .registerTrainableWeights(body)
      .addParamGroup(head, {
        weightDecay: 0.3,
        eps: 1e-4,
      }) as unknown as optim.Optimizer,
  "lazy rows": (body, head) =>
    optimizerOf(optim.lazyRows(optim.adam())).registerTrainableWeights(body)
      .addParamGroup(head, { tx: optim.lazyRows(optim.sm3()) }),
  "steps of finite gradients": (body, head) =>
    optimizerOf(optim.skipNonFinite(optim.chain(
      optim.adaptiveGradClip({ clipping: 0.05 }),
      optim.adamw({ weightDecay: 0.1 }),
    ))).registerTrainableWeights({ ...body, ...head }),
  "updates that agree": (body, head) =>
    new optim.Cautious({
      baseOptimizer: optim.chain(optim.adaptiveGradClip(), optim.adamw()),
      lr: schedule(),
    }).registerTrainableWeights({
      ...body,
      ...head,
    }) as unknown as optim.Optimizer,
};

const bits = async (x: tf.Tensor) =>
  `${new Uint32Array((await x.data()).slice().buffer)}`;

/** Train, and save, freeze, load and share in between; all that is seen of it. */
async function run(name: string, isCompiled: boolean) {
  random.seed(5);
  const model = new nn.Sequential(
    new nn.Linear(4, 6),
    nn.relu,
    new nn.Linear(6, 6),
    nn.relu,
    new nn.Linear(6, 3),
  );
  const all = model.states(ParamState) as Params;
  const { "layers.4.weight": weight, "layers.4.bias": bias, ...body } = all;
  const head = { "layers.4.weight": weight!, "layers.4.bias": bias! };
  const optimizer = OPTIMIZERS[name]!(body, head);
  const plain = train.step(
    (x: tf.Tensor2D, y: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
    optimizer,
  );
  const compiled = compile(plain, { onFallback: "throw" });
  const step = isCompiled ? compiled : plain;
  const seen: string[] = [];
  let saved: optim.OptimizerState | undefined, kept: tf.Tensor | undefined;
  for (let k = 1; k <= STEPS; k++) {
    const source = { random: new random.RandomState(k) };
    const x = random.normal<tf.Rank.R2>([4, 4], source);
    const y = random.normal<tf.Rank.R2>([4, 3], source);
    const loss = step(x, y);
    seen.push(await bits(loss));
    tf.dispose([x, y, loss]);
    optimizer.lrScheduler.step();
    if (k === 12) saved = optimizer.stateDict();
    if (k === 15) nn.freeze(model, "layers.0");
    if (k === 25) nn.unfreeze(model, "layers.0");
    if (k === 35) {
      optimizer.loadStateDict(saved!);
      for (const slots of Object.values(saved!.slots)) tf.dispose({ ...slots });
    }
    if (k === 45) {
      const [[, slots]] = Object.entries(optimizer.optState.slots) as [
        [string, Record<string, tf.Tensor>],
      ];
      kept = tf.keep(tf.clone(Object.values(slots)[0]!));
    }
    if (k === 48) {
      seen.push(await bits(kept!));
      kept!.dispose();
    }
  }
  const { steps, slots } = optimizer.optState;
  for (const [path, state] of Object.entries(all)) {
    seen.push(`${path} ${steps[path]} ${await bits(state.value)}`);
    state.dispose();
  }
  for (const [slot, tensors] of Object.entries(slots)) {
    for (const [path, x] of Object.entries(tensors)) {
      seen.push(`${slot} ${path} ${await bits(x)}`);
    }
  }
  seen.push(`${optimizer.stepCount} ${optimizer.getLastLr()}`);
  const { replayed } = compiled.report();
  compiled.dispose();
  optimizer.dispose();
  return { seen, replayed };
}

for (const name of Object.keys(OPTIMIZERS)) {
  const test = async () => {
    const before = tf.memory().numTensors;
    const plain = await run(name, false);
    const { seen, replayed } = await run(name, true);
    assertEquals(seen, plain.seen);
    assert(replayed >= 40, `${replayed} are replayed`);
    assertEquals(tf.memory().numTensors, before);
  };
  const title = `${name}: whole steps are replayed with the same bits`;
  const isEverywhere = FULL || name === "Muon";
  onEachBackend(title, test, {
    only: isEverywhere ? ["wasm", "webgpu"] : ["wasm"],
  });
  if (FULL) onEachBackend(title, test, { only: ["wasm"], threads: 2 });
}

onEachBackend(
  "where each step does something on the host, only the gradient is replayed, and the reason told",
  async () => {
    const { "layers.0.weight": w } = new nn.Sequential(new nn.Linear(3, 2))
      .states(ParamState) as Params;
    using optimizer = new optim.Soap({ preconditionFrequency: 1 })
      .registerTrainableWeights({ w: w! });
    const told: string[] = [];
    using step = compile(
      train.step(
        (x: tf.Tensor2D) =>
          tf.mean<tf.Scalar>(tf.square(tf.matMul(x, w!.value as tf.Tensor2D))),
        optimizer as unknown as optim.Optimizer,
      ),
      { onFallback: (reason) => told.push(reason) },
    );
    const x = tf.ones<tf.Rank.R2>([4, 3]);
    for (let k = 0; k < 10; k++) step(x).dispose();
    assertEquals(told.length, 1);
    assert(told[0]!.includes("each call does something that cannot be"));
    assertEquals(step.report().replayed, 4);
    tf.dispose(x);
    await Promise.resolve();
  },
  { only: ["wasm", "webgpu"] },
);

/** Rules of whole tensors that steps are not replayed with, and why. */
const REFUSED: Readonly<Record<string, readonly [TensorRule, string]>> = {
  "looks at the number of the step": [
    {
      init: () => ({}),
      update: ({ update }, { t }) => ({
        update: tf.mul(update, 1 / t),
        slots: {},
      }),
    },
    "its optimizer computes with the number of the step in JavaScript",
  ],
  "looks at the rate": [
    {
      init: () => ({}),
      update: ({ update }, { lr }) => ({
        update: tf.mul(update, lr!),
        slots: {},
      }),
    },
    "its optimizer computes with the learning rate in JavaScript",
  ],
  "keeps integers": [
    {
      init: () => ({ n: tf.scalar(0, "int32") }),
      update: ({ update, slots }) => ({
        update: tf.div(update, tf.add(slots["n"]!, 1)),
        slots: { n: tf.add(slots["n"]!, tf.scalar(1, "int32")) },
      }),
    },
    "its optimizer changes the shape of a slot, or one of integers",
  ],
  "keeps more in each step": [
    {
      init: () => ({ all: tf.zeros([1]) }),
      update: ({ update, slots }) => {
        const all = tf.concat([slots["all"]!, tf.ones([1])]);
        return { update: tf.mul(update, tf.sum(all)), slots: { all } };
      },
    },
    "its optimizer changes the shape of a slot, or one of integers",
  ],
};

for (const [what, [rule, expected]] of Object.entries(REFUSED)) {
  onEachBackend(
    `a rule that ${what} is not replayed, and the reason told`,
    async () => {
      const run = async (isCompiled: boolean) => {
        const start = tf.ones([3]), w = new ParamState(start);
        using optimizer = optimizerOf(perTensor(rule))
          .registerTrainableWeights({ w });
        const plain = (g: tf.Tensor) => {
          optimizer.step({ w: tf.mul(g, 2) });
          return tf.scalar(0);
        };
        using compiled = compile(plain, { onFallback: "ignore" });
        for (let k = 0; k < 5; k++) {
          const g = tf.fill([3], k), step = isCompiled ? compiled : plain;
          const done = tf.tidy(() => step(g));
          optimizer.lrScheduler.step();
          tf.dispose([g, done]);
        }
        const seen = await bits(w.value);
        tf.dispose(start);
        w.dispose();
        return { seen, reason: compiled.report().reason };
      };
      const { seen, reason } = await run(true);
      assertEquals(reason, expected);
      assertEquals(seen, (await run(false)).seen);
    },
    { only: ["wasm", "webgpu"] },
  );
}

onEachBackend(
  "slots that were loaded from numbers are computed with on the device, and replayed",
  async () => {
    const run = async (isCompiled: boolean) => {
      const start = tf.ones([3]), w = new ParamState(start);
      start.dispose();
      using optimizer = new optim.SM3({ lr: 0.1 })
        .registerTrainableWeights({ w });
      const { slots, ...state } = optimizer.stateDict();
      const loaded = Object.entries(slots).map(([slot, { w }]) => {
        const x = tf.tensor(Float32Array.of(1, 2, 3), [3]);
        w!.dispose();
        return [slot, { w: x }] as const;
      });
      optimizer.loadStateDict({ ...state, slots: Object.fromEntries(loaded) });
      for (const [, { w }] of loaded) w.dispose();
      const plain = (g: tf.Tensor) => {
        optimizer.step({ w: tf.mul(g, 2) });
        return tf.scalar(0);
      };
      using compiled = compile(plain, { onFallback: "throw" });
      const step = isCompiled ? compiled : plain;
      for (let k = 0; k < 5; k++) {
        const g = tf.fill([3], k), done = tf.tidy(() => step(g));
        tf.dispose([g, done]);
      }
      const seen = await bits(w.value);
      w.dispose();
      return { seen, replayed: compiled.report().replayed };
    };
    const { seen, replayed } = await run(true);
    assertEquals(replayed, 3);
    assertEquals(seen, (await run(false)).seen);
  },
  { only: ["wasm", "webgpu"] },
);
