/** Compiled functions on WebGPU: the commands that replays give, and what they leave. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  autodiff,
  compile,
  data,
  nn,
  optim,
  ParamState,
  random,
  State,
  tf,
  train,
  useBackend,
} from "../../mod.ts";
import { workloads } from "../../bench/replay/models.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import {
  closeDevice,
  counting,
  type Counts,
  LEAST_LIMITS,
  withAdapter,
} from "../webgpu/_device.ts";
import { runWorkload } from "./_workload.ts";

function onWebGpu(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, fn, { only: ["webgpu"] });
}

const values = async (x: tf.Tensor) => [...await x.data()];

/** The models of the benchmarks, smaller where software drivers take minutes. */
const MODELS = FULL
  ? {
    ...workloads,
    lstm: () => workloads.lstm(16),
    gpt: () => workloads.gpt({ batch: 2, context: 32 }),
  }
  : {
    tiny: () => workloads.tiny(),
    awkward: () => workloads.awkward(),
    lstm: () => workloads.lstm(4, 16),
    gpt: () => workloads.gpt({ batch: 2, context: 8, layers: 2, width: 16 }),
  };
const STEPS = FULL ? 200 : 30;

for (const [name, make] of Object.entries(MODELS)) {
  onWebGpu(
    `${STEPS} compiled steps of ${name} equal the steps as they are, bit for bit`,
    async () => {
      const plain = await runWorkload(() => make(), STEPS, false);
      const compiled = await runWorkload(() => make(), STEPS, true);
      assertEquals(compiled.seen, plain.seen);
      // Not the first two, which are recorded, nor those that recordings are compared with.
      assertEquals(compiled.replayed, STEPS - (FULL ? 4 : 3));
    },
  );
}

onWebGpu(
  "a replayed step is one submit, and makes no bind group and no buffer",
  async () => {
    for (const make of [MODELS.tiny, MODELS.awkward]) {
      const { loss, optimizer, batch } = make();
      const step = compile(train.step(loss, optimizer), {
        onFallback: "throw",
      });
      let counts: Counts | undefined;
      for (let i = 0; i < 6; i++) {
        const tensors = batch(i);
        let value: tf.Scalar | undefined;
        counts = await counting(() => {
          value = step(...tensors);
        });
        await value!.data();
        tf.dispose([tensors, value!]);
      }
      assertEquals(counts!.createBindGroup, 0);
      assertEquals(counts!.createBuffer, 0);
      assertEquals(counts!.createCommandEncoder, 1);
      assertEquals(counts!.submit, 1);
      // Arguments with the numbers of the optimizer, and a mask if there is dropout.
      assert(counts!.writeBuffer <= 2, `${counts!.writeBuffer} writes`);
      step.dispose();
    }
  },
);

onWebGpu(
  "a fused shader has no more buffers than the device allows",
  async () => {
    const sum = (...xs: tf.Tensor[]) =>
      xs.reduce((sum, x) => tf.add(tf.mul(sum, 0.5), x));
    const xs = Array.from({ length: 20 }, (_, i) => tf.fill([40, 30], i));
    const plain = tf.tidy(() => sum(...xs)), right = await values(plain);
    closeDevice();
    try {
      await withAdapter({ limits: LEAST_LIMITS }, async () => {
        await useBackend("webgpu");
        const again = xs.map((_, i) => tf.fill([40, 30], i));
        const call = compile(sum, { onFallback: "throw" });
        for (let i = 0; i < 4; i++) {
          assertEquals(await values(call(...again)), right);
        }
        // 8 buffers: the result, the sum so far, the factor, and 5 others.
        assertEquals(call.report().programs[0]!.operations, 4);
        call.dispose();
      });
    } finally {
      closeDevice();
      await useBackend("webgpu");
    }
  },
);

