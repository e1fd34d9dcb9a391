/** Optimizer steps over many small tensors on WebGPU: few dispatches, and the same bits. */
import { assert, assertEquals } from "@std/assert";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { compile, optim, ParamState, type State, tf } from "../../mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { bits } from "../replay/_workload.ts";
import { counting, type Counts } from "../webgpu/_device.ts";

function onWebGpu(name: string, fn: () => Promise<void>): void {
  onEachBackend(name, fn, { only: ["webgpu"] });
}

type Params = Record<string, ParamState<tf.Tensor>>;

/** Values of a tensor: other ones for each `i` and `salt`. */
function valuesOf(size: number, i: number, salt: number): Float32Array {
  return Float32Array.from(
    { length: size },
    (_, j) => Math.sin(1 + j * 0.7 + i * 1.3 + salt * 2.9),
  );
}

function paramsOf(sizes: readonly number[]): Params {
  return Object.fromEntries(
    sizes.map((size, i) => {
      const x = tf.tensor1d(valuesOf(size, i, 0));
      const state = new ParamState<tf.Tensor>(x);
      x.dispose();
      return [`p${i}`, state];
    }),
  );
}

function gradsOf(
  params: Params,
  step: number,
  keys = Object.keys(params),
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    keys.map((key) => {
      const { size } = params[key]!.value;
      return [key, tf.tensor1d(valuesOf(size, Number(key.slice(1)), step))];
    }),
  );
}

/** The bits of parameters and slots. */
async function seen(
  params: Params,
  optimizer: optim.Optimizer,
): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const [key, { value }] of Object.entries(params)) {
    all[key] = await bits(value);
  }
  for (const [slot, tensors] of Object.entries(optimizer.optState.slots)) {
    for (const [key, x] of Object.entries(tensors)) {
      all[`${slot} ${key}`] = await bits(x);
    }
  }
  return all;
}

/** Each in a group of its own, with a rate of its own: compiled steps then pack none. */
function registerEach(optimizer: optim.Optimizer, params: Params): void {
  const [first, ...rest] = Object.entries(params);
  optimizer.registerTrainableWeights(Object.fromEntries([first!]));
  for (const each of rest) optimizer.addParamGroup(Object.fromEntries([each]));
}

function free(params: Params, optimizer: optim.Optimizer): void {
  optimizer.dispose();
  for (const state of Object.values<State<tf.Tensor>>(params)) {
    state.value.dispose();
  }
}

onWebGpu(
  "AdamW with clipping over 1,000 tensors is few dispatches",
  async () => {
    const params = paramsOf(Array.from({ length: 1000 }, (_, i) => 5 + i % 7));
    const optimizer = new optim.AdamW({
      lr: 1e-2,
      weightDecay: 0.1,
      gradClipNorm: 1,
    }).registerTrainableWeights(params);
    let counts: Counts | undefined;
    for (let i = 1; i <= 4; i++) {
      const grads = gradsOf(params, i);
      // They are on the device before they are counted.
      for (const x of Object.values(grads)) {
        webGpuBackend().uploadToGPU(x.dataId);
      }
      counts = await counting(() => optimizer.step(grads));
      await params.p0!.value.data();
    }
    console.log("AdamW with clipping over 1,000 tensors:", counts);
    assert(counts!.dispatchWorkgroups <= 4);
    assertEquals(counts!.createBuffer, 0);
    assertEquals(counts!.submit, 1);
    assert(counts!.writeBuffer <= 4);
    free(params, optimizer);
  },
);

const OPTIMIZERS: Readonly<Record<string, () => optim.Optimizer>> = {
  "AdamW with clipping": () =>
    new optim.AdamW({ lr: 0.01, weightDecay: 0.1, gradClipNorm: 0.5 }),
  "SGD": () => new optim.SGD({ lr: 0.1 }),
  "SGD with clipping": () => new optim.SGD({ lr: 0.1, gradClipNorm: 2 }),
  "momentum": () => new optim.Momentum({ lr: 0.1, momentum: 0.9 }),
  "Rprop": () => new optim.Rprop({ lr: 0.1 }),
  "RMSprop, clipped by value": () =>
    new optim.RMSprop({ lr: 0.01, gradClipValue: 0.3 }),
};

const SIZES = [1, 3, 64, 1000, 2, 1025, 5000, 7, 70000, 300];

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  onWebGpu(
    `${name}: packed tensors give the same bits as each for itself`,
    async () => {
      const run = async (isCompiled: boolean, isPacked: boolean) => {
        const params = paramsOf(SIZES), optimizer = make();
        if (isPacked) optimizer.registerTrainableWeights(params);
        else registerEach(optimizer, params);
        const step = (grads: Record<string, tf.Tensor>) => {
          optimizer.step(grads);
          return tf.scalar(1);
        };
        const compiled = compile(step, { onFallback: "throw" });
        for (let i = 1; i <= 5; i++) {
          const grads = gradsOf(params, i);
          const { dispatchWorkgroups } = await counting(() =>
            (isCompiled ? compiled : step)(grads).dispose()
          );
          // Each for itself is at least a dispatch for each.
          const isApart = dispatchWorkgroups >= SIZES.length;
          assertEquals(isApart, !isPacked, `${dispatchWorkgroups} dispatches`);
        }
        const all = await seen(params, optimizer);
        compiled.dispose();
        free(params, optimizer);
        return all;
      };
      await assertNoLeak(async () => {
        const each = await run(true, false);
        assertEquals(await run(false, true), each);
        assertEquals(await run(true, true), each);
      });
    },
  );
}

