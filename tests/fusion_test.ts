import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  Expr,
  type Kernel,
  kernelOf,
  type Output,
  runLaunches,
  withoutFusion,
} from "../backend/fusion/mod.ts";
import { plan } from "../backend/fusion/kernel.ts";
import { adamw } from "../optim/mod.ts";
import { stepKernel } from "../optim/transforms/kernels.ts";
import { assertNoLeak, numbers, onEachBackend } from "./_backends.ts";

const x = Expr.input("x"), y = Expr.input("y"), s = Expr.scalar("s");
const each = (value: Expr): Output => ({ value, extent: "each" });

function runOne(
  kernel: Kernel,
  inputs: Record<string, tf.Tensor>,
  scalars: Record<string, number> = {},
  shape = inputs["x"]!.shape,
): Record<string, tf.Tensor> {
  return runLaunches([{ kernel, rows: [{ inputs, scalars, shape }] }])[0]![0]!;
}

Deno.test("equal expressions are the same object, and so are equal kernels", () => {
  assertStrictEquals(x.add(y).mul(2), x.add(y).mul(2));
  assertNotStrictEquals(x.add(y), y.add(x));
  assertNotStrictEquals(Expr.constant(0), Expr.constant(-0));
  assertStrictEquals(
    kernelOf({ z: each(x.add(1)) }),
    kernelOf({ z: each(x.add(1)) }),
  );
});

Deno.test("an expression prints as its formula", () => {
  assertEquals(String(x.lerp(y, s)), "add(x, mul(sub(y, x), s))");
  assertEquals(String(x.norm()), "sqrt(sum(mul(x, x)))");
});

Deno.test("Adam has one root and one division per element", () => {
  const rule = adamw({ lr: 0.1 }).rule!("w", [4]);
  const { outputs, sums } = plan(stepKernel(rule));
  const seen = new Set<Expr>(), count: Record<string, number> = {};
  const visit = (e: Expr) => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.varies && e.head.kind === "op") {
      count[e.head.op] = (count[e.head.op] ?? 0) + 1;
    }
    e.args.forEach(visit);
  };
  for (const { value } of Object.values(outputs)) visit(value);
  assertEquals([count["sqrt"], count["div"]], [1, 1]);
  assertEquals(sums, []);
});

const clip = kernelOf({
  out: each(x.mul(Expr.constant(1).div(x.square().sumAll().sqrt().max(1)))),
});

Deno.test("sums are taken in as few passes as they need", () => {
  assertEquals(plan(clip).sums.length, 1);
  const nested = x.div(x.norm()).sub(y).norm();
  assertEquals(plan(kernelOf({ out: each(x.mul(nested)) })).sums.length, 2);
  const both = x.norm().div(y.norm()); // side by side: one pass
  assertEquals(plan(kernelOf({ out: each(x.mul(both)) })).sums.length, 1);
});

/** Each operation, and what it is on numbers. */
const OPS: Record<string, [Expr, (x: number, y: number) => number]> = {
  add: [x.add(y), (x, y) => x + y],
  sub: [x.sub(y), (x, y) => x - y],
  mul: [x.mul(y), (x, y) => x * y],
  div: [x.div(y), (x, y) => x / y],
  min: [x.min(y), Math.min],
  max: [x.max(y), Math.max],
  neg: [x.neg(), (x) => -x],
  abs: [x.abs(), Math.abs],
  sqrt: [x.abs().sqrt(), (x) => Math.sqrt(Math.abs(x))],
  sign: [x.sign(), Math.sign],
  select: [x.select(y, 7), (x, y) => x > 0 ? y : 7],
  "the same for all elements": [s.mul(2).add(x.mul(0)), () => 6],
  "of a number": [
    s.neg().select(1, s.sign().add(s.abs())).add(x.sub(x)),
    () => 4,
  ],
  "sum of a number": [x.sub(x).add(s.sum()), () => 21],
  sum: [y.mul(0).add(y.square().sum()), () => 1 + 4 + 0.25 + 4 + 9 + 1 + 16],
};
const X = [-2, -1, 0, 0.5, 1, 3, 8], Y = [1, -2, 0.5, 2, 3, 1, -4];

