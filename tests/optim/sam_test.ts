/** Sam against pytorch_optimizer, by hand, in `train.step`, in `fit` and compiled. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { grad } from "../../autodiff/mod.ts";
import { withoutFusion } from "../../backend/fusion/mod.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../checkpoint.ts";
import { compile } from "../../compile.ts";
import * as nn from "../../nn/mod.ts";
import { scope } from "../../memory.ts";
import * as optim from "../../optim/mod.ts";
import * as random from "../../random.ts";
import { BatchState, ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import golden from "../golden/sam.json" with { type: "json" };

/** The formula of scripts/golden/sam.py. */
function wave(shape: number[], seed: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b);
  return tf.tensor(
    Float32Array.from(
      { length: size },
      (_, i) => Math.sin(seed + 1.7 * i + 0.3 * i * i),
    ),
    shape,
  );
}

const BASES: Readonly<Record<string, () => optim.Momentum | optim.AdamW>> = {
  "Momentum 0.1": () => new optim.Momentum({ lr: 0.1 }),
  "AdamW 0.01": () => new optim.AdamW({ lr: 0.01 }),
};

function setup(base = "Momentum 0.1", options: Partial<optim.SamOptions> = {}) {
  const params = scope(() => ({
    w: new ParamState(wave([3, 4], 1) as tf.Tensor2D),
    b: new ParamState(wave([4], 2) as tf.Tensor1D),
  }));
  const optimizer = new optim.Sam({
    baseOptimizer: BASES[base]!(),
    ...options,
  }).registerTrainableWeights(params);
  const loss = (x: tf.Tensor2D, y: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(
      tf.squaredDifference(
        tf.tanh(
          tf.add(tf.matMul(x, params.w.value), params.b.value),
        ),
        y,
      ),
    );
  return { params, optimizer, loss };
}

function batch(): [tf.Tensor2D, tf.Tensor2D] {
  return [wave([6, 3], 3), wave([6, 4], 4)] as [tf.Tensor2D, tf.Tensor2D];
}

async function valuesOf(params: Readonly<Record<string, ParamState>>) {
  const all = Object.values(params).map(({ value }) => value.data());
  return (await Promise.all(all)).flatMap((x) => [...x]);
}

async function follow({ base, options, steps }: typeof golden.cases[number]) {
  const { params, optimizer, loss } = setup(base, options);
  const [x, y] = batch();
  const closure = grad(() => loss(x, y), { states: params, returnValue: true });
  const recorded: Readonly<Record<string, number[]>> = steps;
  for (let k = 1; k <= 30; k++) {
    optimizer.step(closure).dispose();
    const values = recorded[k] && await valuesOf(params);
    recorded[k]?.forEach((expected, i) => {
      const error = Math.abs(values![i]! - expected);
      assert(error < 1e-6 + 1e-5 * Math.abs(expected), `${k} ${i}: ${error}`);
    });
  }
  optimizer.dispose();
  tf.dispose([x, y]);
}

for (const test of golden.cases) {
  onEachBackend(
    `Sam around ${test.base} with ${
      JSON.stringify(test.options)
    } follows pytorch_optimizer`,
    async () => {
      await follow(test);
      await withoutFusion(() => follow(test));
    },
  );
}

onEachBackend(
  "a step of Sam leaves no tensors, and train.step takes the same ones, compiled too",
  async (backend) => {
    const run = async (how: "hand" | "step" | "compiled" | "grads") => {
      const { params, optimizer, loss } = setup("AdamW 0.01", { rho: 0.3 });
      const [x, y] = batch();
      const closure = grad(() => loss(x, y), {
        states: params,
        returnValue: true,
      });
      const plain = train.step(loss, optimizer);
      using compiled = compile(plain);
      let steady = 0;
      for (let k = 0; k < 8; k++) {
        if (how === "hand") optimizer.step(closure).dispose();
        else if (how === "grads") {
          const [grads, value] = closure();
          const keep = k % 2 === 1;
          optimizer.step(grads, { valueFn: closure, keep });
          if (keep) tf.dispose({ ...grads });
          value.dispose();
        } else (how === "step" ? plain : compiled)(x, y).dispose();
        if (k === 3) steady = tf.memory().numTensors;
      }
      assertEquals(tf.memory().numTensors, steady);
      if (how === "compiled" && backend !== "cpu") {
        assert(compiled.report().replayed >= 5, compiled.report().reason);
      }
      const values = await valuesOf(params);
      optimizer.dispose();
      return values;
    };
    const byHand = await run("hand");
    assertEquals(await run("grads"), byHand);
    assertEquals(await run("step"), byHand);
    assertEquals(await run("compiled"), byHand);
  },
);

/** A model with running statistics and random numbers. */
function fitted(isPlain = false) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(2, 4),
    new nn.BatchNorm0d(4, { momentum: 0.5 }),
    new nn.Dropout<tf.Tensor2D>({ rate: 0.5 }),
    new nn.Linear(4, 1),
  );
  const base = new optim.Momentum({ lr: 0.01 });
  const optimizer = isPlain ? base : new optim.Sam({ baseOptimizer: base });
  optimizer.registerTrainableWeights(model.states(ParamState));
  const loss = (x: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(tf.square(model.call(x) as tf.Tensor2D));
  const data = train.batches(
    [train.column(Float32Array.from({ length: 24 }, (_, i) => i / 24), [2])],
    { batchSize: 2 },
  );
  return { model, optimizer, loss, data };
}

