import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as autodiff from "../../autodiff/mod.ts";
import { encodeSafetensors, listSafetensors } from "../../checkpoint.ts";
import { compile } from "../../compile.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import {
  type GenerateOptions,
  Gpt2,
  type Gpt2Options,
  KeyValueCache,
  loadPretrained,
  savePretrained,
} from "../../models/mod.ts";
import { tokenProbabilities } from "../../models/sampling.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import * as train from "../../train/mod.ts";
import golden from "../golden/models/gpt2.json" with { type: "json" };
import { assertNoLeak, FULL, onEachBackend } from "../_backends.ts";
import { assertClose, FILES } from "./_models.ts";

const SIZES = { vocabulary: 23, context: 20, width: 8, layers: 2, heads: 2 };

function small(options: Gpt2Options = {}): Gpt2 {
  const random = new RandomState(3);
  return scope(() => new Gpt2({ ...SIZES, random, ...options }));
}

async function loaded(file = "gpt2.safetensors"): Promise<Gpt2> {
  const model = small();
  await loadPretrained(FILES + file, model);
  return model;
}

function matrix(tokens: number[][]): tf.Tensor2D {
  return tf.tensor2d(tokens, undefined, "int32");
}

async function written(
  model: Gpt2,
  prompt: number[],
  options: GenerateOptions,
): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of model.generate(prompt, options)) {
    tokens.push(token);
  }
  return tokens;
}

for (const file of ["gpt2.safetensors", "gpt2_prefixed.safetensors"]) {
  onEachBackend(
    `${file} gives the logits and the loss of transformers`,
    async () => {
      const model = await loaded(file);
      const tokens = matrix(golden.tokens);
      await assertClose(model.call(tokens), golden.logits, 2e-5);
      await assertClose(scope(() => model.loss(tokens)), golden.loss, 2e-6);
    },
  );
}

onEachBackend("gradients are those of transformers", async () => {
  const model = await loaded();
  const states = {
    "wte.weight": model.tokens.weight,
    "wpe.weight": model.positions.weight,
    "h.0.attn.c_attn.weight": model.blocks[0]!.attention.states(ParamState)[
      "packed.weight"
    ]!,
    "h.1.mlp.c_fc.bias": model.blocks[1]!.expand.states(ParamState)["bias"]!,
  };
  const tokens = matrix(golden.tokens);
  const grads = environ.context(
    { fit: false },
    () => autodiff.grad(() => model.loss(tokens), { states })(),
  );
  for (const [name, expected] of Object.entries(golden.grads)) {
    await assertClose(grads[name as keyof typeof grads], expected, 2e-5);
  }
});

onEachBackend(
  "tokens one by one with a cache give the rows of the whole",
  async () => {
    const model = await loaded();
    const [tokens] = golden.tokens as [number[]];
    const whole = await model.call(matrix([tokens])).data();
    await assertNoLeak(async () => {
      for (
        const lengths of [[1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 5], [8, 1], [9]]
      ) {
        using cache = new KeyValueCache();
        const rows: number[] = [];
        for (const length of lengths) {
          const begin = cache.length;
          const part = matrix([tokens.slice(begin, begin + length)]);
          const scores = model.call(part, cache);
          assertEquals(cache.length, begin + length);
          rows.push(...await scores.data());
          tf.dispose([part, scores]);
        }
        for (const [i, value] of whole.entries()) {
          assertAlmostEquals(rows[i]!, value, 1e-5);
        }
      }
    });
  },
);

onEachBackend("greedy tokens are those of transformers", async () => {
  const model = await loaded();
  await assertNoLeak(async () => {
    for (const [i, prompt] of golden.prompts.entries()) {
      const tokens = await written(model, prompt, {
        temperature: 0,
        maxTokens: 12,
      });
      assertEquals(tokens, golden.greedy[i]);
    }
  });
});

Deno.test("probabilities are those that transformers' filters of scores leave", () => {
  for (const { temperature, topK, topP, probabilities } of golden.filters) {
    const found = tokenProbabilities(golden.scores, {
      temperature,
      topP,
      ...topK !== null && { topK },
    });
    for (const [i, p] of probabilities.entries()) {
      assertEquals(found[i] === 0, p === 0, `${temperature} ${topK} ${topP}`);
      assertAlmostEquals(found[i]!, p, 1e-6);
    }
  }
});

onEachBackend(
  "a seed gives the same tokens again, and temperature other ones",
  async () => {
    const model = await loaded();
    const draw = (options: GenerateOptions) =>
      written(model, [3], { maxTokens: 15, ...options });
    const first = await draw({ random: new RandomState(7) });
    assertEquals(await draw({ random: new RandomState(7) }), first);
    const others = [
      await draw({ random: new RandomState(8) }),
      await draw({ random: new RandomState(7), temperature: 5 }),
      await draw({ random: new RandomState(7), topK: 2 }),
      await draw({ random: new RandomState(7), topP: 0.3 }),
    ];
    for (const other of others) assert(`${other}` !== `${first}`, `${other}`);
    assertEquals(await draw({ topK: 1 }), await draw({ temperature: 0 }));
  },
  { only: ["cpu"] },
);

