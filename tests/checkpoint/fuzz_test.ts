import { assert, assertEquals } from "@std/assert";
import { decode, encode, type ValueType } from "@std/msgpack";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../checkpoint.ts";
import { crc32 } from "../../internal/crc32.ts";
import { scope } from "../../memory.ts";
import { StepLR } from "../../optim/schedulers/mod.ts";
import { RandomState } from "../../random.ts";
import { ParamState, State } from "../../state.ts";
import { FULL } from "../_backends.ts";

const CASES = FULL ? 20_000 : 3_000;

/** The same cases in every run. */
const stream = new RandomState(6);

function below(n: number): number {
  return stream.words(1)[0]! % n;
}

function pick<T>(items: readonly T[]): T {
  return items[below(items.length)]!;
}

/** The parts that a file is loaded into. */
function makeParts() {
  const state = (values: number[], dtype?: tf.DataType) =>
    scope(() => new State(tf.tensor(values, [values.length], dtype)));
  return {
    model: {
      "a.weight": scope(() => new ParamState(tf.ones([3, 2]))),
      "a.mask": state([1, 0, 1], "bool"),
      "b.count": state([4, 5], "int32"),
    },
    random: new RandomState(1),
    schedule: new StepLR({ baseLr: 0.1, stepSize: 3 }),
    history: { losses: [1, 2], best: null },
    step: 7,
  };
}

/** A file as magic and version, then payloads of records. */
interface Parsed {
  readonly start: Uint8Array;
  readonly payloads: Uint8Array[];
}

