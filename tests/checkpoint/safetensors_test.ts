import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  saveSafetensors,
  type StatesSource,
} from "../../checkpoint.ts";
import { inverse, permute } from "../../checkpoint/axes.ts";
import { stored } from "../../checkpoint.ts";
import { loadBox, saveBox } from "../../checkpoint/stored_copy.ts";
import { fromBfloat16, fromFloat16 } from "../../internal/half.ts";
import { scope } from "../../memory.ts";
import { RandomState } from "../../random.ts";
import { State } from "../../state.ts";
import expected from "../golden/safetensors/expected.json" with {
  type: "json",
};
import { assertNoLeak, onEachBackend } from "../_backends.ts";

const GOLDEN = new URL("../golden/safetensors/", import.meta.url).pathname;

function zeros(shape: number[], dtype: tf.DataType = "float32"): State {
  return scope(() => new State(tf.zeros(shape, dtype)));
}

/** Float32 values by their bits, which is how the golden file has them. */
function bits(values: ArrayLike<number>): number[] {
  return values instanceof Float32Array
    ? [...new Int32Array(values.slice().buffer)]
    : Array.from(values);
}

onEachBackend("every type of element that Python writes is read", async () => {
  const model: Record<string, State> = {};
  for (const [name, { shape }] of Object.entries(expected.dtypes)) {
    const dtype = name === "i32"
      ? "int32"
      : name === "bool"
      ? "bool"
      : "float32";
    model[name] = zeros(shape, dtype);
  }
  await assertNoLeak(async () => {
    const report = await loadSafetensors(`${GOLDEN}dtypes.safetensors`, model);
    assertEquals(report, {
      missing: [],
      unexpected: [],
      mismatched: [],
      ignored: [],
      converted: { f16: "F16", bf16: "BF16" },
      metadata: { format: "pt" },
    });
  });
  for (const [name, { values }] of Object.entries(expected.dtypes)) {
    assertEquals(bits(await model[name]!.value.data()), values, name);
  }
});

onEachBackend("weights of torch's Linear give torch's outputs", async () => {
  const mlp = {
    "first.weight": zeros([3, 4]),
    "first.bias": zeros([4]),
    "second.weight": zeros([4, 2]),
    "second.bias": zeros([2]),
  };
  await loadSafetensors(`${GOLDEN}mlp.safetensors`, mlp, {
    rename: (path) => path.replace("first", "0").replace("second", "2"),
    transpose: (path) => path.endsWith("weight"),
  });
  const { x, y } = expected.mlp;
  const outputs = scope(() => {
    const hidden = tf.tanh(
      tf.add(
        tf.matMul(tf.tensor2d(x), mlp["first.weight"].value),
        mlp["first.bias"].value,
      ),
    );
    return tf.add(
      tf.matMul(hidden, mlp["second.weight"].value),
      mlp["second.bias"].value,
    );
  });
  const values = await outputs.data();
  for (const [i, value] of y.flat().entries()) {
    assertAlmostEquals(values[i]!, value, 1e-5);
  }
});

onEachBackend("weights of torch's Conv2d give torch's outputs", async () => {
  const conv = { kernel: zeros([2, 3, 2, 3]), bias: zeros([3]) };
  await loadSafetensors(`${GOLDEN}conv.safetensors`, conv, {
    rename: { kernel: "weight" },
    transpose: (path) => path === "kernel" && [3, 2, 0, 1],
  });
  const { x, y } = expected.conv;
  const outputs = scope(() =>
    tf.add(
      tf.conv2d(
        tf.tensor4d(x),
        conv.kernel.value as tf.Tensor4D,
        1,
        "valid",
      ),
      conv.bias.value,
    )
  );
  const values = await outputs.data();
  for (const [i, value] of y.flat(3).entries()) {
    assertAlmostEquals(values[i]!, value, 1e-5);
  }
});

/** The model of scripts/golden/safetensors_write.ts. */
function ours() {
  return {
    "linear.weight": new State(tf.tensor2d([[1, 2, 3], [-0.1, 1e-30, 1e30]])),
    "linear.bias": new State(tf.tensor1d([Infinity, -0, NaN])),
    "conv.kernel": new State(tf.reshape(tf.range(0, 120), [2, 3, 4, 5])),
    "mask": new State(tf.tensor1d([true, false, true], "bool")),
    "random": new RandomState(),
    "steps": new State(tf.scalar(-123456789, "int32")),
    "none": new State(tf.zeros([0, 4])),
  };
}

const OURS = {
  rename: { "none": "empty.é", "conv.kernel": "conv.weight" },
  transpose: (path: string) =>
    path === "conv.kernel" ? [3, 2, 0, 1] : path === "linear.weight",
  metadata: { format: "pt", by: "braintape" },
};