onEachBackend(
  "generating ends at a stop token, at the context, or when the loop ends",
  async () => {
    const model = await loaded();
    const [prompt] = golden.prompts as [number[]],
      [all] = golden.greedy as [number[]];
    const greedy = { temperature: 0 };
    await assertNoLeak(async () => {
      // 17, 6, 20, 18, 11, ...
      assertEquals(
        await written(model, prompt, { ...greedy, stop: 18 }),
        all.slice(0, 3),
      );
      assertEquals(
        await written(model, prompt, { ...greedy, stop: [11, 20] }),
        all.slice(0, 2),
      );
      assertEquals(
        (await written(model, prompt, greedy)).length,
        SIZES.context - 1,
      );
      for await (const token of model.generate(prompt, greedy)) {
        assertEquals(token, 17);
        break;
      }
    });
  },
  { only: ["cpu"] },
);

onEachBackend(
  "dropout is drawn in training only, and generating is not training",
  async () => {
    const model = small({ rate: 0.5 });
    const tokens = matrix(golden.tokens);
    const loss = (fit: boolean) =>
      environ.context({ fit }, () => scope(() => model.loss(tokens))).data();
    assertEquals(await loss(false), await loss(false));
    assert((await loss(true))[0] !== (await loss(true))[0]);
    environ.set({ fit: true });
    try {
      const greedy = { temperature: 0, maxTokens: 5 };
      assertEquals(
        await written(model, [1], greedy),
        await written(model, [1], greedy),
      );
    } finally {
      environ.set({ fit: undefined });
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a compiled step trains it, with the bits of a step that is not",
  async (backend) => {
    const losses: number[][] = [];
    for (const compiled of [false, true]) {
      const model = small({ rate: 0.1 });
      const optimizer = new optim.AdamW({ lr: 0.01 })
        .registerTrainableWeights(model.states(ParamState));
      const step = train.step((x: tf.Tensor2D) => model.loss(x), optimizer);
      using fast = compile(step, { onFallback: "throw" });
      const tokens = matrix(golden.tokens);
      const found: number[] = [];
      for (let i = 0; i < 12; i++) {
        const loss = (compiled ? fast : step)(tokens);
        found.push(...await loss.data());
        loss.dispose();
      }
      if (compiled) assertEquals(fast.report().replayed, 10);
      losses.push(found);
      optimizer.dispose();
    }
    assertEquals(losses[0], losses[1]);
    assert(
      losses[0]!.at(-1)! < losses[0]![0]! - 0.1,
      `${backend} ${losses[0]}`,
    );
  },
  { only: ["wasm", "webgpu"] },
);

onEachBackend(
  "savePretrained() writes the tensors that transformers reads",
  async () => {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    await savePretrained(file, await loaded());
    const byName = <T extends { name: string }>(list: T[]) =>
      list.toSorted((a, b) => a.name < b.name ? -1 : 1);
    const theirs = await listSafetensors(`${FILES}gpt2_prefixed.safetensors`);
    assertEquals(byName(await listSafetensors(file)), byName(theirs));
    const again = small({ random: new RandomState(9) });
    await loadPretrained(file, again);
    assertEquals(
      await encodeSafetensors(again),
      await encodeSafetensors(await loaded()),
    );
    nn.addLoRA(again, { rank: 1 });
    await assertRejects(
      () => savePretrained(file, again),
      RangeError,
      "the model must be without LoRA, which nn.mergeLoRA adds to the weights",
    );
    nn.mergeLoRA(again);
    await savePretrained(file, again);
    await loadPretrained(file, await loaded());
    await Deno.remove(file);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "a file of other sizes is refused, with every difference",
  async () => {
    const model = small({ layers: 3, context: 10 });
    const before = await encodeSafetensors(model);
    const error = await assertRejects(
      () => loadPretrained(`${FILES}gpt2.safetensors`, model),
      RangeError,
      "positions.weight: F32 [20,8] in the file, F32 [10,8] here",
    );
    assert(error.message.includes("blocks.2.expand.bias: not in the file"));
    assertEquals(await encodeSafetensors(model), before);
    const report = await loadPretrained(`${FILES}gpt2.safetensors`, model, {
      mismatch: "ignore",
    });
    assertEquals(report.mismatched.length, 1);
    assertEquals(report.ignored, ["h.0.attn.bias", "h.1.attn.bias"]);
    const part = small({ layers: 1 });
    const file = `${FILES}gpt2.safetensors`;
    await loadPretrained(file, part, { ignore: ["h.1.*"] });
    for (
      const [options, message] of [
        [{ map: {} }, 'there is no option "map"'],
        [{ ignore: "h.1.*" }, "ignore must be a list"],
      ] as const
    ) {
      await assertRejects(
        () => loadPretrained(file, part, options as never),
        TypeError,
        message,
      );
    }
    await assertRejects(
      () =>
        loadPretrained(
          `${FILES}gpt2.safetensors`,
          new nn.Linear(1, 1) as never,
        ),
      TypeError,
      "the model must be a model with layout()",
    );
  },
  { only: ["cpu"] },
);

onEachBackend("what cannot be computed is refused", async () => {
  const model = small();
  const long = matrix([Array(21).fill(1)]);
  assertThrows(
    () => model.call(long),
    RangeError,
    "Cannot call Gpt2: the number of tokens must be at most 20, as the context has places left: current value is 21",
  );
  assertThrows(
    () => model.loss(matrix([[1]])),
    RangeError,
    "two or more in a row",
  );
  assertThrows(
    () => model.next(matrix([[1], [2]])),
    RangeError,
    "one sequence",
  );
  assertThrows(
    () => model.call(tf.tensor2d([], [1, 0], "int32")),
    RangeError,
    "tokens must be one or more in a row",
  );
  using cache = new KeyValueCache();
  model.call(matrix([[1], [2]]), cache);
  assertThrows(
    () => model.call(matrix([[1]]), cache),
    RangeError,
    "2 sequences, as in the cache",
  );
  assertThrows(() => model.call(matrix([[23], [2]]), cache), RangeError);
  const one = matrix([[1], [2]]);
  assertThrows(
    () => small({ layers: 1 }).call(one, cache),
    RangeError,
    "Cannot use a cache: the number of layers must be 2, as in the cache: current value is 1",
  );
  assertThrows(
    () => small({ layers: 3 }).call(one, cache),
    RangeError,
    "the number of layers must be 2, as in the cache: current value is 3",
  );
  assertThrows(
    () => small({ width: 12 }).call(one, cache),
    RangeError,
    "the shape of keys must be [any, any, 2, 4], as in the cache",
  );
  assertThrows(
    () => model.call(one, {} as KeyValueCache),
    TypeError,
    "the cache must be a KeyValueCache",
  );
  assertEquals(cache.length, 1);
  const { attention } = model.blocks[0]!;
  assertThrows(
    () => attention.call(tf.ones([5, 8]), 2),
    RangeError,
    "the input must be of a multiple of 2 rows, the number of places",
  );
  const options: [Gpt2Options, typeof TypeError | typeof RangeError, string][] =
    [
      [{ heads: 3 }, RangeError, "heads must be a divisor of the width, 8"],
      [{ layers: 0 }, RangeError, "layers must be a positive integer"],
      [{ rate: 1 }, RangeError, "rate must be in [0, 1)"],
      [{ size: 1 } as never, TypeError, 'there is no option "size"'],
    ];
  for (const [option, ErrorClass, message] of options) {
    assertThrows(() => small(option), ErrorClass, message);
  }
  const prompts: [
    number[],
    GenerateOptions,
    typeof TypeError | typeof RangeError,
    string,
  ][] = [
    [[], {}, RangeError, "the prompt must be of 1 to 19 tokens"],
    [5 as never, {}, TypeError, "the prompt must be a list or a typed array"],
    [[1, 23], {}, RangeError, "prompt[1] must be below 23"],
    [[0.5], {}, RangeError, "prompt[0] must be a nonnegative integer"],
    [
      [1],
      { maxTokens: 20 },
      RangeError,
      "maxTokens must be at most 19, what the prompt leaves of the context",
    ],
    [
      [1],
      { temperature: -1 },
      RangeError,
      "temperature must be a nonnegative finite number",
    ],
    [[1], { topK: 0 }, RangeError, "topK must be a positive integer"],
    [[1], { topP: 0 }, RangeError, "topP must be in (0, 1]"],
    [[1], { stop: [-1] }, RangeError, "stop[0] must be a nonnegative integer"],
    [[1], { seed: 1 } as never, TypeError, 'there is no option "seed"'],
    [[1], { random: 1 as never }, TypeError, "random must be a RandomState"],
  ];
  for (const [prompt, option, ErrorClass, message] of prompts) {
    assertThrows(() => model.generate(prompt, option), ErrorClass, message);
  }
  model.tokens.weight.value = tf.fill([23, 8], NaN);
  await assertRejects(
    () => written(model, [1], {}),
    RangeError,
    "scores must be finite",
  );
}, { only: ["cpu"] });

Deno.test({
  name: "the published GPT-2 has 124,439,808 parameters",
  ignore: !FULL,
  fn: async () => {
    const { useBackend } = await import("../../backend/mod.ts");
    await useBackend("cpu");
    const zeros = new Gpt2({ random: new RandomState(0) });
    assertEquals(nn.parameterCount(zeros), 124_439_808);
    zeros.dispose();
  },
});
