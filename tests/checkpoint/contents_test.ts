/** How much a checkpoint holds, what it may be named, and how it is verified. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  CheckpointError,
  decodeCheckpoint,
  decodeSafetensors,
  encodeCheckpoint,
  encodeSafetensors,
  loadCheckpoint,
  saveCheckpoint,
  verifyCheckpoint,
} from "../../checkpoint.ts";
import { command } from "../../checkpoint/command.ts";
import { repeatedKey } from "../../checkpoint/repeated_key.ts";
import { scope } from "../../memory.ts";
import { Adam } from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { FULL } from "../_backends.ts";
import { inFolder } from "../_folder.ts";

function param(...shape: number[]): ParamState {
  return scope(() => new ParamState(tf.ones(shape)));
}

Deno.test("a header of three million values is written and read", async () => {
  const values = Array.from({ length: 3e6 }, (_, i) => i % 100);
  const bytes = await encodeCheckpoint({ values });
  const { data } = await decodeCheckpoint(bytes, { values: [0] });
  assertEquals([data.values.length, data.values[2_999_999]], [3e6, 99]);
});

Deno.test({
  name: "100,000 parameters and their Adam are saved and loaded",
  ignore: !FULL,
  async fn() {
    await useBackend("cpu");
    const params = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, i) => [`p${i}`, param()]),
    );
    const adam = new Adam().registerTrainableWeights(params);
    const bytes = await encodeCheckpoint({ params, adam });
    params["p77"]!.value = tf.scalar(5);
    await decodeCheckpoint(bytes, { params, adam });
    assertEquals([...await params["p77"]!.value.data()], [1]);
  },
});

Deno.test("names that objects inherit are names like any other", async () => {
  await useBackend("cpu");
  const names = ["constructor", "toString", "hasOwnProperty", "valueOf"];
  const states = () =>
    Object.fromEntries(names.map((name) => [name, param(2)]));
  const saved = states();
  const data = Object.fromEntries(names.map((name, i) => [name, i]));
  const parts = { constructor: saved, toString: data };
  const bytes = await encodeCheckpoint(parts as never);
  const target = { constructor: states(), toString: { ...data, valueOf: -1 } };
  const report = await decodeCheckpoint(bytes, target as never);
  assertEquals(report.missing, []);
  assertEquals((report.data as typeof target).toString, data as never);
  const empty = await encodeCheckpoint({ a: {} });
  await assertRejects(
    () => decodeCheckpoint(empty, { a: { toString: 1 } } as never),
    RangeError,
    "a.toString: undefined in the file, a number here",
  );
  const tensors = await encodeSafetensors(saved);
  assertEquals((await decodeSafetensors(tensors, states())).missing, []);
});

Deno.test("where __proto__ is an accessor, as in browsers and Node, data never becomes a prototype", async () => {
  const before = Object.getOwnPropertyDescriptor(Object.prototype, "__proto__");
  Object.defineProperty(Object.prototype, "__proto__", {
    configurable: true,
    get(this: object) {
      return Object.getPrototypeOf(this);
    },
    set(this: object, prototype: object) {
      Object.setPrototypeOf(this, prototype);
    },
  });
  try {
    const hostile = JSON.parse('{ "__proto__": { "admin": true } }');
    for (const parts of [hostile, { data: hostile }, { data: [hostile] }]) {
      await assertRejects(
        () => encodeCheckpoint(parts),
        TypeError,
        '"__proto__" is not allowed as a key',
      );
    }
    const header = new TextEncoder().encode(
      '{"__metadata__":{"__proto__":"x"},"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    );
    const file = new Uint8Array(8 + header.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(header, 8);
    const report = await decodeSafetensors(file, {}, { strict: false });
    assertEquals(report.unexpected, ["__proto__"]);
    assertEquals(Object.getPrototypeOf(report.metadata), Object.prototype);
  } finally {
    Reflect.deleteProperty(Object.prototype, "__proto__");
    if (before) Object.defineProperty(Object.prototype, "__proto__", before);
  }
});

Deno.test("a safetensors header that has a name twice is refused", async () => {
  const header = new TextEncoder().encode(
    '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
  );
  const file = new Uint8Array(12 + header.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  await assertRejects(
    () => decodeSafetensors(file, {}, { strict: false }),
    CheckpointError,
    'Cannot read safetensors: the header has "w" twice',
  );
  for (
    const [json, key] of [
      ['{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}', undefined],
      ['{"a":"b","b":"a:","c":"\\"a\\":"}', undefined],
      ['{"a":1,"\\u0061" : 2}', "a"],
      ['[{"x":[]},{"x":{"y":0,"y":0}}]', "y"],
      ['{"a\\\\":1,"a":2}', undefined],
    ] as const
  ) assertEquals(repeatedKey(json), key, json);
});

Deno.test("verifyCheckpoint() says what a file holds, and what is damaged", async () => {
  await useBackend("cpu");
  await inFolder(async (folder) => {
    const path = `${folder}/step-1.ckpt`;
    const model = { "a.weight": param(3, 4), "a.bias": param(4) };
    const optimizer = new Adam().registerTrainableWeights(model);
    await saveCheckpoint(path, { model, optimizer, step: 1 }, { metric: 0.5 });
    const whole = await verifyCheckpoint(new URL(`file://${path}`));
    assertEquals(
      [whole.isComplete, whole.path, whole.metric, whole.problem],
      [true, path, 0.5, undefined],
    );
    assert(Math.abs(whole.time!.getTime() - Date.now()) < 60_000);
    assertEquals(whole.parts, [
      { name: "model", kind: "states", tensors: 2, elements: 16, bytes: 64 },
      { name: "optimizer", kind: "dict", tensors: 4, elements: 32, bytes: 128 },
      { name: "step", kind: "data", tensors: 0, elements: 0, bytes: 0 },
    ]);

    const bytes = await Deno.readFile(path);
    for (const at of [1, 30, bytes.length - 3]) {
      const broken = bytes.slice();
      broken[at]! ^= 1;
      await Deno.writeFile(path, broken);
      const { isComplete, problem } = await verifyCheckpoint(path);
      assertEquals(isComplete, false);
      assertStringIncludes(problem!, "Cannot read the ");
    }
    await Deno.writeFile(path, bytes.subarray(0, bytes.length - 1));
    assertStringIncludes((await verifyCheckpoint(path)).problem!, "too early");
    await assertRejects(
      () => loadCheckpoint(path, { model }),
      CheckpointError,
    );
    await assertRejects(
      () => verifyCheckpoint(`${folder}/none`),
      Deno.errors.NotFound,
      `Cannot read ${folder}/none`,
    );
  });
});

Deno.test("`checkpoint verify` prints a summary, and fails for a damaged file", async () => {
  await useBackend("cpu");
  await inFolder(async (folder) => {
    const good = `${folder}/good.ckpt`, bad = `${folder}/bad.ckpt`;
    await saveCheckpoint(good, { model: { w: param(2) }, step: 1 });
    await Deno.writeTextFile(bad, "not a checkpoint");
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "--allow-read", "checkpoint.ts", ...args],
        cwd: new URL("../..", import.meta.url),
      }).output();
      const text = new TextDecoder();
      return { code, out: text.decode(stdout), error: text.decode(stderr) };
    };
    const { code, out } = await run("verify", good, bad);
    assertEquals(code, 1);
    assertStringIncludes(out, `${good}: complete`);
    assertStringIncludes(out, "  model  1 tensor, 2 elements, 8 B");
    assertStringIncludes(out, `${bad}: damaged: Cannot read the header`);
    assertEquals((await run("verify", good)).code, 0);
  });
  const { log, error } = console;
  console.log = console.error = () => {};
  try {
    assertEquals(await command([]), 2);
    assertEquals(await command(["check", "x"]), 2);
    assertEquals(await command(["--help"]), 0);
    assertEquals(await command(["verify", "/nowhere/x"]), 1);
  } finally {
    Object.assign(console, { log, error });
  }
});

Deno.test("repeatedKey() takes time in proportion to the text", () => {
  const json = `{${
    Array.from({ length: 100_000 }, (_, i) => `"k${i}":"${"\\\\".repeat(9)}"`)
  }}`;
  assertEquals(repeatedKey(json), undefined);
  assertThrows(() => JSON.parse(`${json}x`));
});