onEachBackend("files are equal to those that Python has read", async () => {
  const path = await Deno.makeTempFile();
  const golden = await Deno.readFile(`${GOLDEN}from_braintape.safetensors`);
  await saveSafetensors(path, scope(ours), OURS);
  assertEquals(await Deno.readFile(path), golden);
  const model = scope(ours);
  assertEquals(await encodeSafetensors(model, OURS), golden);

  const target = scope(ours);
  for (const state of Object.values(target)) {
    if (state instanceof RandomState) continue;
    scope(() => {
      state.value = tf.cast(tf.zeros(state.shape), state.dtype);
    });
  }
  await decodeSafetensors(golden, target, OURS);
  for (const [path, state] of Object.entries(target)) {
    if (state instanceof RandomState) continue;
    const original = model[path as "mask"];
    assertEquals(
      bits(await state.value.data()),
      bits(await original.value.data()),
      path,
    );
  }
  await Deno.remove(path);
});

onEachBackend(
  "saveSafetensors() saves the values at the call and leaks nothing",
  async () => {
    const model = { w: zeros([3]) };
    await assertNoLeak(async () => {
      const pending = encodeSafetensors(model);
      scope(() => {
        model.w.value = tf.ones([3]);
      });
      await decodeSafetensors(await pending, model);
    });
    assertEquals([...await model.w.value.data()], [0, 0, 0]);
  },
);

onEachBackend(
  "missing, unexpected and mismatched tensors are reported",
  async () => {
    const bytes = await Deno.readFile(`${GOLDEN}mlp.safetensors`);
    const model = {
      "0.weight": zeros([3, 4]),
      "0.bias": zeros([4]),
      "extra": zeros([]),
    };
    await assertRejects(
      () => decodeSafetensors(bytes, model),
      RangeError,
      "Cannot load safetensors: it differs:\n  0.weight: F32 [4,3] in the file, F32 [3,4] here\n  extra: not in the file\n  2.bias: only in the file",
    );
    assertEquals([...await model["0.bias"].value.data()], [0, 0, 0, 0]);
    const report = await decodeSafetensors(bytes, model, { strict: false });
    assertEquals(report.missing, ["extra"]);
    assertEquals(report.unexpected.sort(), ["2.bias", "2.weight"]);
    assertEquals(report.mismatched.length, 1);
    assert((await model["0.bias"].value.data()).some((x) => x !== 0));

    // A type that cannot be read is no problem where it is not wanted.
    const unreadable = `${GOLDEN}unreadable.safetensors`;
    await loadSafetensors(unreadable, {}, { strict: false });
    await assertRejects(
      () => loadSafetensors(unreadable, { count: zeros([]), f64: zeros([2]) }),
      RangeError,
      "count: I64 [] in the file, F32 [] here",
    );
  },
  { only: ["cpu"] },
);

onEachBackend("invalid options are refused", async () => {
  const model = { a: zeros([1, 2, 3]), b: zeros([2]) };
  const cases: [Parameters<typeof encodeSafetensors>[1], string][] = [
    [
      { rename: () => "same" },
      "the name of b must be no other's: current name is same",
    ],
    [{ rename: { a: "__metadata__" } }, "current name is __metadata__"],
    [
      { transpose: () => true },
      "Cannot transpose a of shape [1,2,3]: transpose must list each of its axes once: current value is true",
    ],
    [{ transpose: () => [0, 0, 1] }, "current value is [0,0,1]"],
    [{ transpose: () => [0, 1] }, "current value is [0,1]"],
  ];
  for (const [options, message] of cases) {
    await assertRejects(
      () => encodeSafetensors(model, options),
      RangeError,
      message,
    );
  }
  await assertRejects(
    () => encodeSafetensors({ epoch: 3 } as unknown as StatesSource),
    TypeError,
    "the model must be a module or a record of states",
  );
  const text = new State(tf.tensor(["a"], [1], "string"));
  await assertRejects(
    () => encodeSafetensors({ text }),
    TypeError,
    "Cannot save text: the dtype must be one of float32, int32, bool",
  );
}, { only: ["cpu"] });

