/** Small tensors in columns: replays of steps over many of them on WebGPU. */
import { assert, assertEquals } from "@std/assert";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { workloads } from "../../bench/replay/models.ts";
import {
  autodiff,
  compile,
  optim,
  ParamState,
  random,
  tf,
  train,
} from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { counting, type Counts } from "../webgpu/_device.ts";
import { bits } from "./_workload.ts";

function onWebGpu(name: string, fn: () => void | Promise<void>): void {
  onEachBackend(name, fn, { only: ["webgpu"] });
}

function clones(xs: Readonly<Record<string, tf.Tensor>>) {
  return Object.fromEntries(
    Object.entries(xs).map(([key, x]) => [key, tf.clone(x)]),
  );
}

type Params = Record<string, ParamState<tf.Tensor1D>>;

/** Parameters of these sizes, with values that depend on `salt`. */
function paramsOf(sizes: readonly number[], salt = 0): Params {
  return Object.fromEntries(sizes.map((size, i) => {
    const x = tf.tensor1d(
      Float32Array.from({ length: size }, (_, j) => Math.sin(j + i + salt)),
    );
    const state = new ParamState<tf.Tensor1D>(x);
    x.dispose();
    return [`p${i}`, state];
  }));
}

for (
  const [name, decayMask, dispatches, copies] of [
    ["AdamW with clipping", undefined, 4, 1],
    ["AdamW with clipping and a mask", /[1-9]$/, 7, 2],
  ] as const
) {
  onWebGpu(
    `a replay of ${name} over 1,000 tensors is ${dispatches} dispatches and few copies: ${copies}`,
    async () => {
      const sizes = Array.from({ length: 1000 }, (_, i) => 5 + i % 7);
      const params = paramsOf(sizes), grads: Record<string, tf.Tensor> = {};
      for (const [key, { value }] of Object.entries(params)) {
        grads[key] = tf.keep(tf.sin(value));
      }
      const optimizer = new optim.AdamW({
        lr: 1e-2,
        weightDecay: 0.1,
        gradClipNorm: 1,
        ...decayMask && { decayMask },
      }).registerTrainableWeights(params);
      const step = compile(() => {
        optimizer.step(clones(grads)); // it consumes them
        return tf.scalar(1);
      }, { onFallback: "throw" });
      let counts: Counts | undefined;
      for (let i = 0; i < 5; i++) {
        counts = await counting(() => step().dispose());
        await webGpuBackend().queue.onSubmittedWorkDone();
      }
      assertEquals(step.report().replayed, 3);
      assertEquals(counts, {
        createBindGroup: 0,
        createBuffer: 0,
        createCommandEncoder: 1,
        submit: 1,
        writeBuffer: 1,
        dispatchWorkgroups: dispatches,
        copyBufferToBuffer: copies,
      });
      step.dispose();
    },
  );
}

for (
  const [name, make, fewer] of [
    ["tiny", () => workloads.tiny(), 8],
    ["mlp", () => workloads.mlp(8), 6],
    ["lstm", () => workloads.lstm(4, 16), 3],
    ["awkward", () => workloads.awkward(), 12],
  ] as const
) {
  onWebGpu(
    `a replay of ${name} has at least ${fewer} dispatches less than the step as it is`,
    async () => {
      const dispatches: number[] = [];
      for (const isCompiled of [false, true]) {
        random.seed(1);
        const { loss, optimizer, batch } = make();
        const plain = train.step(loss, optimizer);
        using compiled = compile(plain, { onFallback: "throw" });
        const tensors = batch(0);
        let counts: Counts | undefined;
        for (let i = 0; i < 5; i++) {
          let value: tf.Scalar | undefined;
          counts = await counting(() => {
            value = (isCompiled ? compiled : plain)(...tensors);
          });
          await value!.data();
          value!.dispose();
        }
        dispatches.push(counts!.dispatchWorkgroups);
        tf.dispose(tensors);
      }
      const [eager, replayed] = dispatches as [number, number];
      assert(eager - replayed >= fewer, `${replayed} instead of ${eager}`);
    },
  );
}

const SIZES = [3, 64, 1, 100, 70, 64];

/** Parameters, an optimizer, and a step that depends on what they are. */
class Run {
  readonly params = paramsOf(SIZES);
  readonly optimizer: optim.Optimizer;
  readonly plain: (x: tf.Tensor) => tf.Scalar;
  readonly compiled:
    | ReturnType<typeof compile<[tf.Tensor], tf.Scalar>>
    | undefined;

