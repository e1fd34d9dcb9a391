/** Buffers, numbers, submits and reads. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { Buffers } from "../../backend/webgpu/machine/buffers.ts";
import { layOut } from "../../backend/webgpu/machine/fields.ts";
import { Reader } from "../../backend/webgpu/machine/reading.ts";
import { optim, ParamState, tf, useBackend } from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";
import { closeDevice, counting } from "./_device.ts";

const only = ["webgpu"] as const;

/** A device that makes buffers without memory. */
function fakeDevice(): GPUDevice {
  return {
    createBuffer: ({ size, usage }: GPUBufferDescriptor) => ({
      size,
      usage,
      destroy() {},
    }),
  } as unknown as GPUDevice;
}

Deno.test("a released buffer serves the next command, but not the host before the submit", () => {
  const buffers = new Buffers(fakeDevice());
  const a = buffers.acquireBuffer(16, 1);
  buffers.releaseBuffer(a);
  const idle = buffers.acquireIdle(16, 1);
  assert(idle !== a);
  assertEquals(buffers.acquireBuffer(16, 1), a);
  buffers.releaseBuffer(a);
  buffers.submitted();
  assertEquals(buffers.acquireIdle(16, 1), a);
});

Deno.test("of free buffers the first that was made is taken, of the right size and usage", () => {
  const buffers = new Buffers(fakeDevice());
  const all = [1, 2, 3].map(() => buffers.acquireBuffer(16, 1));
  for (const i of [1, 2, 0]) buffers.releaseBuffer(all[i]!);
  assert(!all.includes(buffers.acquireBuffer(16, 2)));
  assert(!all.includes(buffers.acquireBuffer(32, 1)));
  assertEquals([1, 2, 3].map(() => buffers.acquireBuffer(16, 1)), all);
  assertEquals(buffers.numBytesAllocated, 16 * 4 + 32);
});

Deno.test("numbers lie in memory as WGSL has them", () => {
  const at = (...sizes: number[]) => {
    let next = 1;
    const words = layOut(sizes.map((size) => ({
      type: "int32",
      data: Array.from({ length: size }, () => next++),
    })));
    return [...words];
  };
  assertEquals(at(1, 1), [1, 2]);
  assertEquals(at(1, 2), [1, 0, 2, 3]);
  assertEquals(at(1, 3, 1), [1, 0, 0, 0, 2, 3, 4, 5]);
  assertEquals(at(2, 4), [1, 2, 0, 0, 3, 4, 5, 6]);
  // What follows a structure of five begins at 16 bytes.
  assertEquals(at(5, 1), [1, 2, 3, 4, 5, 0, 0, 0, 6, 0, 0, 0]);
  assertEquals(at(0, 1), [1, 1]);
});

onEachBackend(
  "on Deno a buffer is mapped when the call of mapAsync returns",
  () => {
    // Not documented: if this fails, reads wait for the promise, and take 10 ms.
    assert(Reader.open(webGpuBackend().device).readsAtOnce);
  },
  { only },
);

onEachBackend("x.dataSync() reads from the device", async () => {
  for (const size of [1, 3, 64, 1000, 70000]) {
    const x = tf.range(0, size), y = tf.add(x, 1);
    assertEquals(y.dataSync(), Float32Array.from(x.dataSync(), (v) => v + 1));
    assertEquals((await y.data())[size - 1], size);
  }
  const n = tf.add(tf.tensor1d([2 ** 24 + 1], "int32"), tf.ones([1], "int32"));
  assertEquals(n.dataSync(), new Int32Array([2 ** 24 + 2]));
  const b = tf.logicalNot(tf.greater(tf.range(0, 3), 1));
  assertEquals(b.dataSync(), new Uint8Array([1, 1, 0]));
}, { only });

onEachBackend("500 reads give what was computed before each", () => {
  let x = tf.zeros([1]);
  for (let i = 1; i <= 500; i++) {
    x = tf.add(x, 1);
    assertEquals(x.dataSync()[0], i);
  }
}, { only });

