import {
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  joined,
  listSafetensors,
  loadSafetensors,
  type LoadSafetensorsOptions,
  saveSafetensors,
  type Stored,
  stored,
  summed,
} from "../../checkpoint.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import { State, type States } from "../../state.ts";
import expected from "../golden/safetensors/maps/expected.json" with {
  type: "json",
};
import { assertNoLeak, onEachBackend } from "../_backends.ts";

const MAPS = new URL("../golden/safetensors/maps/", import.meta.url).pathname;

function zeros(shape: number[]): State {
  return scope(() => new State(tf.zeros(shape)));
}

async function assertClose(y: tf.Tensor, golden: unknown) {
  const values = await y.data();
  const expected = (golden as number[][]).flat(Infinity) as number[];
  assertEquals(values.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assertAlmostEquals(values[i]!, value, 2e-6);
  }
}

/** The tensors of a file, as Python named them. */
async function raw(bytes: Uint8Array, shapes: Record<string, number[]>) {
  const states = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, zeros(shape)]),
  );
  await decodeSafetensors(bytes, states);
  return Object.fromEntries(
    await Promise.all(
      Object.entries(states).map(async ([name, { value }]) =>
        [name, [...await value.data()]] as const
      ),
    ),
  );
}

const gates = (x: Stored) => x.reordered([0, 2, 1, 3]);
const weights = (name: string) => gates(stored(name)).transposed();
const LSTM = {
  "cell.gates.weight": joined(
    [weights("weight_ih_l0"), weights("weight_hh_l0")],
    { sizes: [3, 4] },
  ),
  // Ours adds 1 to the forget gate itself.
  "cell.gates.bias": joined(
    [0, 2, 1, 3].map((gate) => {
      const bias = summed(["bias_ih_l0", "bias_hh_l0"]).part(gate, 4);
      return gate === 1 ? bias.plus(-1) : bias;
    }),
  ),
};
const LSTM_SHAPES = {
  weight_ih_l0: [16, 3],
  weight_hh_l0: [16, 4],
  bias_ih_l0: [16],
  bias_hh_l0: [16],
};

onEachBackend("weights of torch's LSTM give torch's outputs", async () => {
  const lstm = scope(() => new nn.RNN(new nn.LSTMCell(3, 4)));
  const file = await Deno.readFile(`${MAPS}lstm.safetensors`);
  await assertNoLeak(async () => {
    const report = await decodeSafetensors(file, lstm, { map: LSTM });
    assertEquals(report.unexpected, []);
  });
  const { x, y } = expected.lstm;
  await assertClose(lstm.call(tf.tensor3d(x)), y);
});

onEachBackend(
  "an LSTM is saved as torch has it, its bias in the first of two",
  async () => {
    const lstm = scope(() => new nn.RNN(new nn.LSTMCell(3, 4)));
    const file = await Deno.readFile(`${MAPS}lstm.safetensors`);
    await decodeSafetensors(file, lstm, { map: LSTM });
    const saved = await raw(
      await encodeSafetensors(lstm, { map: LSTM }),
      LSTM_SHAPES,
    );
    const golden = await raw(file, LSTM_SHAPES);
    assertEquals(saved["weight_ih_l0"], golden["weight_ih_l0"]);
    assertEquals(saved["weight_hh_l0"], golden["weight_hh_l0"]);
    assertEquals(saved["bias_hh_l0"], Array(16).fill(0));
    for (const [i, bias] of saved["bias_ih_l0"]!.entries()) {
      const sum = golden["bias_ih_l0"]![i]! + golden["bias_hh_l0"]![i]!;
      assertAlmostEquals(bias, sum, 1e-7);
    }
  },
  { only: ["cpu"] },
);

const PROJECTIONS = ["query", "key", "value"];