  constructor(isCompiled: boolean) {
    this.optimizer = new optim.AdamW({ lr: 0.05, gradClipNorm: 1 })
      .registerTrainableWeights(this.params);
    const loss = (x: tf.Tensor) =>
      tf.addN(
        Object.values(this.params)
          .map(({ value }) => tf.mean(tf.square(tf.sub(tf.sin(value), x)))),
      ) as tf.Scalar;
    this.plain = train.step(loss, this.optimizer);
    if (isCompiled) {
      this.compiled = compile(this.plain, { onFallback: "throw" });
    }
  }

  take(count = 4): void {
    for (let i = 0; i < count; i++) {
      const x = tf.scalar(0.1 * i);
      tf.dispose([(this.compiled ?? this.plain)(x), x]);
    }
  }

  async seen(): Promise<number[][]> {
    const all: number[][] = [];
    for (const { value } of Object.values(this.params)) {
      all.push(await bits(value));
    }
    for (const tensors of Object.values(this.optimizer.optState.slots)) {
      for (const x of Object.values(tensors)) all.push(await bits(x));
    }
    return all;
  }

  dispose(): void {
    this.compiled?.dispose();
    this.optimizer.dispose();
    for (const { value } of Object.values(this.params)) value.dispose();
  }
}

/** What happens between the replays of a run, and gives numbers to compare. */
type Event = (run: Run) => Promise<unknown> | unknown;

const EVENTS: Readonly<Record<string, Event>> = {
  "nothing": () => {},
  "a read of one parameter": ({ params }) => bits(params.p1!.value),
  "a read of everything": (run) => run.seen(),
  "a step as it is": (run) => {
    const x = tf.scalar(0.3);
    tf.dispose([run.plain(x), x]);
  },
  "a clone of a parameter, which stays as it was": async (run) => {
    const clone = tf.clone(run.params.p0!.value);
    run.take(); // before anybody has looked at the clone
    const seen = await bits(clone);
    run.take();
    assertEquals(await bits(clone), seen);
    clone.dispose();
    return seen;
  },
  "reads that are awaited after further steps": async (run) => {
    const reading = [
      run.params.p3!.value.data(),
      Object.values(run.optimizer.optState.slots)[0]!.p3!.data(),
    ];
    run.take(2);
    return (await Promise.all(reading)).map((x) => [...x]);
  },
  "a parameter that is given other values": ({ params }) => {
    const x = tf.fill<tf.Rank.R1>([64], 0.25);
    params.p1!.value = x;
    x.dispose();
  },
  "two parameters of one tensor": (run) => {
    run.params.p1!.value = run.params.p5!.value;
  },
  "a state dict that is loaded again": async (run) => {
    const dict = run.optimizer.stateDict();
    run.take();
    const before = await run.seen();
    run.optimizer.loadStateDict(dict);
    tf.dispose(Object.values(dict.slots).flatMap((x) => Object.values(x)));
    return before;
  },
  "slots that differ in the number of their steps": (run) => {
    const dict = run.optimizer.stateDict();
    const steps = { ...dict.steps, p2: 1 };
    run.optimizer.loadStateDict({ ...dict, steps });
    tf.dispose(Object.values(dict.slots).flatMap((x) => Object.values(x)));
  },
  "a gradient that is taken by another compiled function": async (run) => {
    using gradient = compile(
      autodiff.grad(
        () => tf.sum(tf.square(run.params.p3!.value)) as tf.Scalar,
        { states: { p: run.params.p3! } },
      ),
      { onFallback: "throw" },
    );
    const seen: number[][] = [];
    for (let i = 0; i < 5; i++) {
      const grads = gradient();
      seen.push(await bits(grads.p!));
      tf.dispose(grads);
      run.take(1);
    }
    return seen;
  },
  "the end of its programs": ({ compiled }) => compiled?.dispose(),
};

for (const [name, event] of Object.entries(EVENTS)) {
  onWebGpu(`replays give the same bits before and after ${name}`, async () => {
    const once = async (isCompiled: boolean) => {
      const run = new Run(isCompiled), seen: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        run.take();
        seen.push(await event(run));
      }
      run.take();
      seen.push(await run.seen());
      run.dispose();
      return seen;
    };
    await assertNoLeak(async () => {
      assertEquals(await once(true), await once(false));
    });
  });
}