onWebGpu("a large argument that comes again is not written again", async () => {
  const call = compile(
    (x: tf.Tensor, y: tf.Tensor) => [tf.mul(x, y), tf.neg(x), y],
    { onFallback: "throw" },
  );
  const large = (value: number) =>
    tf.tensor1d(new Float32Array(5000).fill(value));
  const tensors = [large(1), large(2), large(3)];
  let writes: number[] = [];
  for (let round = 0; round < 2; round++) {
    writes = [];
    for (const i of [0, 1, 1, 0, 2, 2, 0, 0]) {
      const y = tf.scalar(i + round);
      let results: tf.Tensor[] = [];
      const { writeBuffer } = await counting(() => {
        results = call(tensors[i]!, y);
      });
      writes.push(writeBuffer);
      const [product, negative, same] = await Promise.all(results.map(values));
      assertEquals(product![4999], (i + 1) * (i + round));
      assertEquals(negative![0], -(i + 1));
      assertEquals(same, [i + round]);
      tf.dispose([y, results]);
    }
  }
  // Each time the scalar; and the other where it is not the one of the call before.
  assertEquals(writes, [1, 2, 1, 2, 2, 1, 2, 1]);
  // On the device it is copied.
  await values(tf.add(tensors[0]!, 1));
  const y = tf.scalar(7);
  for (const i of [0, 1, 0]) {
    const [product] = call(tensors[i]!, y);
    assertEquals((await values(product!))[9], 7 * (i + 1));
  }
  call.dispose();
});

onWebGpu(
  "reads that are not awaited before the next replay give the old values",
  async () => {
    const count = new State(tf.tensor1d([0, 0]));
    const layer = new nn.Linear(2, 2);
    const optimizer = new optim.Adam({ lr: 0.1 })
      .registerTrainableWeights(layer.states(ParamState));
    const once = (isCompiled: boolean) => {
      const plain = (x: tf.Tensor2D) => {
        count.value = tf.add(count.value, 1);
        return tf.mean<tf.Scalar>(tf.square(layer.call(x)));
      };
      const step = train.step(plain, optimizer);
      return isCompiled ? compile(step, { onFallback: "throw" }) : step;
    };
    const step = once(true), x = tf.ones<tf.Rank.R2>([2, 2]);
    const pending: Promise<number[]>[] = [];
    for (let i = 0; i < 8; i++) {
      step(x).dispose();
      const held = count.value;
      if (i >= 3) pending.push(values(held));
    }
    const seen = await Promise.all(pending);
    assertEquals(seen, [4, 5, 6, 7, 8].map((n) => [n, n]));
    assertEquals(await values(count.value), [8, 8]);
  },
);

onWebGpu("a state may get another shape", async () => {
  const state = new State<tf.Tensor>(tf.tensor2d([[1, 2, 3], [4, 5, 6]]));
  const sum = compile(() => tf.sum(state.value, 0), { onFallback: "throw" });
  for (let i = 0; i < 4; i++) assertEquals(await values(sum()), [5, 7, 9]);
  state.replace(tf.tensor2d([[1, 2], [3, 4], [5, 6]]));
  for (let i = 0; i < 4; i++) assertEquals(await values(sum()), [9, 12]);
  state.replace(tf.reshape(state.value, [1, 6]));
  for (let i = 0; i < 4; i++) {
    assertEquals(await values(sum()), [1, 2, 3, 4, 5, 6]);
  }
});

onWebGpu(
  "groups whose rates are equal at first, and two steps in a call",
  async () => {
    const run = async (isCompiled: boolean) => {
      random.seed(4);
      const [a, b] = [new nn.Linear(2, 2), new nn.Linear(2, 2)];
      const lr = new optim.CosineAnnealingLR({ baseLr: 0.1, tMax: 10 });
      const optimizer = new optim.Adam({ lr: 0.1 })
        .registerTrainableWeights({ a: a.weight })
        .addParamGroup({ b: b.weight }, { lr });
      const gradient = autodiff.grad(
        (x: tf.Tensor2D) =>
          tf.mean<tf.Scalar>(tf.square(b.call(a.call(x) as tf.Tensor2D))),
        { states: optimizer.paramStates },
      );
      const plain = (x: tf.Tensor2D) => {
        optimizer.step(gradient(x));
        optimizer.step(gradient(x));
        return tf.sum(a.weight.value);
      };
      const step = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
      const x = tf.tensor2d([[1, 2], [3, 5]]), seen: number[] = [];
      for (let i = 0; i < 10; i++) {
        seen.push(...await values(step(x)));
        lr.step();
      }
      return [...seen, ...await values(b.weight.value), optimizer.stepCount];
    };
    assertEquals(await run(true), await run(false));
  },
);