/** torch packs the projections to queries, keys and values into one. */
function attentionMap(path: string): Stored | string {
  const [layer, kind] = path.split(".") as [string, "weight" | "bias"];
  const third = PROJECTIONS.indexOf(layer);
  const place = third < 0
    ? stored(`out_proj.${kind}`)
    : stored(`in_proj_${kind}`).part(third, 3);
  return kind === "weight" ? place.transposed() : place;
}
const ATTENTION_SHAPES = {
  "in_proj_weight": [24, 8],
  "in_proj_bias": [24],
  "out_proj.weight": [8, 8],
  "out_proj.bias": [8],
};

onEachBackend(
  "packed weights of torch's attention are split, and packed again",
  async () => {
    const attention = scope(() => new nn.MultiHeadAttention(8, 2));
    const file = await Deno.readFile(`${MAPS}attention.safetensors`);
    await decodeSafetensors(file, attention, { map: attentionMap });
    const { x, y } = expected.attention;
    await assertClose(attention.call(tf.tensor3d(x)), y);
    const saved = await encodeSafetensors(attention, { map: attentionMap });
    assertEquals(
      await raw(saved, ATTENTION_SHAPES),
      await raw(file, ATTENTION_SHAPES),
    );
  },
);

onEachBackend(
  "weights of torch's grouped convolution give torch's outputs",
  async () => {
    const conv = scope(() =>
      new nn.Conv2d(4, 8, 3, { groups: 4, padding: "valid" })
    );
    await loadSafetensors(`${MAPS}depthwise.safetensors`, conv, {
      map: { weight: stored("weight").transposed([2, 3, 1, 0]) },
    });
    const { x, y } = expected.depthwise;
    await assertClose(conv.call(tf.tensor4d(x)), y);
  },
);

onEachBackend("the index of shards loads all of them", async () => {
  const mlp = scope(() =>
    new nn.Sequential<tf.Tensor2D, tf.Tensor2D>(
      new nn.Linear(3, 4),
      nn.tanh,
      new nn.Linear(4, 2),
    )
  );
  const map = (path: string, shape: readonly number[]) => {
    const place = stored(path.replace("layers.", ""));
    return shape.length === 2 ? place.transposed() : place;
  };
  const index = `${MAPS}model.safetensors.index.json`;
  await assertNoLeak(async () => {
    const report = await loadSafetensors(index, mlp, { map });
    assertEquals(report.metadata, { format: "pt" });
  });
  const { x, y } = expected.mlp;
  await assertClose(mlp.call(tf.tensor2d(x)), y);
  await assertRejects(
    () =>
      loadSafetensors(index, { "0.bias": zeros([4]), "3.bias": zeros([4]) }),
    RangeError,
    "index.json: it differs:\n  3.bias: not in the file\n  0.weight: only in the file\n  2.bias: only in the file\n  2.weight: only in the file",
  );
});