Deno.test("files that are damaged or not safetensors are refused", async () => {
  const good = await Deno.readFile(`${GOLDEN}mlp.safetensors`);
  const header = (value: unknown, data = 0) => {
    const json = new TextEncoder().encode(
      typeof value === "string" ? value : JSON.stringify(value),
    );
    const bytes = new Uint8Array(8 + json.length + data);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    return bytes;
  };
  const a = (dtype: unknown, shape: unknown, offsets: unknown) => ({
    a: { dtype, shape, data_offsets: offsets },
  });
  const huge = good.slice();
  huge.set([255, 255, 255, 255, 255], 0);
  const cases: [string, Uint8Array, string][] = [
    ["empty", new Uint8Array(), "ends early"],
    ["huge length", huge, "ends early"],
    ["cut off", good.subarray(0, -1), "bytes must follow"],
    ["cut off in the header", good.subarray(0, 50), "ends early"],
    ["longer", Uint8Array.from([...good, 0]), "bytes must follow"],
    ["no JSON", header("{nothing"), "no JSON"],
    ["a list", header([]), "no map"],
    ["deep", header("[".repeat(100_000)), "no JSON"],
    ["no entry", header({ a: 1 }), "a is no map"],
    [
      "unknown type",
      header(a("F33", [], [0, 4]), 4),
      "a has the unknown dtype F33",
    ],
    ["inherited type", header(a("toString", [], [0, 4]), 4), "unknown dtype"],
    ["negative size", header(a("F32", [-1], [0, 4]), 4), "a has no shape"],
    [
      "size of another shape",
      header(a("F32", [2], [0, 4]), 4),
      "no room for its shape",
    ],
    [
      "infinite size",
      header(a("F32", [2 ** 52, 2 ** 52], [0, 4]), 4),
      "no room",
    ],
    ["offsets backwards", header(a("F32", [1], [4, 0]), 4), "does not begin"],
    ["a hole", header(a("F32", [1], [4, 8]), 8), "does not begin"],
    ["offsets of text", header(a("F32", [1], ["0", "4"]), 4), "no place"],
    ["metadata of numbers", header({ __metadata__: { a: 1 } }), "metadata"],
  ];
  for (const [name, bytes, message] of cases) {
    await assertRejects(
      () => decodeSafetensors(bytes, {}, { strict: false }),
      CheckpointError,
      message,
      name,
    );
  }
});

onEachBackend(
  "a damaged header gives a clear error and changes nothing",
  async () => {
    const good = await Deno.readFile(`${GOLDEN}dtypes.safetensors`);
    const headerBytes = good[0]! + 256 * good[1]!;
    const stream = new RandomState(3);
    const f32 = zeros([2, 3]), i32 = zeros([3], "int32");
    for (let i = 0; i < 1000; i++) {
      const bytes = good.slice();
      for (const word of stream.words(2)) {
        bytes[word % (8 + headerBytes)]! ^= 1 << word / 2 ** 29;
      }
      try {
        await decodeSafetensors(bytes, { f32, i32 }, { strict: false });
      } catch (error) {
        assert(error instanceof CheckpointError, `${error}`);
        assertMatch(error.message, /^Cannot read safetensors: /);
      }
      assertEquals([f32.shape, i32.dtype], [[2, 3], "int32"]);
    }
  },
  { only: ["cpu"] },
);

Deno.test("transposed() orders elements as tf.transpose does, and saving undoes it", () => {
  const shape = [2, 3, 4];
  const elements = Float32Array.from({ length: 24 }, (_, i) => i);
  for (const axes of [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]]) {
    const sizes = permute(shape, axes);
    const [box] = stored("x").transposed(axes).boxes(sizes);
    const result = new Float32Array(24), back = new Float32Array(24);
    assertEquals(box!.shape, shape);
    loadBox(box!, elements, result, sizes);
    // Element [i, j, k] lands where `axes` puts its indices.
    for (let at = 0; at < 24; at++) {
      const index = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4];
      const [p, q, r] = permute(index, axes) as [number, number, number];
      const [, n, m] = sizes as [number, number, number];
      assertEquals(result[(p * n + q) * m + r], at);
    }
    saveBox(box!, result, back, sizes);
    assertEquals(back, elements);
    assertEquals(permute(sizes, inverse(axes)), shape);
  }
  for (const sizes of [[], [0, 2]]) {
    const count = tf.util.sizeFromShape(sizes);
    const [box] = stored("x").transposed().boxes(sizes);
    const result = new Float32Array(count);
    loadBox(box!, new Float32Array(count).fill(7), result, sizes);
    assertEquals(result, new Float32Array(count).fill(7));
  }
});

Deno.test("16-bit floats are read exactly, all 65,536 of them", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const view = new DataView(all.buffer);
  const halves = fromFloat16(all);
  const brains = new Uint32Array(fromBfloat16(all).buffer);
  for (let i = 0; i < 65536; i++) {
    if (!Object.is(halves[i], view.getFloat16(2 * i, true))) {
      throw new Error(`float16 ${i}`);
    }
    if (brains[i] !== i * 65536) throw new Error(`bfloat16 ${i}`);
  }
});