onWebGpu(
  "indices in the computer's memory are checked in replays too",
  async () => {
    const put = compile(
      (at: tf.Tensor2D, x: tf.Tensor1D) => tf.scatterND(at, x, [3]),
      { onFallback: "throw" },
    );
    const at = (i: number) => tf.tensor2d([[i]], undefined, "int32");
    for (let i = 0; i < 5; i++) {
      const right = [0, 0, 0];
      right[i % 3] = 7;
      assertEquals(await values(put(at(i % 3), tf.tensor1d([7]))), right);
    }
    assertThrows(
      () => put(at(3), tf.tensor1d([7])),
      RangeError,
      "Cannot scatterND",
    );
    assertEquals(await values(put(at(1), tf.tensor1d([7]))), [0, 7, 0]);
    assertEquals(put.report().eager, 2);
  },
);

onWebGpu(
  "tensors that are updated in place start anew in each run",
  async () => {
    const base = [0, 0, 0, 0];
    const update = compile(
      (x: tf.Tensor1D) =>
        tf.tensorScatterUpdate(
          tf.tensor1d(base),
          tf.tensor2d([[1]], undefined, "int32"),
          x,
        ),
      { onFallback: "throw" },
    );
    const sum = compile(
      (at: tf.Tensor1D, x: tf.Tensor2D) => tf.unsortedSegmentSum(x, at, 2),
      { onFallback: "throw" },
    );
    for (let i = 0; i < 6; i++) {
      assertEquals(await values(update(tf.tensor1d([i]))), [0, i, 0, 0]);
      const at = tf.tensor1d([0, 1, 0], "int32");
      const x = tf.tensor2d([[1], [2], [i]]);
      assertEquals(await values(sum(at, x)), [1 + i, 2]);
    }
  },
);

onWebGpu(
  "an empty tensor that is on the device may be an argument",
  async () => {
    const call = compile((x: tf.Tensor) => tf.abs(x), { onFallback: "throw" });
    const x = tf.zeros([0]);
    webGpuBackend().uploadToGPU(x.dataId);
    for (let i = 0; i < 4; i++) assertEquals(await values(call(x)), []);
  },
);

onWebGpu("truth values, integers and empty tensors go in and out", async () => {
  const call = compile(
    (mask: tf.Tensor, n: tf.Tensor, none: tf.Tensor) => [
      tf.logicalNot(mask),
      tf.add(n, tf.scalar(1, "int32")),
      none,
      tf.zeros([0, 3]),
      tf.scalar(5),
      n,
    ],
    { onFallback: "throw" },
  );
  for (let i = 0; i < 5; i++) {
    const mask = tf.tensor1d([i % 2 === 0, true], "bool");
    const n = tf.tensor1d([i, 2 ** 24 + 1], "int32");
    const results = call(mask, n, tf.zeros([0]));
    assertEquals(results.map(({ dtype, shape }) => `${dtype} ${shape}`), [
      "bool 2",
      "int32 2",
      "float32 0",
      "float32 0,3",
      "float32 ",
      "int32 2",
    ]);
    assertEquals(await Promise.all(results.map(values)), [
      [i % 2, 0],
      [i + 1, 2 ** 24 + 2],
      [],
      [],
      [5],
      [i, 2 ** 24 + 1],
    ]);
  }
  assertEquals(call.report().replayed, 3);
});

