import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  compile,
  nn,
  optim,
  ParamState,
  type Profile,
  profile,
  random,
  train,
} from "../mod.ts";
import { webGpuBackend } from "../backend/webgpu/backend.ts";
import { metering } from "../internal/metering.ts";
import { onEachBackend } from "./_backends.ts";
import { inFolder } from "./_folder.ts";

/** A training step of a small classifier, and its parameters. */
function classifier() {
  random.seed(3);
  const model = new nn.Sequential(
    new nn.Linear(6, 8),
    nn.relu,
    new nn.Linear(8, 3),
  );
  const params = model.states(ParamState);
  const optimizer = new optim.Adam({ lr: 0.1 }).registerTrainableWeights(
    params,
  );
  const step = train.step(
    (x: tf.Tensor2D, y: tf.Tensor1D) =>
      tf.mean<tf.Scalar>(
        nn.softmaxCrossEntropy(model.call(x) as tf.Tensor2D, y),
      ),
    optimizer,
  );
  const x = random.normal([4, 6]) as tf.Tensor2D;
  const y = tf.tensor1d([0, 1, 2, 1], "int32");
  return { step, params, x, y };
}

/** How often each kernel of the current backend runs while `fn` does. */
async function countKernels(
  fn: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const configs = tf.getKernelsForBackend(tf.getBackend());
  const put = (config: tf.KernelConfig) => {
    tf.unregisterKernel(config.kernelName, config.backendName);
    tf.registerKernel(config);
  };
  for (const config of configs) {
    const { kernelName, kernelFunc } = config;
    put({
      ...config,
      kernelFunc: (args) => {
        counts[kernelName] = (counts[kernelName] ?? 0) + 1;
        return kernelFunc(args);
      },
    });
  }
  try {
    await fn();
  } finally {
    configs.forEach(put);
  }
  return counts;
}

function total(
  { rows }: Profile,
  of: (row: Profile["rows"][number]) => number,
): number {
  return rows.reduce((sum, row) => sum + of(row), 0);
}

onEachBackend("the times of a profile add up", async (name) => {
  const { step, x, y } = classifier();
  const result = await profile(() => step(x, y), { steps: 4 });
  assertEquals([result.steps, result.backend], [4, name]);
  assertEquals(result.clock, name === "webgpu" ? "device" : "host");
  assertAlmostEquals(
    total(result, (row) => row.total),
    result.kernelTime,
    1e-6,
  );
  assertAlmostEquals(total(result, (row) => row.share), 1, 1e-6);
  const host = total(result, (row) => row.host);
  assertAlmostEquals(host + result.hostTime, result.time, 1e-6);
  assertGreater(result.hostTime, 0);
  for (const { total, host, share } of result.rows) {
    assertGreaterOrEqual(Math.min(total, host, share), 0);
  }
  if (name !== "webgpu") assertAlmostEquals(host, result.kernelTime, 1e-6);
  tf.dispose([x, y]);
});

onEachBackend(
  "every kernel is counted as often as it runs, and the warm-up is not",
  async () => {
    const { step, x, y } = classifier();
    let result: Profile | undefined;
    const counts = await countKernels(async () => {
      result = await profile(() => step(x, y), { steps: 3, warmup: 0 });
    });
    const rows = result!.rows.filter(({ kernel }) => kernel in counts);
    assertEquals(
      Object.fromEntries(rows.map(({ kernel, calls }) => [kernel, calls])),
      counts,
    );
    const again = await profile(() => step(x, y), { steps: 3, warmup: 2 });
    const products = again.rows.find(({ kernel }) => kernel === "BatchMatMul");
    assertEquals(products!.calls, counts["BatchMatMul"]);
    tf.dispose([x, y]);
  },
  { eager: "it counts kernels" },
);

onEachBackend("bytes are those of inputs and outputs", async () => {
  const a = tf.ones([3, 4]), b = tf.ones([4, 5]);
  const { rows } = await profile(() => tf.matMul(a, b), { steps: 2 });
  const product = rows.find(({ kernel }) => kernel === "BatchMatMul")!;
  assertEquals(product.bytes, 2 * 4 * (12 + 20 + 15));
  tf.dispose([a, b]);
});

onEachBackend(
  "a profile leaves no tensors, and kernels as they were, also if the step throws",
  async (name) => {
    const { step, x, y } = classifier();
    step(x, y).dispose();
    const kernels = () =>
      tf.getKernelsForBackend(tf.getBackend())
        .map(({ kernelFunc }) => kernelFunc);
    const before = kernels(), { numTensors } = tf.memory();
    const create = () =>
      name === "webgpu" && webGpuBackend().device.createCommandEncoder;
    const encoder = create();
    await profile(() => step(x, y), { steps: 5 });
    await assertRejects(
      () =>
        profile((i) => {
          if (i === 2) throw new Error("no more");
          return step(x, y);
        }, { warmup: 0 }),
      Error,
      "no more",
    );
    assertEquals(tf.memory().numTensors, numTensors);
    assert(kernels().every((kernel) => before.includes(kernel)));
    assertEquals([metering.now, create()], [undefined, encoder]);
    tf.dispose([x, y]);
  },
);