Deno.test("an index that is none, or leads elsewhere, is refused", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/model.safetensors.index.json`;
  const cases: [string, string][] = [
    ["{", "it is no JSON"],
    ["[]", "it has no weight_map"],
    ['{"weight_map":{"a":"../a.safetensors"}}', 'current value is "../a.safe'],
    ['{"weight_map":{"a":1}}', "current value is 1"],
  ];
  for (const [text, message] of cases) {
    await Deno.writeTextFile(path, text);
    await assertRejects(
      () => loadSafetensors(path, {}),
      CheckpointError,
      message,
    );
  }
  const map = { a: "1.safetensors", b: "2.safetensors" };
  await Deno.writeTextFile(path, JSON.stringify({ weight_map: map }));
  await assertRejects(
    () => loadSafetensors(path, {}),
    Deno.errors.NotFound,
    "1.safetensors",
  );
  for (const file of Object.values(map)) {
    await Deno.copyFile(`${MAPS}half.safetensors`, `${folder}/${file}`);
  }
  await assertRejects(
    () => loadSafetensors(path, {}),
    CheckpointError,
    "bias is in two files",
  );
  await Deno.remove(folder, { recursive: true });
});

onEachBackend(
  "16-bit weights become float32, and the report says so",
  async () => {
    const linear = { weight: zeros([2, 3]), bias: zeros([2]) };
    const report = await loadSafetensors(`${MAPS}half.safetensors`, linear);
    assertEquals(report.converted, { weight: "F16", bias: "BF16" });
    assertEquals(linear.weight.dtype, "float32");
  },
  { only: ["cpu"] },
);

onEachBackend(
  "names that are ignored may stay unused, and are reported",
  async () => {
    const file = `${MAPS}lstm.safetensors`;
    const part = { weight_ih_l0: zeros([16, 3]) };
    const ignore = ["bias_*", /^weight_h/g];
    const report = await loadSafetensors(file, part, { ignore });
    assertEquals(report.unexpected, []);
    assertEquals(report.ignored.toSorted(), [
      "bias_hh_l0",
      "bias_ih_l0",
      "weight_hh_l0",
    ]);
    await assertRejects(
      () => loadSafetensors(file, part, { ignore: ["bias_*", "weight_h"] }),
      RangeError,
      "weight_hh_l0: only in the file",
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "every tensor that is left over and every state without one is named",
  async () => {
    const many: States = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`state${i}`, zeros([1])]),
    );
    const others = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`other${i}`, zeros([1])]),
    );
    const file = await encodeSafetensors(others);
    const error = await assertRejects(
      () => decodeSafetensors(file, many),
      RangeError,
    );
    for (let i = 0; i < 30; i++) {
      assertEquals(error.message.includes(`state${i}: not in the file`), true);
      assertEquals(error.message.includes(`other${i}: only in the file`), true);
    }
    // Two parts of three, and the same part three times.
    const packed = await encodeSafetensors({ qkv: zeros([3]) });
    for (const parts of [[0, 1], [0, 0, 0]]) {
      const states = Object.fromEntries(
        parts.map((_, i) => [`${i}`, zeros([1])]),
      );
      const map = (path: string) => stored("qkv").part(parts[Number(path)]!, 3);
      await assertRejects(
        () => decodeSafetensors(packed, states, { map }),
        RangeError,
        "qkv: only in the file",
      );
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a state that two paths share in the file is read twice",
  async () => {
    const file = await encodeSafetensors({
      wte: scope(() => new State(tf.tensor1d([1, 2]))),
    });
    const tied = { embedding: zeros([2]), head: zeros([2]) };
    await decodeSafetensors(file, tied, { map: () => "wte" });
    assertEquals([...await tied.embedding.value.data()], [1, 2]);
    assertEquals([...await tied.head.value.data()], [1, 2]);
    await assertRejects(
      () => encodeSafetensors(tied, { map: () => "wte" }),
      RangeError,
      "the name of head must be no other's: current name is wte",
    );
  },
  { only: ["cpu"] },
);

onEachBackend(
  "maps that cannot be are refused before anything changes",
  async () => {
    const model = { a: zeros([2, 3]) };
    const file = await encodeSafetensors(model);
    const cases: [LoadSafetensorsOptions["map"], string][] = [
      [
        { a: stored("a").transposed([0, 2]) },
        "axes must be each of the axes of shape [2, 3] once: current value is [0, 2] (of a)",
      ],
      [
        { a: stored("a").part(0, [3, 1]) },
        "of must be 2 at 0, as in the state",
      ],
      [
        { a: stored("a").part(0, 2, { axis: 2 }) },
        "axis must be below the rank of the state, of shape [2, 3]",
      ],
      [
        { a: joined(["x", "y"], { axis: 1 }) },
        "the parts must be as long as the state, 3 in all",
      ],
      [
        { a: joined(["x", "y"], { sizes: [1, 2] }) },
        "the parts must be as long as the state, 2 in all",
      ],
    ];
    for (const [map, message] of cases) {
      await assertRejects(
        () => decodeSafetensors(file, model, { map: map! }),
        RangeError,
        message,
      );
    }
    await assertRejects(
      () => decodeSafetensors(file, model, { map: () => 3 as never }),
      TypeError,
      "map must be a string or a Stored for a: current value is 3",
    );
    await assertRejects(
      () => decodeSafetensors(file, model, { map: {}, rename: {} }),
      TypeError,
      "rename and map must not both be given",
    );
    await assertRejects(
      () => decodeSafetensors(file, model, { map: { A: "x" } }),
      RangeError,
      'the keys of map must be paths of the model: current value is "A"',
    );
    await assertRejects(
      () => encodeSafetensors(model, { rename: { A: "x" } }),
      RangeError,
      'the keys of rename must be paths of the model: current value is "A"',
    );
    await assertRejects(
      () => encodeSafetensors(model, { map: { a: stored("b").part(1, 2) } }),
      RangeError,
      "the parts of b must fill its shape [4, 3]: 6 of 12 elements are given",
    );
    const none = await Deno.makeTempFile();
    await assertRejects(
      () =>
        saveSafetensors(none, { a: zeros([2]), b: zeros([3]) }, {
          map: () => "c",
        }),
      RangeError,
      "Cannot use safetensors: the name of b must be no other's",
    );
    await Deno.remove(none);
  },
  { only: ["cpu"] },
);

Deno.test("the tensors of a file, or of all shards, are listed", async () => {
  assertEquals(await listSafetensors(`${MAPS}half.safetensors`), [
    { name: "bias", dtype: "BF16", shape: [2] },
    { name: "weight", dtype: "F16", shape: [2, 3] },
  ]);
  const all = await listSafetensors(`${MAPS}model.safetensors.index.json`);
  assertEquals(all.map(({ name }) => name).toSorted(), [
    "0.bias",
    "0.weight",
    "2.bias",
    "2.weight",
  ]);
  await assertRejects(
    () => listSafetensors(`${MAPS}expected.json`),
    CheckpointError,
    "expected.json)",
  );
});

onEachBackend(
  "a value that is negated and moved is loaded and saved",
  async () => {
    const file = await encodeSafetensors({ a: new State(tf.tensor1d([1, 2])) });
    const rows: [map: () => Stored, expected: number[]][] = [
      [() => stored("a").negated(), [-1, -2]],
      [() => stored("a").plus(3).negated(), [-4, -5]],
      [() => stored("a").negated().plus(3), [2, 1]],
      [() => summed(["a", stored("a").negated()]), [0, 0]],
    ];
    for (const [map, expected] of rows) {
      const state = zeros([2]);
      await decodeSafetensors(file, { b: state }, { map });
      assertEquals([...await state.value.data()], expected);
      if (expected[0] === 0) continue; // the sum is saved in its first term
      assertEquals(await encodeSafetensors({ b: state }, { map }), file);
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a sum is saved so that it is loaded again, whatever is added to its terms",
  async () => {
    const a = { a: scope(() => new State(tf.tensor1d([5, -7]))) };
    const terms: [Stored, other: number[]][] = [
      [summed(["x", "y"]), [0, 0]],
      [summed(["x", stored("y").plus(3)]), [-3, -3]],
      [summed([stored("x").plus(2), stored("y").plus(3).negated()]), [-3, -3]],
      [summed(["x", stored("y").negated().plus(3)]).negated(), [3, 3]],
      [
        joined([stored("x"), summed(["u", stored("y").plus(1)])], { axis: 0 }),
        [-1],
      ],
    ];
    for (const [map, other] of terms) {
      const file = await encodeSafetensors(a, { map: { a: map } });
      const again = { a: zeros([2]) };
      await decodeSafetensors(file, again, { map: { a: map } });
      assertEquals([...await again.a.value.data()], [5, -7]);
      const y = { y: zeros([other.length]) };
      await decodeSafetensors(file, y, { ignore: ["x", "u"] });
      assertEquals([...await y.y.value.data()].map((x) => x + 0), other);
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "what a state of integers or truth values cannot hold is refused",
  async () => {
    const bools = { a: scope(() => new State(tf.tensor1d([1, 0], "bool"))) };
    const integers = { a: scope(() => new State(tf.tensor1d([1], "int32"))) };
    const cases: [States, Stored, string][] = [
      [bools, stored("a").negated(), "a must be float32 or int32 for sums"],
      [bools, stored("a").plus(1), 'current value is "bool"'],
      [bools, summed(["a", "b"]), "a must be float32 or int32 for sums"],
      [
        integers,
        stored("a").plus(0.5),
        "a must be float32 for plus() with 0.5",
      ],
    ];
    for (const [states, a, message] of cases) {
      await assertRejects(
        () => encodeSafetensors(states, { map: { a } }),
        TypeError,
        message,
      );
    }
    const file = await encodeSafetensors(integers);
    const map = { a: stored("a").plus(2).negated() };
    await decodeSafetensors(file, integers, { map });
    assertEquals([...await integers.a.value.data()], [-3]);
  },
  { only: ["cpu"] },
);

Deno.test("descriptions of stored values check what they are given", () => {
  const cases: [() => unknown, typeof TypeError | typeof RangeError, string][] =
    [
      [() => stored(1 as never), TypeError, "the name must be a string"],
      [() => joined([]), TypeError, "must be a list of one or more"],
      [() => summed("ab" as never), TypeError, "must be a list of one or more"],
      [
        () => joined(["a"], { sizes: [1, 2] }),
        RangeError,
        "1 numbers, one for each part: current value is [1, 2]",
      ],
      [
        () => joined(["a"], { axes: 1 } as never),
        TypeError,
        'there is no option "axes"',
      ],
      [
        () => stored("a").part(0, 3, { of: 1 } as never),
        TypeError,
        'there is no option "of"',
      ],
      [() => stored("a").part(3, 3), RangeError, "index must be below 3"],
      [
        () => stored("a").part(-1, 3),
        RangeError,
        "index must be a nonnegative integer",
      ],
      [
        () => stored("a").part(0, 0),
        RangeError,
        "of must be a positive integer",
      ],
      [() => stored("a").plus(NaN), RangeError, "plus must be a finite number"],
      [() => stored("a").transposed([0.5]), RangeError, "axes[0]"],
      [
        () => stored("a").reordered(3 as never),
        TypeError,
        "Cannot reorder a stored value: order must be",
      ],
      [() => stored("a").reordered([0, -1]), RangeError, "order[1]"],
    ];
  for (const [fn, ErrorClass, message] of cases) {
    assertThrows(fn, ErrorClass, message);
  }
});

onEachBackend(
  "elements that overlapping parts leave out are told of",
  async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => i);
    const file = await encodeSafetensors({
      x: new State(tf.tensor2d(values, [8, 3])),
    });
    const load = (parts: Record<string, [index: number, of: number[]]>) => {
      const states = Object.fromEntries(
        Object.entries(parts).map(([path, [index, of]]) =>
          [path, new State(tf.zeros([of[index]!, 3]))] as const
        ),
      );
      const map = (path: string) => stored("x").part(...parts[path]!);
      return decodeSafetensors(file, states, { map });
    };
    // Rows 0 to 3 and 2 to 5, which are eight rows of six.
    await assertRejects(
      () => load({ a: [0, [4, 4]], b: [1, [2, 4, 2]] }),
      RangeError,
      "x: only in the file",
    );
    const all = { a: [0, [5, 3]], b: [1, [2, 6]] } as const;
    const { unexpected } = await load(all as never);
    assertEquals(unexpected, []);
  },
  { only: ["cpu"] },
);