onWebGpu(
  "tensors of a step may be returned, used twice, and be read afterwards",
  async () => {
    const once = async (isCompiled: boolean) => {
      const params = paramsOf(SIZES), others = paramsOf(SIZES, 1);
      const [a, b] = [params, others].map((params) =>
        new optim.Adam({ lr: 0.1 }).registerTrainableWeights(params)
      );
      const gradient = autodiff.grad(
        (x: tf.Tensor) =>
          tf.addN(
            Object.values(params)
              .map(({ value }) => tf.sum(tf.square(tf.sub(value, x)))),
          ) as tf.Scalar,
        { states: params },
      );
      const plain = (x: tf.Tensor) => {
        const before = tf.add(params.p1!.value, 0);
        const grads = gradient(x);
        a!.step(clones(grads));
        b!.step(clones(grads)); // the same gradients in another pack
        a!.step(gradient(x)); // new values that a second step reads
        const after = tf.sub(params.p1!.value, grads.p1!);
        return [before, after, grads.p3!, tf.sum(others.p2!.value)];
      };
      const step = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
      const seen: number[][] = [];
      for (let i = 0; i < 7; i++) {
        const x = tf.scalar(0.2 * i), results = step(x);
        for (const y of results) seen.push(await bits(y));
        tf.dispose([x, results]);
      }
      for (const { value } of Object.values({ ...params, ...others })) {
        seen.push(await bits(value));
      }
      return seen;
    };
    assertEquals(await once(true), await once(false));
  },
);

onWebGpu("two parameters may have the same gradient", async () => {
  const once = async (isCompiled: boolean) => {
    const params = paramsOf([3, 3, 3]);
    const { p0, p1, p2 } = params as Required<Params>;
    const optimizer = new optim.Adam({ lr: 0.1 })
      .registerTrainableWeights(params);
    // The gradient of a sum is that of both of its parts.
    const loss = (x: tf.Tensor1D) =>
      tf.sum<tf.Scalar>(
        tf.mul(p2!.value, tf.tanh(tf.mul(x, tf.add(p0!.value, p1!.value)))),
      );
    const plain = train.step(loss, optimizer);
    const step = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
    const seen: number[][] = [];
    for (let i = 0; i < 5; i++) {
      const x = tf.tensor1d([0.1 * i, 1, 2]), value = step(x);
      seen.push(await bits(value));
      tf.dispose([x, value]);
    }
    for (const { value } of [p0!, p1!, p2!]) seen.push(await bits(value));
    return seen;
  };
  assertEquals(await once(true), await once(false));
});

onWebGpu(
  "a state may take what was computed beside what it held before",
  async () => {
    const once = async (isCompiled: boolean) => {
      const { p0: a, p1: b } = paramsOf([3, 3]) as Required<Params>;
      const decay = optim.addDecayedWeights(0.1);
      const plain = (grad: tf.Tensor1D) => {
        const x = tf.add<tf.Tensor1D>(tf.mul(a!.value, 0.5), grad);
        const params = { old: a!.value, x };
        const updates = { old: tf.add(grad, 1), x: tf.add(grad, 2) };
        const [next] = decay.update(updates, decay.init(params), params);
        b!.value = tf.add(tf.add(b!.value, next.old!), next.x!);
        a!.value = x;
        return tf.sum<tf.Scalar>(b!.value);
      };
      const step = isCompiled ? compile(plain, { onFallback: "throw" }) : plain;
      const seen: number[][] = [];
      for (let i = 0; i < 5; i++) {
        const grad = tf.tensor1d([0.1 * i, 1, 2]), sum = step(grad);
        seen.push(await bits(sum), await bits(a!.value));
        tf.dispose([grad, sum]);
      }
      seen.push(await bits(b!.value));
      return seen;
    };
    assertEquals(await once(true), await once(false));
  },
);

onWebGpu("200 replays leave no memory behind", async () => {
  const run = new Run(true);
  run.take(4);
  const { numTensors } = tf.memory();
  const bytes = () => {
    const { numBytesInGPU } = tf.memory() as unknown as {
      numBytesInGPU: number;
    };
    return numBytesInGPU;
  };
  const before = bytes();
  for (let i = 0; i < 20; i++) {
    run.take(10);
    await bits(run.params.p0!.value);
  }
  assertEquals(tf.memory().numTensors, numTensors);
  assertEquals(bytes(), before);
  run.dispose();
});