onEachBackend("what the host does between kernels is told apart", async () => {
  const x = tf.ones([2]);
  const result = await profile(async () => {
    const end = performance.now() + 4;
    while (performance.now() < end);
    await Promise.resolve();
    return tf.add(x, x);
  }, { steps: 3 });
  assertGreaterOrEqual(result.hostTime, 12);
  assertEquals(result.rows.find(({ kernel }) => kernel === "Add")?.calls, 3);
  x.dispose();
});

onEachBackend(
  "of a kernel that calls others, their time is not part",
  async () => {
    const outer = "ProfiledOuter", x = tf.ones([2]);
    const backendName = tf.getBackend();
    tf.registerKernel({
      kernelName: outer,
      backendName,
      kernelFunc: ({ inputs }) => {
        const y = tf.tidy(() => {
          const end = performance.now() + 5;
          while (performance.now() < end);
          return tf.exp(inputs["x"] as tf.Tensor);
        });
        return y;
      },
    });
    const run = () => tf.engine().runKernel(outer, { x });
    try {
      const { rows } = await profile(run, { steps: 2 });
      const [own, exp] = [outer, "Exp"].map((name) =>
        rows.find(({ kernel }) => kernel === name)!
      );
      assertGreaterOrEqual(own!.host, 10);
      assertEquals([own!.calls, exp!.calls], [2, 2]);
      const all = rows.reduce((sum, { host }) => sum + host, 0);
      assertAlmostEquals(all, own!.host + exp!.host, 1e-6);
    } finally {
      tf.unregisterKernel(outer, backendName);
      x.dispose();
    }
  },
  { eager: "it registers a kernel" },
);

onEachBackend(
  "the trace has every run of a kernel, in its step",
  async (name) => {
    const { step, x, y } = classifier();
    const result = await profile(() => step(x, y), { steps: 3 });
    await inFolder(async (folder) => {
      const file = `${folder}/trace.json`;
      await result.writeChromeTrace(file);
      const trace = JSON.parse(await Deno.readTextFile(file));
      assertEquals(trace, result.toChromeTrace());
    });
    const { traceEvents } = result.toChromeTrace();
    const tracks = traceEvents.filter(({ name }) => name === "thread_name");
    assertEquals(
      tracks.map(({ args }) => args!["name"]),
      name === "webgpu" ? ["host", "device"] : ["host"],
    );
    const work = traceEvents.filter(({ ph }) => ph === "X");
    for (const { ts, dur, pid, tid } of work) {
      assert(ts! >= 0 && dur! >= 0 && pid === 1 && (tid === 1 || tid === 2));
    }
    const steps = work.filter(({ cat }) => cat === "step");
    assertEquals(steps.map(({ name }) => name), ["step 0", "step 1", "step 2"]);
    const kernels = work.filter(({ cat, tid }) =>
      cat === "kernel" && tid === 1
    );
    for (const kernel of kernels) {
      assert(steps.some((step) =>
        step.ts! <= kernel.ts! + 1e-6 &&
        kernel.ts! + kernel.dur! <= step.ts! + step.dur! + 1e-6
      ));
    }
    for (const { kernel, calls, total } of result.rows) {
      assertEquals(kernels.filter(({ name }) => name === kernel).length, calls);
      if (result.clock === "host") continue;
      const passes = work.filter((x) => x.tid === 2 && x.name === kernel);
      const time = passes.reduce((sum, { dur }) => sum + dur!, 0);
      assertAlmostEquals(time, 1e3 * total, 1e-3);
    }
    tf.dispose([x, y]);
  },
);

onEachBackend("a profile prints itself as a table", async (name) => {
  const x = tf.ones([8, 8]);
  const result = await profile(() => tf.matMul(x, x), { steps: 2 });
  const table = Deno.inspect(result);
  assertEquals(table, result.toString());
  assertStringIncludes(table, `Profile of 2 steps on ${name}`);
  assertStringIncludes(table, "BatchMatMul           1");
  assertStringIncludes(
    table,
    name === "webgpu" ? "timestamps of the device" : "clock of the host",
  );
  x.dispose();
});

onEachBackend(
  "a device without timestamps is told, and timed by the host",
  async () => {
    const { device } = webGpuBackend();
    Object.defineProperty(device, "features", {
      value: new Set(),
      configurable: true,
    });
    try {
      const x = tf.ones([8, 8]);
      const result = await profile(() => tf.matMul(x, x), { steps: 2 });
      assertEquals(result.clock, "host");
      assertStringIncludes(String(result), "the device has no timestamps");
      x.dispose();
    } finally {
      delete (device as { features?: unknown }).features;
    }
  },
  { only: ["webgpu"] },
);