async function contents(model: nn.Module): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const [path, { value }] of Object.entries(model.states())) {
    if (value instanceof tf.Tensor) all[path] = [...await value.data()];
  }
  return all;
}

onEachBackend(
  "fit takes the steps of Sam, compiled with the same bits",
  async () => {
    const run = async (options: object) => {
      const parts = fitted();
      const { log } = await train.fit({ ...parts, epochs: 2, ...options });
      return { ...await contents(parts.model), loss: log.steps.at(-1)!.loss };
    };
    const plain = await run({});
    assertEquals(await run({ compile: true }), plain);
    for (const nan of ["ignore", "skip"] as const) {
      assertEquals(await run({ nan }), plain);
    }
  },
);

onEachBackend(
  "only the first evaluation of a step counts in running statistics",
  async () => {
    const [sam, plain] = [fitted(), fitted(true)];
    for (const parts of [sam, plain]) {
      await train.fit({ ...parts, steps: 1 });
    }
    const statistics = async ({ model }: typeof sam) => {
      const paths = Object.keys(model.states(BatchState));
      const all = await contents(model);
      return paths.map((path) => all[path]);
    };
    assertEquals(await statistics(sam), await statistics(plain));
    assertNotEquals(await contents(sam.model), await contents(plain.model));
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "Sam saved, loaded and continued equals itself uninterrupted",
  async () => {
    const [whole, second] = [setup("AdamW 0.01"), setup("AdamW 0.01")];
    const parts = ({ params, optimizer }: typeof whole) => ({
      params,
      optimizer,
    });
    const [x, y] = batch();
    const stepOf = ({ loss, optimizer }: typeof whole) => {
      const step = train.step(loss, optimizer);
      return () => step(x, y).dispose();
    };
    for (let k = 0; k < 3; k++) stepOf(whole)();
    const saved = await encodeCheckpoint(parts(whole));
    await decodeCheckpoint(saved, parts(second));
    for (const each of [whole, second]) {
      for (let k = 0; k < 3; k++) stepOf(each)();
    }
    assertEquals(await valuesOf(second.params), await valuesOf(whole.params));
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "an evaluation that throws leaves parameters as they were",
  async () => {
    const { params, optimizer, loss } = setup();
    const [x, y] = batch();
    const closure = grad(() => loss(x, y), {
      states: params,
      returnValue: true,
    });
    const before = await valuesOf(params);
    let calls = 0;
    await assertNoLeak(() => {
      calls = 0;
      assertThrows(
        () =>
          optimizer.step(() => {
            if (++calls === 2) throw new Error("no second time");
            return closure();
          }),
        Error,
        "no second time",
      );
    });
    assertEquals(await valuesOf(params), before);
    assertEquals(optimizer.stepCount, 0);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "a function that returns no gradients and loss is refused, at both points",
  async () => {
    const { params, optimizer, loss } = setup();
    const lbfgs = new optim.LBFGS({ linesearch: "zoom" })
      .registerTrainableWeights(params);
    const [x, y] = batch();
    const closure = grad(() => loss(x, y), {
      states: params,
      returnValue: true,
    });
    const before = await valuesOf(params);
    const message = (shown: string) =>
      `what the function returns must be [gradients, loss] or { value, grads }, as of autodiff.grad with returnValue: current value is ${shown}`;
    const wrong: [unknown, string][] = [
      [3, "3"],
      [undefined, "undefined"],
      [Promise.resolve(), "an instance of Promise"],
      [[{}], "["],
      [tf.scalar(1), "a tensor of float32 with shape []"],
      [grad(() => loss(x, y), { states: params })(), "an object"],
    ];
    for (const [result, shown] of wrong) {
      assertThrows(
        () => optimizer.step(() => result as never),
        TypeError,
        `Cannot step Sam: ${message(shown)}`,
      );
      let calls = 0;
      assertThrows(
        () => optimizer.step(() => ++calls === 1 ? closure() : result as never),
        TypeError,
        `Cannot step Sam: ${message(shown)}`,
      );
      await assertRejects(
        () => lbfgs.step(() => result as never),
        TypeError,
        `Cannot step LBFGS: ${message(shown)}`,
      );
    }
    assertEquals(await valuesOf(params), before);
    assertEquals([optimizer.stepCount, lbfgs.stepCount], [0, 0]);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "gradients of the second point that do not fit are refused, and freed",
  async () => {
    const { params, optimizer, loss } = setup();
    const [x, y] = batch();
    const closure = grad(() => loss(x, y), {
      states: params,
      returnValue: true,
    });
    const before = await valuesOf(params);
    await assertNoLeak(() => {
      let calls = 0;
      assertThrows(
        () =>
          optimizer.step(() => {
            const found = closure();
            if (++calls === 1) return found;
            const [grads, value] = found as unknown as [
              Record<string, tf.Tensor>,
              tf.Scalar,
            ];
            const name = Object.keys(grads)[0]!;
            grads[name]!.dispose();
            return [{ ...grads, [name]: tf.ones([7]) }, value] as never;
          }),
        RangeError,
        "Cannot step Sam: the gradient of",
      );
    });
    assertEquals(await valuesOf(params), before);
    assertEquals(optimizer.stepCount, 0);
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "frozen parameters stay, and do not count in the norm",
  async () => {
    const { params, optimizer, loss } = setup("Momentum 0.1", { rho: 0.5 });
    const alone = setup("Momentum 0.1", { rho: 0.5 });
    params.b.frozen = true;
    const [x, y] = batch();
    train.step(loss, optimizer)(x, y).dispose();
    const { w } = alone.params;
    const only = new optim.Sam({
      baseOptimizer: new optim.Momentum({ lr: 0.1 }),
      rho: 0.5,
    }).registerTrainableWeights({ w });
    train.step(alone.loss, only)(x, y).dispose();
    assertEquals(await valuesOf(params), await valuesOf(alone.params));
  },
  { only: ["cpu", "wasm"] },
);

Deno.test("Sam refuses gradients alone, and fit what does not go with it", async () => {
  await useBackend("cpu");
  const { params, optimizer } = setup();
  const zeros = () => ({ w: tf.zeros([3, 4]), b: tf.zeros([4]) });
  assertThrows(
    () => optimizer.step(zeros()),
    TypeError,
    "Cannot step Sam: it needs gradients at a second point: step(closure), or step(grads, { valueFn })",
  );
  const wrong: object = { valueFn: 3 };
  assertThrows(
    () => optimizer.step(zeros(), wrong),
    TypeError,
    "Cannot step Sam: valueFn must be a function: current value is 3",
  );
  assertThrows(
    () =>
      (optimizer as optim.Sam).step({ v: tf.zeros([1]) }, {
        valueFn: () => [{}, tf.scalar(0)],
      }),
    RangeError,
    'Cannot step Sam: no parameter is registered as "v"',
  );
  for (const name of ["accumulate", "gradClipNorm", "gradClipValue"]) {
    await assertRejects(
      () => train.fit({ ...fitted(), epochs: 1, [name]: 2 }),
      TypeError,
      `Cannot fit: ${name} must be left out with Sam: current value is 2`,
    );
  }
  assertThrows(
    () =>
      train.step(() => tf.scalar(0), optimizer, {
        lossScale: new train.LossScale(),
      }),
    TypeError,
    "Cannot create a step: lossScale must be left out with Sam",
  );
  assertEquals(Object.keys(params), ["w", "b"]);
});

const BASE =
  "baseOptimizer must be an optimizer that takes gradients alone and averages no points, or a gradient transformation";

const OPTIONS: readonly [object, string][] = [
  [{ rho: -1 }, "rho must be a nonnegative finite number: current value is -1"],
  [{ adaptive: 1 }, "adaptive must be true or false: current value is 1"],
  [
    { eps: NaN },
    "eps must be a nonnegative finite number: current value is NaN",
  ],
  [{ baseOptimizer: "sgd" }, BASE],
  [{ baseOptimizer: undefined }, BASE],
  [{ rhoo: 1 }, 'there is no option "rhoo": did you mean "rho"?'],
];

for (const [options, message] of OPTIONS) {
  Deno.test(`Sam refuses ${JSON.stringify(options)}`, () => {
    const all = { baseOptimizer: optim.sgd(), ...options } as optim.SamOptions;
    assertThrows(
      () => new optim.Sam(all),
      Error,
      `Cannot create Sam: ${message}`,
    );
  });
}

onEachBackend(
  "clipping and the rate are those of Sam, where they are given",
  async () => {
    const after = async (options: Partial<optim.SamOptions>) => {
      const { params, optimizer, loss } = setup("Momentum 0.1", options);
      train.step(loss, optimizer)(...batch()).dispose();
      return await valuesOf(params);
    };
    const plain = await after({});
    for (
      const options of [{ lr: 0.2 }, { gradClipNorm: 0.01 }, {
        gradClipValue: 0.01,
      }]
    ) {
      assertNotEquals(await after(options), plain);
    }
  },
  { only: ["cpu"] },
);

for (
  const [name, make] of [
    ["Sam", () => new optim.Sam({ baseOptimizer: optim.sgd() })],
    ["Sophia", () => new optim.Sophia()],
    ["LBFGS with a line search", () => new optim.LBFGS({ linesearch: "zoom" })],
    ["ScheduleFreeSGD", () => new optim.ScheduleFreeSGD()],
    ["scheduleFreeAdamw", () => optim.scheduleFreeAdamw()],
    ["asgd", () => optim.asgd({ t0: 3 })],
  ] as const
) {
  Deno.test(`no optimizer goes around ${name}, whose steps would not be its own`, () => {
    const baseOptimizer = make() as optim.GradientTransformation;
    for (const Class of [optim.Sam, optim.Lookahead, optim.Cautious]) {
      assertThrows(
        () => new Class({ baseOptimizer }),
        TypeError,
        `Cannot create ${Class.name}: ${BASE}`,
      );
    }
  });
}

Deno.test("what is one of all groups is refused for a group", async () => {
  await useBackend("cpu");
  const { optimizer } = setup();
  const sophia = new optim.Sophia()
    .registerTrainableWeights({ w: new ParamState(tf.ones([1])) });
  const more = () => ({ v: new ParamState(tf.ones([2])) });
  for (const options of [{ rho: 1 }, { adaptive: true }, { eps: 1 }]) {
    assertThrows(
      () => optimizer.addParamGroup(more(), options),
      TypeError,
      `Cannot add a group to Sam: ${
        Object.keys(options)
      } must be left out, since it is one of all groups`,
    );
  }
  for (const options of [{ updatePeriod: 1 }, { distribution: "gaussian" }]) {
    assertThrows(
      () => sophia.addParamGroup(more(), options as optim.SophiaOptions),
      TypeError,
      `Cannot add a group to Sophia: ${Object.keys(options)} must be left out`,
    );
  }
  optimizer.addParamGroup(more(), { lr: 0.5 });
  sophia.addParamGroup(more(), { betas: [0.5, 0.5] });
});
