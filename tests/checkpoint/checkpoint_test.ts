import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  type Parts,
} from "../../checkpoint.ts";
import { checkTensorBytes } from "../../checkpoint/encode.ts";
import { scope } from "../../memory.ts";
import { Identity } from "../../nn/mod.ts";
import { RandomState } from "../../random.ts";
import {
  BatchState,
  HiddenState,
  LongTermState,
  ParamState,
  State,
} from "../../state.ts";
import { assertThrows } from "@std/assert";
import { assertNoLeak, FULL, onEachBackend } from "../_backends.ts";

/** A state of these values; the tensor given is freed. */
function state<S>(
  Kind: new (x: tf.Tensor) => S,
  values: tf.TensorLike,
  shape?: number[],
  dtype?: tf.DataType,
): S {
  return scope(() => new Kind(tf.tensor(values, shape, dtype)));
}

function param(...values: number[]): ParamState {
  return state(ParamState, values);
}

function set(target: State, values: tf.TensorLike, dtype?: tf.DataType) {
  scope(() => {
    target.value = tf.tensor(values, target.shape, dtype);
  });
}

/** The bits of a state's value. */
async function bits(target: State): Promise<string> {
  const { buffer, byteOffset, byteLength } = await target.value.data();
  return new Uint8Array(buffer, byteOffset, byteLength).toHex();
}

/** A part with `stateDict`, as optimizers are. */
class Counter {
  count = 0;
  slot: tf.Tensor = tf.keep(tf.tensor1d([0, 0]));
  refuse = false;

  stateDict() {
    return { count: this.count, slots: { m: { w: this.slot } }, note: [null] };
  }

  loadStateDict(dict: ReturnType<Counter["stateDict"]>) {
    if (this.refuse) throw new RangeError("Cannot load Counter: refused");
    this.count = dict.count;
    const old = this.slot;
    this.slot = tf.keep(tf.clone(dict.slots.m.w));
    old.dispose();
  }

  async values() {
    return [this.count, ...await this.slot.data()];
  }

  set(count: number, ...values: number[]) {
    this.count = count;
    this.slot.dispose();
    this.slot = tf.keep(tf.tensor1d(values));
  }
}

onEachBackend(
  "a checkpoint restores every kind of part, bit for bit",
  async () => {
    const odd = new Float32Array([0, -0, NaN, Infinity, 1e-45, 0.1]);
    const make = (values: boolean) => ({
      model: {
        "layer.weight": state(ParamState, values ? odd : new Float32Array(6), [
          2,
          3,
        ]),
        "layer.count": state(
          BatchState,
          values ? [-5, 7] : [0, 0],
          [2],
          "int32",
        ),
        "layer.mask": state(State, values ? [1, 0] : [0, 0], [2], "bool"),
        "layer.empty": state(State, [], [0, 3]),
        "layer.scalar": state(State, values ? 3 : 0, []),
      },
      single: param(values ? 1 : 0),
      random: new RandomState(values ? 42 : 0),
      settings: new LongTermState<unknown>(values ? { a: [1n] } : null),
      counter: new Counter(),
    });
    const from = make(true), to = make(false);
    from.random.words(9);
    from.counter.set(3, 1, 2);
    const data = {
      losses: [0.5, NaN],
      place: { order: new Int32Array([2, 0]) },
    };
    const bytes = await encodeCheckpoint({ ...from, ...data, epoch: 4 });
    const before = tf.memory().numTensors;
    const report = await decodeCheckpoint(bytes, {
      ...to,
      losses: [] as number[],
      place: { order: new Int32Array() },
      epoch: 0,
    });
    assertEquals(tf.memory().numTensors, before);
    assertEquals(report, {
      missing: [],
      unexpected: [],
      mismatched: [],
      data: { ...data, epoch: 4 },
    });
    const epoch: number = report.data.epoch;
    assertEquals(epoch, 4);
    for (const path of Object.keys(from.model) as (keyof typeof from.model)[]) {
      assertEquals(
        await bits(to.model[path]),
        await bits(from.model[path]),
        path,
      );
      assertEquals(to.model[path].dtype, from.model[path].dtype);
      assertEquals(to.model[path].shape, from.model[path].shape);
    }
    assertEquals(await bits(to.single), await bits(from.single));
    assertEquals(to.random.words(5), from.random.words(5));
    assertEquals(to.settings.value, { a: [1n] });
    assertEquals(await to.counter.values(), [3, 1, 2]);
  },
);