onEachBackend(
  "a compiled function is replayed with the same bits, and its parts are counted",
  async (name) => {
    const run = async (isProfiled: boolean) => {
      const { step, params, x, y } = classifier();
      using compiled = compile(step);
      const take = () => compiled(x, y);
      for (let i = 0; i < 3; i++) take().dispose();
      let result: Profile | undefined;
      if (isProfiled) result = await profile(take, { steps: 6, warmup: 0 });
      else for (let i = 0; i < 6; i++) take().dispose();
      assertEquals([compiled.report().eager, compiled.report().replayed], [
        2,
        7,
      ]);
      const values = [];
      for (const { value } of Object.values(params)) {
        values.push([...await value.data()]);
      }
      tf.dispose([x, y]);
      return { result, values };
    };
    const plain = await run(false), profiled = await run(true);
    assertEquals(profiled.values, plain.values);
    const { rows } = profiled.result!;
    const callsOf = (name: string) =>
      rows.find(({ kernel }) => kernel === name)?.calls;
    assertEquals(callsOf("replay"), 6);
    if (name === "wasm") {
      assertEquals(callsOf("_FusedMatMul"), 6 * 2);
      assertEquals(callsOf("BatchMatMul"), 6 * 3);
    } else {assert(rows.some(({ kernel, total }) =>
        kernel !== "replay" && total > 0
      ));}
  },
  { only: ["wasm", "webgpu"], eager: "it compiles" },
);

onEachBackend(
  "what a profile cannot take is refused before anything runs",
  async () => {
    let calls = 0;
    const fn = () => {
      calls++;
    };
    const attempt = (...args: unknown[]) => () =>
      (profile as (...args: unknown[]) => Promise<unknown>)(...args);
    await assertRejects(attempt(3), TypeError, "must be a function");
    await assertRejects(
      attempt(fn, { warmUp: 1 }),
      TypeError,
      'there is no option "warmUp": did you mean "warmup"?',
    );
    await assertRejects(
      attempt(fn, { steps: 0 }),
      RangeError,
      "Cannot profile: steps must be a positive integer: current value is 0",
    );
    await assertRejects(
      attempt(fn, { warmup: -1 }),
      RangeError,
      "warmup must be",
    );
    assertEquals(calls, 0);
    await assertRejects(
      () => profile(() => profile(fn), { warmup: 0 }),
      Error,
      "Cannot profile: no other profile may be taken at the same time",
    );
    assertEquals(metering.now, undefined);
    assertThrows(
      () => train.profileSteps({ step: 3 } as object),
      TypeError,
      '"steps"',
    );
  },
  { only: ["cpu"] },
);

/** Options of `fit` for the classifier. */
function fitting(callbacks: train.Callback[], steps = 8) {
  const model = new nn.Linear(2, 1);
  const x = train.column(Float32Array.of(0, 1, 2, 3), [2]);
  const y = train.column(Float32Array.of(1, 5), [1]);
  return {
    optimizer: new optim.SGD({ lr: 0.01 })
      .registerTrainableWeights(model.states(ParamState)),
    loss: (x: tf.Tensor, y: tf.Tensor) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x as tf.Tensor2D), y)),
    data: train.batches([x, y]),
    steps,
    callbacks,
  };
}

onEachBackend("fit profiles steps, and the report shows them", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/report.html`;
    const profiler = train.profileSteps({ steps: 3, warmup: 2 });
    const report = train.report(file, { profile: () => profiler.profile });
    await train.fit(fitting([profiler, report]));
    const result = profiler.profile!;
    assertEquals(result.steps, 3);
    // So that steps in mixed precision are not read one by one any more.
    assertEquals([profiler.onStep, report.onStep], [undefined, undefined]);
    const product = result.rows.find(({ kernel }) => kernel === "BatchMatMul")!;
    assertEquals(product.calls % 3, 0);
    const page = await Deno.readTextFile(file);
    assertStringIncludes(page, "<h2>Profile</h2>");
    assertStringIncludes(page, "<th>BatchMatMul</th>");
    assertEquals(metering.now, undefined);
  });
});

onEachBackend(
  "a run that ends early, or throws, leaves nothing measured on",
  async () => {
    const short = train.profileSteps({ steps: 10, warmup: 1 });
    await train.fit(fitting([short], 4));
    assertEquals(short.profile?.steps, 3);
    const none = train.profileSteps({ warmup: 9 });
    await train.fit(fitting([none], 4));
    assertEquals(none.profile, undefined);
    const thrown = train.profileSteps({ warmup: 0 });
    await assertRejects(
      () =>
        train.fit(fitting([thrown, {
          onStep: () => {
            throw new Error("stopped");
          },
        }])),
      Error,
      "stopped",
    );
    assertEquals([thrown.profile?.steps, metering.now], [1, undefined]);
    const page = train.renderReport([{
      name: "a",
      config: {},
      steps: [],
      evaluations: [],
    }], {
      profile: thrown.profile!,
    });
    assertStringIncludes(page, "1 step on cpu");
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a replay names every shader, those with one invocation for an element too",
  async () => {
    const x = tf.ones([4]);
    using compiled = compile((x: tf.Tensor) => tf.pow(x, tf.scalar(2)));
    const { rows } = await profile(() => compiled(x));
    const names = rows.map(({ kernel }) => kernel);
    assert(names.includes("Pow"), names.join());
    x.dispose();
  },
  { only: ["webgpu"], eager: "it compiles itself" },
);