for (const fused of [true, false]) {
  onEachBackend(
    `every operation is that of numbers${fused ? "" : ", without fusion"}`,
    async () => {
      const outputs = Object.fromEntries(
        Object.entries(OPS).map(([name, [value]]) => [name, each(value)]),
      );
      const all = Object.entries(outputs);
      await assertNoLeak(async () => {
        const inputs = { x: tf.tensor1d(X), y: tf.tensor1d(Y) };
        // Four at a time: WebGPU binds only so many buffers.
        for (let i = 0; i < all.length; i += 4) {
          const kernel = kernelOf(Object.fromEntries(all.slice(i, i + 4)));
          const of = () => runOne(kernel, inputs, { s: 3 }, [7]);
          const results = fused ? of() : await withoutFusion(of);
          for (const [name, result] of Object.entries(results)) {
            const actual = await numbers(result);
            X.forEach((x, i) =>
              assertAlmostEquals(
                actual[i]!,
                OPS[name]![1](x, Y[i]!),
                1e-5,
                name,
              )
            );
          }
          tf.dispose(results);
        }
        tf.dispose(inputs);
      });
    },
  );
}

onEachBackend(
  "not-a-number stays that, through sign and clipping",
  async () => {
    const kernel = kernelOf({
      sign: each(x.sign()),
      clipped: each(x.max(-1).min(1)),
    });
    const input = tf.tensor1d([NaN, 1, NaN, -2, 0]);
    const { sign, clipped } = runOne(kernel, { x: input });
    assertEquals(await numbers(sign!), [NaN, 1, NaN, -1, 0]);
    assertEquals(await numbers(clipped!), [NaN, 1, NaN, -1, 0]);
    tf.dispose([input, sign!, clipped!]);
  },
  { only: ["wasm"] },
);

const accumulate = kernelOf({ y: each(y.add(x.mul(s))) });

onEachBackend("lengths from 0 to 9, and every rank", async () => {
  for (
    const shape of [[], [0], [1], [2], [3], [4], [5], [9], [2, 3, 5], [0, 3]]
  ) {
    const size = tf.util.sizeFromShape(shape);
    const g = tf.fill(shape, 3), m = tf.fill(shape, 1);
    const { y } = runOne(accumulate, { x: g, y: m }, { s: 2 });
    assertEquals(y!.shape, shape);
    assertEquals(await numbers(y!), Array(size).fill(7));
    tf.dispose([g, m, y!]);
  }
});

onEachBackend("an output named like an input overwrites it", async () => {
  const g = tf.ones([5]), m = tf.zeros([5]);
  for (const want of [2, 4, 6]) {
    const { y } = runOne(accumulate, { x: g, y: m }, { s: 2 });
    assertStrictEquals(y, m);
    assertEquals(await numbers(m), Array(5).fill(want));
  }
  tf.dispose([g, m]);
}, { only: ["wasm", "webgpu"] });

onEachBackend("data that others share is not overwritten", async () => {
  const g = tf.ones([6]), m = tf.zeros([6]);
  const clone = tf.clone(m), shaped = tf.reshape(m, [2, 3]);
  const { y } = runOne(accumulate, { x: g, y: m }, { s: 2 });
  assertNotStrictEquals(y, m);
  assertEquals(await numbers(y!), Array(6).fill(2));
  for (const old of [m, clone, shaped]) {
    assertEquals(await numbers(old), Array(6).fill(0));
  }
  tf.dispose([g, m, clone, shaped, y!]);
});