onWebGpu(
  "values that eager calls can read can be read in compiled calls",
  async () => {
    const reasons: string[] = [];
    const call = compile((x: tf.Tensor, n: number) => {
      return tf.mul(x, tf.add(x, n).dataSync()[0]!);
    }, { onFallback: (reason) => reasons.push(reason) });
    for (let i = 0; i < 5; i++) {
      assertEquals(await values(call(tf.tensor1d([i]), 1)), [i * (i + 1)]);
    }
    assertEquals(reasons.length, 1);
    assert(
      reasons[0]!.startsWith("Cannot compile: it reads values"),
      reasons[0],
    );
  },
);

/** Train with `fit`, and return what states hold and how often steps were replayed. */
async function fitted(
  options: Partial<train.FitOptions<[tf.Tensor2D, tf.Tensor2D]>>,
) {
  random.seed(1);
  const model = new nn.Sequential(
    new nn.Linear(4, 6),
    new nn.BatchNorm0d(6),
    new nn.Dropout<tf.Tensor2D>({ rate: 0.3 }),
    new nn.Linear(6, 2),
  );
  const lr = new optim.CosineAnnealingLR({ baseLr: 0.02, tMax: 40 });
  const optimizer = new optim.AdamW({ lr })
    .registerTrainableWeights(model.states(ParamState));
  const column = (size: number) =>
    data.column(
      Float32Array.from({ length: 46 * size }, (_, i) => Math.sin(i * i)),
      [size],
    );
  const { compiled } = await train.fit({
    loss: (x: tf.Tensor2D, y: tf.Tensor2D) =>
      tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x) as tf.Tensor2D, y)),
    optimizer: optimizer as optim.Optimizer,
    data: data.batches([column(4), column(2)], { batchSize: 4, shuffle: true }),
    steps: 40,
    ...options,
  });
  const numbers: number[] = [];
  for (const { value } of Object.values(model.states(State))) {
    if (value instanceof tf.Tensor) numbers.push(...await values(value));
  }
  return { numbers, replayed: compiled?.replayed ?? 0 };
}

onWebGpu("fit() gives the same bits when its steps are compiled", async () => {
  for (const options of [{ gradClipNorm: 1 }, { accumulate: 2 }]) {
    const plain = await fitted(options);
    const compiled = await fitted({ ...options, compile: true });
    assertEquals(compiled.numbers, plain.numbers);
    assert(compiled.replayed >= 30, `${compiled.replayed} replayed`);
  }
});

onWebGpu("100 programs made and disposed leave no buffer", async () => {
  const layer = new nn.Linear(3, 3), x = tf.ones<tf.Rank.R2>([2, 3]);
  const { device } = webGpuBackend();
  const create = device.createBuffer.bind(device);
  const alive = new Set<GPUBuffer>();
  const once = async () => {
    using call = compile(() => layer.call(x), { onFallback: "throw" });
    for (let i = 0; i < 3; i++) {
      const y = call();
      await y.data();
      y.dispose();
    }
    assertEquals(call.report().replayed, 1);
  };
  await once();
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor), destroy = buffer.destroy.bind(buffer);
    alive.add(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      destroy();
    };
    return buffer;
  };
  try {
    for (let i = 0; i < 100; i++) await once();
  } finally {
    delete (device as Partial<GPUDevice>).createBuffer;
  }
  assertEquals(alive.size, 0);
});

onWebGpu("programs of a device that was lost are made anew", async () => {
  const call = compile((x: tf.Tensor) => tf.square(x), {
    onFallback: "throw",
  });
  const take = () => values(call(tf.tensor1d([3])));
  for (let i = 0; i < 4; i++) assertEquals(await take(), [9]);
  const make = tf.findBackendFactory("webgpu");
  const { device } = webGpuBackend();
  device.destroy();
  await device.lost;
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", make);
  await useBackend("webgpu");
  for (let i = 0; i < 4; i++) assertEquals(await take(), [9]);
  assertEquals(call.report().replayed, 4);
});