onEachBackend(
  "encodeCheckpoint() saves the values at the call and leaks nothing",
  async () => {
    const w = param(1, 2), counter = new Counter();
    counter.set(5, 6, 7);
    await assertNoLeak(async () => {
      const pending = encodeCheckpoint({ w, counter });
      set(w, [3, 4]);
      counter.set(8, 9, 10);
      const bytes = await pending;
      await decodeCheckpoint(bytes, { w, counter });
    });
    assertEquals([...await w.value.data()], [1, 2]);
    assertEquals(await counter.values(), [5, 6, 7]);
  },
);

onEachBackend("a tensor longer than a record is loaded unchanged", async () => {
  const n = 2 ** 20 + 3; // 4 MiB and 12 bytes
  const values = Float32Array.from({ length: n }, (_, i) => i);
  const [a, b] = [state(ParamState, values), param(7)];
  const bytes = await encodeCheckpoint({ m: { a, b } });
  set(a, new Float32Array(n));
  set(b, [0]);
  await decodeCheckpoint(bytes, { m: { a, b } });
  assertEquals(await a.value.data(), values);
  assertEquals([...await b.value.data()], [7]);
}, { only: ["cpu", "wasm"] });

onEachBackend(
  "saving leaves large tensors as they are, also those of another backend",
  async (backend) => {
    const values = Float32Array.from({ length: 2 ** 19 }, (_, i) => i);
    const w = state(ParamState, values);
    await encodeCheckpoint({ w });
    assertEquals(await w.value.data(), values);
    const pending = encodeCheckpoint({ w });
    await useBackend(backend === "cpu" ? "wasm" : "cpu", { threads: 1 });
    await pending;
    await encodeCheckpoint({ w });
    assertEquals(await w.value.data(), values);
    w.dispose();
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend("a difference throws before anything has changed", async () => {
  const w = param(1, 2, 3), v = param(4);
  const counter = new Counter();
  counter.set(1, 1, 1);
  const bytes = await encodeCheckpoint({ m: { w, v }, counter, epoch: 3 });
  const other = param(9), count = state(State, [5], [1], "int32");
  const cases: [name: string, parts: Parts, message: string][] = [
    [
      "shape",
      { m: { w: other, v } },
      "m.w: float32 [3] in the file, float32 [1] here",
    ],
    [
      "dtype",
      { m: { w, v: count } },
      "m.v: float32 [1] in the file, int32 [1] here",
    ],
    ["missing", { m: { w, v, x: other } }, "m.x: not in the file"],
    ["unexpected", { m: { w } }, "m.v: only in the file"],
    ["missing part", { m: { w, v }, n: { w } }, "n: not in the file"],
    [
      "kind of part",
      { m: { w, v }, epoch: { w } },
      "epoch: plain data in the file, states here",
    ],
    [
      "kind of data",
      { epoch: "three" },
      "epoch: a number in the file, a string here",
    ],
    [
      "kind of value",
      { m: { w, v: new RandomState() } },
      "m.v: float32 [1] in the file, a record here",
    ],
    ["inherited name", { toString: { w } }, "toString: not in the file"],
  ];
  const twos = new Counter();
  twos.slot = tf.keep(tf.tensor1d([2, 2, 2]));
  cases.push([
    "slot",
    { counter: twos },
    "counter.slots.m.w: float32 [2] in the file, float32 [3] here",
  ]);
  set(w, [0, 0, 0]);
  set(v, [0]);
  counter.set(0, 0, 0);
  await assertNoLeak(async () => {
    for (const [name, parts, message] of cases) {
      await assertRejects(
        () => decodeCheckpoint(bytes, { counter, ...parts }),
        RangeError,
        message,
        name,
      );
    }
  });
  assertEquals(await bits(w), "00".repeat(12));
  assertEquals(await bits(v), "00".repeat(4));
  assertEquals([...await other.value.data()], [9]);
  assertEquals(await counter.values(), [0, 0, 0]);
}, { only: ["cpu"] });

onEachBackend(
  "strict: false loads what fits and reports the rest",
  async () => {
    const [a, b, c] = [param(1), param(2, 2), param(3)];
    const bytes = await encodeCheckpoint({ m: { a, b, c } });
    const target = { a: param(0), b: param(0), d: param(0) };
    const report = await decodeCheckpoint(bytes, { m: target, n: 5 }, {
      strict: false,
    });
    assertEquals(report, {
      missing: ["m.d", "n"],
      unexpected: ["m.c"],
      mismatched: [{
        path: "m.b",
        found: "float32 [2]",
        expected: "float32 [1]",
      }],
      data: { n: 5 },
    });
    assertEquals([...await target.a.value.data()], [1]);
    assertEquals([...await target.b.value.data()], [0]);
    await assertRejects(
      () =>
        decodeCheckpoint(bytes, { m: target }, {
          strict: false,
          mismatch: "error",
        }),
      RangeError,
      "checkpoint: it differs:\n  m.b: float32 [2] in the file, float32 [1] here",
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "mismatch chooses between an error, a warning and silence",
  async () => {
    const bytes = await encodeCheckpoint({
      m: { a: param(1), b: param(2, 2) },
    });
    const target = { a: param(0), b: param(0) };
    const warnings: string[] = [];
    const { warn } = console;
    console.warn = (text: string) => warnings.push(text);
    try {
      await decodeCheckpoint(bytes, { m: target }, { mismatch: "warn" });
      assertEquals(warnings, [
        "Loaded checkpoint in part, since it differs:\n  m.b: float32 [2] in the file, float32 [1] here",
      ]);
      await decodeCheckpoint(bytes, { m: target }, { mismatch: "ignore" });
      assertEquals(warnings.length, 1);
    } finally {
      console.warn = warn;
    }
    assertEquals([...await target.a.value.data()], [1]);
    await assertRejects(
      () => decodeCheckpoint(bytes, {}, { mismatch: "never" as "warn" }),
      RangeError,
      'mismatch must be one of "error", "warn", "ignore"',
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "if a part throws, the parts loaded before it are restored",
  async () => {
    const first = new Counter(), second = new Counter(), w = param(1);
    first.set(1, 1, 1);
    second.set(1, 1, 1);
    const bytes = await encodeCheckpoint({ first, second, m: { w } });
    first.set(2, 2, 2);
    second.set(2, 2, 2);
    set(w, [2]);
    second.refuse = true;
    await assertNoLeak(async () => {
      await assertRejects(
        () => decodeCheckpoint(bytes, { first, second, m: { w } }),
        RangeError,
        "Cannot load Counter: refused (in second)",
      );
    });
    assertEquals(await first.values(), [2, 2, 2]);
    assertEquals(await second.values(), [2, 2, 2]);
    assertEquals([...await w.value.data()], [2]);
  },
);

onEachBackend("a part is asked to check before any part changes", async () => {
  class Checked extends Counter {
    checkStateDict(dict: { count: number }) {
      if (dict.count > 10) throw new RangeError("too many");
    }
  }
  const counter = new Counter(), checked = new Checked();
  checked.set(11, 0, 0);
  const bytes = await encodeCheckpoint({ counter, checked });
  checked.set(0, 0, 0);
  let loads = 0;
  counter.loadStateDict = () => void loads++;
  await assertRejects(
    () => decodeCheckpoint(bytes, { counter, checked }),
    RangeError,
    "too many (in checked)",
  );
  assertEquals(loads, 0);
}, { only: ["cpu"] });

onEachBackend("short-term states may have had another shape", async () => {
  const saved = state(HiddenState, [[1, 2], [3, 4]]);
  const bytes = await encodeCheckpoint({ rnn: { h: saved } });
  const h = state(HiddenState, [[0, 0]]);
  await decodeCheckpoint(bytes, { rnn: { h } });
  assertEquals(h.shape, [2, 2]);
  assertEquals([...await h.value.data()], [1, 2, 3, 4]);
}, { only: ["cpu"] });

onEachBackend("values that cannot be parts are refused", async () => {
  const w = param(1);
  await assertRejects(
    () => encodeCheckpoint(new Identity() as unknown as Parts),
    TypeError,
    "Cannot save a checkpoint: what is saved must be a record of parts by name, such as { model }: current value is an instance of Identity",
  );
  const cases: [unknown, string][] = [
    [tf.tensor1d([1]), "a tensor must be held by a State"],
    [{ a: tf.tensor1d([1]) }, "Cannot save x.a: a tensor must be held"],
    [{ w, lr: 0.1 }, "it mixes states with other values"],
    [new Date(), "Cannot save x: it must be plain data"],
    [() => 1, "plain data"],
  ];
  for (const [part, message] of cases) {
    await assertRejects(
      () => encodeCheckpoint({ x: part } as Parts),
      TypeError,
      message,
    );
  }
  const text = new State(tf.tensor(["a"], [1], "string"));
  await assertNoLeak(async () => {
    await assertRejects(
      () => encodeCheckpoint({ m: { w, text } }),
      TypeError,
      "Cannot save m.text: the dtype must be one of float32, int32, bool: current value is string",
    );
  });
  await assertRejects(
    () => encodeCheckpoint({ w }, { metric: "low" as unknown as number }),
    TypeError,
    "metric must be a number",
  );
}, { only: ["cpu"] });

Deno.test("tensors over 4 GiB are refused", () => {
  checkTensorBytes(2 ** 32, "m.w");
  assertThrows(
    () => checkTensorBytes(2 ** 32 + 4, "m.w"),
    RangeError,
    "Cannot save m.w: a tensor must have at most 4294967296 bytes (4 GiB): current value is 4294967300",
  );
});

Deno.test({
  name: "too much plain data is refused when it is saved",
  ignore: !FULL, // it takes several GiB
  fn: async () => {
    await assertRejects(
      () => encodeCheckpoint({ losses: new Array(2 ** 25).fill(0) }),
      CheckpointError,
      "Cannot write the header: it has more than 33554432 values",
    );
    await assertRejects(
      () => encodeCheckpoint({ order: new Uint8Array(2 ** 30) }),
      RangeError,
      "large arrays belong in tensors",
    );
  },
});

Deno.test("a file of a newer format says so", async () => {
  const bytes = await encodeCheckpoint({ step: 1 });
  bytes[8] = 2;
  await assertRejects(
    () => decodeCheckpoint(bytes, {}),
    CheckpointError,
    "the format version must be at most 1 (a newer library may read it): current version is 2",
  );
  await assertRejects(
    () => decodeCheckpoint(new Uint8Array(3), {}),
    CheckpointError,
    "this is no checkpoint",
  );
});

Deno.test("parts that are not asked for are not loaded", async () => {
  const bytes = await encodeCheckpoint({ a: 1, b: { c: 2 } });
  const { data } = await decodeCheckpoint(bytes, { b: { c: 0 } });
  assertEquals(data, { b: { c: 2 } });
  assert(!("a" in data));
  assertStrictEquals((await decodeCheckpoint(bytes, { a: null })).data.a, 1);
});