onEachBackend(
  "what matMul and conv2d keep of a weight follows it",
  async () => {
    const a = tf.ones([1, 4]) as tf.Tensor2D, g = tf.ones([4, 4]);
    const w = tf.ones([4, 4]) as tf.Tensor2D;
    tf.matMul(a, w).dispose(); // XNNPACK packs w here
    const { y } = runOne(accumulate, { x: g, y: w }, { s: 1 });
    const product = tf.matMul(a, y as tf.Tensor2D);
    assertEquals(await numbers(product), [8, 8, 8, 8]);

    const image = tf.ones([1, 3, 3, 1]) as tf.Tensor4D,
      dg = tf.ones([3, 3, 1, 1]);
    const filter = tf.ones([3, 3, 1, 1]) as tf.Tensor4D;
    tf.conv2d(image, filter, 1, "valid").dispose();
    const next = runOne(accumulate, { x: dg, y: filter }, { s: 1 })["y"]!;
    const sum = tf.conv2d(image, next as tf.Tensor4D, 1, "valid");
    assertEquals(await numbers(sum), [18]);
    tf.dispose([a, g, w, y!, product, image, dg, filter, next, sum]);
  },
);

onEachBackend(
  "what convolutions keep of a filter, a bias or a slope follows it",
  async () => {
    const x = tf.fill([1, 3, 3, 1], -1) as tf.Tensor4D;
    const start = { filter: [3, 3, 1, 1], bias: [1], slope: [1] };
    for (const kind of ["depthwiseConv2d", "conv2d"] as const) {
      for (const changed of Object.keys(start)) {
        const w: Record<string, tf.Tensor> = {};
        for (const [name, shape] of Object.entries(start)) {
          w[name] = tf.ones(shape);
        }
        const convolve = () =>
          tf.fused[kind]({
            ...{ x, filter: w["filter"] as tf.Tensor4D, strides: 1 },
            ...{ pad: "valid", bias: w["bias"]!, activation: "prelu" },
            preluActivationWeights: w["slope"]!,
          });
        const first = convolve();
        assertEquals(await numbers(first), [-8]);
        const g = tf.ones(w[changed]!.shape);
        w[changed] = runOne(accumulate, { x: g, y: w[changed]! }, {
          s: 1,
        })["y"]!;
        const next = convolve();
        const right = { filter: -17, bias: -7, slope: -16 }[changed];
        assertEquals(await numbers(next), [right], `${kind}, ${changed}`);
        tf.dispose([w, g, first, next]);
      }
    }
    x.dispose();
  },
);

onEachBackend("the norm of a million elements is right to 1e-6", async () => {
  const values = Float32Array.from(
    { length: 1_000_001 },
    (_, i) => Math.sin(i) + (i % 1000 === 0 ? 100 : 0),
  );
  const exact = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const input = tf.tensor1d(values);
  const kernel = kernelOf({ out: each(x.mul(0).add(x.norm())) });
  const { out } = runOne(kernel, { x: input });
  const [norm] = await out!.data();
  assertAlmostEquals(norm! / exact, 1, 1e-6);
  tf.dispose([input, out!]);
}, { only: ["wasm", "webgpu"] });

onEachBackend(
  "sums over a step go over all tensors of all kernels",
  async () => {
    // 3² + 4² + 12² = 13², and an empty tensor adds nothing
    const other = kernelOf({
      out: each(x.sub(x).add(x.square().sumAll().sqrt())),
    });
    const tensors = [[3], [], [4]].map((v) => tf.tensor1d(v));
    const twelve = tf.tensor1d([12]);
    const rowOf = (x: tf.Tensor) => ({
      inputs: { x },
      scalars: {},
      shape: x.shape,
    });
    const [first, second] = runLaunches([
      { kernel: clip, rows: tensors.map(rowOf) },
      { kernel: other, rows: [rowOf(twelve)] },
    ]);
    const outputs = first!.map(({ out }) => out!);
    assertAlmostEquals((await numbers(outputs[0]!))[0]!, 3 / 13, 1e-6);
    assertAlmostEquals((await numbers(outputs[2]!))[0]!, 4 / 13, 1e-6);
    assertAlmostEquals((await numbers(second![0]!["out"]!))[0]!, 13, 1e-5);
    tf.dispose([...tensors, twelve, ...outputs, second![0]!["out"]!]);
  },
);