function parse(file: Uint8Array): Parsed {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const payloads: Uint8Array[] = [];
  for (let at = 12; at < file.length;) {
    const length = view.getUint32(at, true);
    payloads.push(file.slice(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { start: file.slice(0, 12), payloads };
}

/** The file of these payloads, with checksums that are right. */
function build({ start, payloads }: Parsed): Uint8Array {
  const pieces = payloads.map((payload) => {
    const head = new DataView(new ArrayBuffer(8));
    head.setUint32(0, payload.length, true);
    head.setUint32(4, crc32(payload), true);
    return [...new Uint8Array(head.buffer), ...payload];
  });
  return Uint8Array.from([...start, ...pieces.flat()]);
}

/** Values that no field expects, and that some fields do. */
const ODD: readonly ValueType[] = [
  null,
  true,
  -1,
  0,
  1.5,
  NaN,
  Infinity,
  2 ** 31,
  2 ** 53,
  1e300,
  12n,
  "",
  "float32",
  "string",
  [],
  {},
  [[[[[]]]]],
  new Array<number>(300).fill(0),
  new Uint8Array(5),
  { $tensor: 0 },
  { $tensor: 99 },
  { $tensor: -1 },
  { $tensor: 0.5 },
  { $Float32Array: new Uint8Array(3) },
  { $map: { $map: 1 } },
  { constructor: 1, toString: 2, hasOwnProperty: 3 },
];

/** `value` with one part of it, at random, replaced, removed or added. */
function mutated(value: ValueType): ValueType {
  const isMap = typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Uint8Array);
  if (!isMap && !Array.isArray(value)) return pick(ODD);
  const entries: [string, ValueType][] = Object.entries(value);
  const i = below(entries.length + 1);
  const [key, item] = entries[i] ?? [pick(["x", "$x", "model", "0"]), null];
  const action = below(8);
  if (action === 0 || entries.length === 0) entries.splice(i, 1);
  else if (action === 1) entries.splice(i, 1, [key, pick(ODD)]);
  else if (action === 2) entries.push([`${key}2`, item]);
  else entries.splice(i, 1, [key, mutated(item)]);
  return isMap ? Object.fromEntries(entries) : entries.map(([, item]) => item);
}

function flip(bytes: Uint8Array): Uint8Array {
  const result = bytes.slice();
  for (let n = 1 + below(3); n > 0; n--) {
    result[below(result.length)]! ^= 1 << below(8);
  }
  return result;
}

/** Ways to damage a file; those that keep checksums right may do no harm. */
const DAMAGE: Record<string, (file: Uint8Array) => Uint8Array> = {
  "bits flipped": flip,
  "cut off": (file) => file.subarray(0, below(file.length)),
  "bytes after the end": (file) =>
    Uint8Array.from([...file, ...new Uint8Array(1 + below(20))]),
  "bytes missing": (file) => {
    const at = below(file.length);
    return Uint8Array.from([...file.subarray(0, at), ...file.subarray(at + 4)]);
  },
  "a huge length": (file) => {
    const result = file.slice();
    const at = pick([12, 12 + below(40)]);
    result.set([255, 255, 255, pick([0, 3, 127, 255])], at);
    return result;
  },
  "noise after the magic": (file) =>
    Uint8Array.from([
      ...file.subarray(0, 12),
      ...new Uint8Array(stream.words(20).buffer),
    ]),
  "a header with flipped bits": (file) => {
    const { start, payloads } = parse(file);
    return build({
      start,
      payloads: [flip(payloads[0]!), ...payloads.slice(1)],
    });
  },
  "a header of noise": (file) => {
    const { start, payloads } = parse(file);
    const noise = new Uint8Array(stream.words(1 + below(30)).buffer);
    return build({ start, payloads: [noise, ...payloads.slice(1)] });
  },
  "a header with something else in it": (file) => {
    const { start, payloads } = parse(file);
    const header = mutated(decode(payloads[0]!));
    return build({ start, payloads: [encode(header), ...payloads.slice(1)] });
  },
  "a header nested deeply": (file) => {
    const { start, payloads } = parse(file);
    const deep = new Uint8Array(50_000).fill(0x91);
    return build({ start, payloads: [deep, ...payloads.slice(1)] });
  },
  "a header with __proto__": (file) => {
    const { start, payloads } = parse(file);
    const latin1 = new TextDecoder("latin1").decode(payloads[0]!);
    // A key of 7 bytes, in the header itself and in its parts, becomes one of 9.
    const keys = [...latin1.matchAll(/\xa7(library|history|tensors)/g)];
    const { index } = pick(keys);
    const header = Uint8Array.from([
      ...payloads[0]!.subarray(0, index),
      0xa9,
      ...new TextEncoder().encode("__proto__"),
      ...payloads[0]!.subarray(index + 8),
    ]);
    return build({ start, payloads: [header, ...payloads.slice(1)] });
  },
  "other data records": (file) => {
    const { start, payloads } = parse(file);
    const data = payloads[1]!;
    const others: Uint8Array[][] = [
      [],
      [data, data],
      [encode(mutated(decode(data)))],
      [encode([1, (decode(data) as [number, Uint8Array])[1]])],
      [flip(data)],
    ];
    return build({ start, payloads: [payloads[0]!, ...pick(others)] });
  },
};

Deno.test("damaged and adversarial files give a clear error quickly, and change nothing", async () => {
  await useBackend("cpu");
  const parts = makeParts();
  const file = await encodeCheckpoint(parts);
  const target = makeParts();
  const reset = () => decodeCheckpoint(file, target);
  const look = async () =>
    Deno.inspect([
      await Promise.all(Object.values(target.model).map((s) => s.value.data())),
      target.random.value,
      target.schedule.stateDict(),
    ], { depth: 9 });
  await reset();
  const expected = await look();
  const tensors = tf.memory().numTensors;
  const memory = Deno.memoryUsage().rss;
  const outcomes: Record<string, number> = {};
  let slowest = 0;
  for (let i = 0; i < CASES; i++) {
    const [name, damage] = pick(Object.entries(DAMAGE));
    const bytes = damage(file);
    const start = performance.now();
    try {
      await decodeCheckpoint(bytes, target);
      outcomes[name] = (outcomes[name] ?? 0) + 1;
      await reset();
    } catch (error) {
      assert(
        error instanceof Error && /^Cannot /.test(error.message) &&
          !/^Cannot (read properties|convert|mix|destructure)/.test(
            error.message,
          ),
        `${name}: ${error instanceof Error ? error.stack : error}`,
      );
    }
    slowest = Math.max(slowest, performance.now() - start);
    assertEquals(await look(), expected, name);
    assertEquals(tf.memory().numTensors, tensors, name);
  }
  assert(slowest < 1000, `the slowest took ${slowest} ms`);
  const growth = Deno.memoryUsage().rss - memory;
  assert(growth < 400e6, `memory grew by ${growth} bytes`);
  // Damage with the right checksums may be harmless, such as another time of
  // saving, or another value of a tensor; other damage never passes.
  const passed = Object.keys(outcomes).filter((name) =>
    !name.startsWith("a header with ") && name !== "other data records"
  );
  assertEquals(passed, []);
});