onWebGpu("packed steps and replays take turns", async () => {
  const run = async (turns: string) => {
    const params = paramsOf(SIZES);
    const optimizer = new optim.AdamW({ lr: 0.01, gradClipNorm: 1 })
      .registerTrainableWeights(params);
    const step = (grads: Record<string, tf.Tensor>) => {
      optimizer.step(grads);
      return tf.scalar(1);
    };
    using compiled = compile(step, { onFallback: "throw" });
    [...turns].forEach((turn, i) => {
      (turn === "c" ? compiled : step)(gradsOf(params, i)).dispose();
    });
    return await seen(params, optimizer);
  };
  assertEquals(await run("ccceecceeccc"), await run("cccccccccccc"));
});

onWebGpu("a clone of a slot stays as it was when steps go on", async () => {
  const params = paramsOf([4, 5, 6]);
  const optimizer = new optim.Adam({ lr: 0.1 })
    .registerTrainableWeights(params);
  const alone = paramsOf([4, 5, 6]);
  const other = new optim.Adam({ lr: 0.1 }).registerTrainableWeights(alone);
  for (let i = 1; i <= 3; i++) {
    optimizer.step(gradsOf(params, i));
    other.step(gradsOf(alone, i));
  }
  const state = optimizer.stateDict(), before = await seen(alone, other);
  for (let i = 4; i <= 6; i++) optimizer.step(gradsOf(params, i));
  for (const [slot, tensors] of Object.entries(state.slots)) {
    for (const [key, x] of Object.entries(tensors)) {
      assertEquals(await bits(x), before[`${slot} ${key}`]);
    }
  }
  // And back again.
  optimizer.loadStateDict(state);
  for (const [slot, tensors] of Object.entries(optimizer.optState.slots)) {
    for (const [key, x] of Object.entries(tensors)) {
      assertEquals(await bits(x), before[`${slot} ${key}`]);
    }
  }
});

onWebGpu(
  "slots may be looked at between steps, and gradients be missing",
  async () => {
    const keysOf = (i: number) =>
      i % 3 === 0 ? ["p0", "p2"] : i % 3 === 1 ? ["p1", "p2", "p3"] : undefined;
    const run = async (looks: boolean) => {
      const params = paramsOf([4, 5, 6, 7]);
      const optimizer = new optim.AdamW({ lr: 0.1, gradClipNorm: 1 })
        .registerTrainableWeights(params);
      for (let i = 1; i <= 9; i++) {
        optimizer.step(gradsOf(params, i, keysOf(i)));
        if (looks) await seen(params, optimizer);
      }
      return await seen(params, optimizer);
    };
    assertEquals(await run(true), await run(false));
  },
);

onWebGpu(
  "a read of a slot under way gives the values of its time",
  async () => {
    const params = paramsOf([4, 5]);
    const optimizer = new optim.Momentum({ lr: 0.1 })
      .registerTrainableWeights(params);
    optimizer.step(gradsOf(params, 1));
    const [slot] = Object.values(optimizer.optState.slots);
    const reading = slot!.p0!.data();
    optimizer.step(gradsOf(params, 2));
    const first = [...await reading];
    assertEquals(first, [...valuesOf(4, 0, 1)]);
  },
);

onWebGpu("optimizers that are disposed leave no buffers behind", async () => {
  const once = async () => {
    const params = paramsOf([40, 50, 60]);
    const optimizer = new optim.Adam({ lr: 0.1 })
      .registerTrainableWeights(params);
    for (let i = 1; i <= 3; i++) optimizer.step(gradsOf(params, i));
    await params.p0!.value.data();
    free(params, optimizer);
  };
  await once();
  await once();
  const bytes = () => tf.memory() as unknown as { numBytesInGPU: number };
  const before = bytes().numBytesInGPU;
  for (let i = 0; i < 5; i++) await once();
  assertEquals(bytes().numBytesInGPU, before);
});

onWebGpu(
  "a replay of Muon has the dispatches of a step op by op, and fewer copies",
  async () => {
    const run = async (isCompiled: boolean) => {
      const params: Params = paramsOf([4, 5]);
      for (let i = 0; i < 6; i++) {
        const x = tf.tensor2d(valuesOf(12, i, 0), i < 4 ? [4, 3] : [3, 4]);
        params[`m${i}`] = new ParamState<tf.Tensor>(x);
        x.dispose();
      }
      const optimizer = new optim.Muon({ lr: 0.1, gradClipNorm: 1 })
        .registerTrainableWeights(params);
      const step = (grads: Record<string, tf.Tensor>) => {
        optimizer.step(grads);
        return tf.scalar(1);
      };
      using compiled = compile(step, { onFallback: "throw" });
      let counts: Counts | undefined;
      for (let i = 1; i <= 5; i++) {
        const grads = Object.fromEntries(
          Object.entries(params).map(([key, { value }], k) => [
            key,
            tf.tensor(valuesOf(value.size, k, i), value.shape),
          ]),
        );
        counts = await counting(() =>
          (isCompiled ? compiled : step)(grads).dispose()
        );
      }
      free(params, optimizer);
      return counts!;
    };
    const eager = await run(false), replayed = await run(true);
    assertEquals(replayed.dispatchWorkgroups, eager.dispatchWorkgroups);
    assert(replayed.copyBufferToBuffer < eager.copyBufferToBuffer);
  },
);