onEachBackend(
  "where Deno does not map at once, reads wait, and dataSync() says so",
  async () => {
    const map = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = async function (...args) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return await map.apply(this, args);
    };
    try {
      closeDevice();
      await useBackend("webgpu");
      const backend = webGpuBackend();
      assert(!backend.readsAtOnce);
      const x = tf.exp(tf.range(0, 2000));
      assertThrows(() => x.dataSync(), Error, "await x.data()");
      assertEquals((await x.data())[0], 1);
    } finally {
      GPUBuffer.prototype.mapAsync = map;
      closeDevice();
    }
  },
  { only },
);

onEachBackend(
  "a value that ops need again and again is put on the device once",
  async () => {
    const x = tf.range(0, 100);
    const step = async () => {
      const y = tf.tidy(() => tf.add(tf.mul(x, 0.3), 0.7));
      const last = (await y.data())[99]!;
      y.dispose();
      assert(Math.abs(last - (99 * 0.3 + 0.7)) < 1e-5);
    };
    for (let i = 0; i < 4; i++) await step();
    assertEquals((await counting(step)).writeBuffer, 0);
  },
  { only },
);

onEachBackend(
  "tensors of equal values are overwritten one by one",
  async () => {
    const zeros = Array.from({ length: 6 }, () => tf.zeros([4]));
    for (const x of zeros) tf.add(x, tf.range(0, 4)).dispose(); // on the device
    const param = new ParamState(zeros[3]!);
    const optimizer = new optim.Adam({ lr: 0.5 })
      .registerTrainableWeights({ param });
    for (let i = 0; i < 3; i++) optimizer.step({ param: tf.ones([4]) });
    for (const i of [0, 1, 2, 4, 5]) {
      assertEquals(await numbers(tf.add(zeros[i]!, 0)), [0, 0, 0, 0]);
    }
    assert((await numbers(param.value)).every((v) => Math.abs(v + 1.5) < 1e-3));
  },
  { only },
);

onEachBackend(
  "what the host writes does not reach commands that wait",
  async () => {
    const results: tf.Tensor[] = [];
    for (let i = 0; i < 50; i++) {
      const x = tf.tensor1d(Float32Array.from({ length: 30 }, (_, k) => i + k));
      results.push(tf.tidy(() => tf.sum(tf.mul(tf.add(x, i), tf.sin(x)))));
      x.dispose();
    }
    for (const [i, y] of results.entries()) {
      let want = 0;
      for (let k = 0; k < 30; k++) want += (2 * i + k) * Math.sin(i + k);
      assert(Math.abs((await numbers(y))[0]! - want) < 1e-2, `${i}`);
    }
  },
  { only },
);

onEachBackend(
  "a step of an optimizer is right after any number of commands",
  async () => {
    const stepped = async (pending: number) => {
      const sizes = [3, 5, 70000];
      const params = Object.fromEntries(
        sizes.map((size) => [`p${size}`, new ParamState(tf.ones([size]))]),
      );
      const optimizer = new optim.AdamW({ lr: 0.1, gradClipNorm: 1 })
        .registerTrainableWeights(params);
      const gradients = Object.fromEntries(
        sizes.map((size) => [`p${size}`, tf.fill([size], size)]),
      );
      let x = tf.fill([2], 1);
      webGpuBackend().submitQueue();
      for (let i = 0; i < pending; i++) x = tf.tidy(() => tf.sin(x));
      optimizer.step(gradients);
      const values = Object.values(params).map(({ value }) => numbers(value));
      return await Promise.all(values);
    };
    const expected = await stepped(0);
    for (let pending = 1008; pending < 1025; pending++) {
      assertEquals(await stepped(pending), expected);
    }
  },
  { only },
);

onEachBackend("more numbers than are kept are right", async () => {
  const results: [number, tf.Tensor][] = [];
  for (let k = 0; k < 17000; k++) {
    // A sum of each shape has numbers of its own.
    const shape = [k % 130 + 1, Math.floor(k / 130) + 1];
    const sum = tf.tidy(() => tf.sum(tf.ones(shape)));
    if (k % 100 === 0) results.push([shape[0]! * shape[1]!, sum]);
    else sum.dispose();
  }
  for (const [size, sum] of results) assertEquals(await numbers(sum), [size]);
}, { only });