onEachBackend("one number per tensor is read and written", async () => {
  const v = Expr.input("v", "one");
  const kernel = kernelOf({
    v: { value: v.add(x.sum()), extent: "one" },
    out: each(x.mul(v)),
  });
  const input = tf.tensor1d([1, 2, 3, 4, 5]);
  let state: tf.Tensor = tf.scalar(10);
  for (const want of [25, 40]) {
    const before = (await numbers(state))[0]!;
    const { v: next, out } = runOne(kernel, { x: input, v: state });
    assertEquals(await numbers(next!), [want]);
    assertEquals(await numbers(out!), [1, 2, 3, 4, 5].map((x) => x * before));
    out!.dispose();
    if (next !== state) state.dispose();
    state = next!;
  }
  tf.dispose([input, state]);
});

onEachBackend(
  "the smaller and the larger of NaN and a number is NaN",
  async () => {
    const values = [NaN, 1, NaN, 3, -1], others = [2, NaN, NaN, 1, 5];
    const a = tf.tensor1d(values), b = tf.tensor1d(others);
    const kernel = kernelOf({
      least: each(x.min(y)),
      most: each(x.max(y)),
      sum: { value: x.min(y).sum(), extent: "one" },
      clipped: each(x.max(-2).min(2)),
    });
    const out = runOne(kernel, { x: a, y: b });
    assertEquals(await numbers(out["least"]!), [NaN, NaN, NaN, 1, -1]);
    assertEquals(await numbers(out["most"]!), [NaN, NaN, NaN, 3, 5]);
    assertEquals(await numbers(out["sum"]!), [NaN]);
    assertEquals(await numbers(out["clipped"]!), [NaN, 1, NaN, 2, -1]);
    tf.dispose([a, b, ...Object.values(out)]);
  },
);

onEachBackend("wrong tensors throw before anything is computed", async () => {
  const g = tf.ones([5]), m = tf.zeros([4]), i = tf.ones([4], "int32");
  assertThrows(
    () => runOne(accumulate, { x: g, y: m }, { s: 1 }, [4]),
    RangeError,
    "x must be a float32 tensor of shape [4]: current value is float32 of shape [5]",
  );
  assertThrows(() => runOne(accumulate, { x: i, y: m }, { s: 1 }), RangeError);
  assertThrows(() => runOne(accumulate, { x: m }, { s: 1 }), RangeError);
  assertEquals(await numbers(m), [0, 0, 0, 0]);
  tf.dispose([g, m, i]);
});

onEachBackend("a step is one submit, whatever it sums up", async () => {
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  const submit = device.queue.submit.bind(device.queue);
  let submits = 0;
  device.queue.submit = (buffers) => {
    submits++;
    return submit(buffers);
  };
  try {
    const tensors = Array.from({ length: 20 }, (_, i) => tf.fill([i + 1], i));
    await Promise.all(tensors.map((x) => x.data()));
    submits = 0;
    const rows = tensors.map((x) => ({
      inputs: { x },
      scalars: {},
      shape: x.shape,
    }));
    const outputs = runLaunches([{ kernel: clip, rows }])[0]!;
    assertEquals(submits, 1);
    tf.dispose([...tensors, ...outputs.map(({ out }) => out!)]);
  } finally {
    device.queue.submit = submit;
  }
}, { only: ["webgpu"] });

onEachBackend("threads share the memory that kernels run in", async () => {
  const g = tf.ones([1000]), m = tf.zeros([1000]);
  const { y } = runOne(accumulate, { x: g, y: m }, { s: 2 });
  assert((await numbers(y!)).every((v) => v === 2));
  tf.dispose([g, m]);
}, { only: ["wasm"], threads: 2 });
