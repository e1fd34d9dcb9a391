import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as random from "../random.ts";
import { RandomState } from "../random.ts";
import { normalCdf, probit } from "../random/normal.ts";
import { philox, philoxScalar } from "../random/philox.ts";
import { autodiff, scope, useBackend } from "../mod.ts";
import { onEachBackend } from "./_backends.ts";

const N = 1_000_000;

/** Below this, what is random as it should be fails once in ten thousand runs. */
const P = 1e-4;

/** The probability of a larger Kolmogorov-Smirnov distance from `cdf`. */
function kolmogorovSmirnov(
  values: Float32Array,
  cdf: (x: number) => number,
): number {
  const sorted = values.toSorted();
  const n = sorted.length;
  let distance = 0;
  for (let i = 0; i < n; i++) {
    const p = cdf(sorted[i]!);
    distance = Math.max(distance, p - i / n, (i + 1) / n - p);
  }
  const lambda = (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * distance;
  let p = 0;
  for (let k = 1; k < 100; k++) {
    p += 2 * (-1) ** (k - 1) * Math.exp(-2 * (k * lambda) ** 2);
  }
  return lambda < 0.2 ? 1 : p;
}

/** The probability of a larger chi-square (Wilson and Hilferty's approximation). */
function chiSquare(
  counts: readonly number[],
  expected: readonly number[],
): number {
  const statistic = counts.reduce(
    (sum, count, i) => sum + (count - expected[i]!) ** 2 / expected[i]!,
    0,
  );
  const k = counts.length - 1;
  const z = ((statistic / k) ** (1 / 3) - (1 - 2 / (9 * k))) /
    Math.sqrt(2 / (9 * k));
  return 1 - normalCdf(z);
}

function count(values: ArrayLike<number>, size: number): number[] {
  const counts = Array<number>(size).fill(0);
  for (let i = 0; i < values.length; i++) counts[values[i]!]!++;
  return counts;
}

/** Mean, variance, skewness and excess kurtosis. */
function moments(values: Float32Array): number[] {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const central = (power: number) =>
    values.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const variance = central(2);
  return [
    mean,
    variance,
    central(3) / variance ** 1.5,
    central(4) / variance ** 2 - 3,
  ];
}

async function floats(x: tf.Tensor): Promise<Float32Array> {
  return await x.data() as Float32Array;
}

Deno.test("philox() gives the known answers of Random123", () => {
  // kat_vectors of github.com/DEShawResearch/random123, philox4x32 10: of those, the
  // one with a counter that an offset can reach.
  assertEquals(
    philox({ key: [0, 0], offset: 0 }, 0, 4),
    Uint32Array.of(
      0x6627e8d5,
      0xe169c58d,
      0xbc57ac4c,
      0x9b00dbd8,
    ),
  );
});

Deno.test("philox() makes each block from its own counter", () => {
  const key = [0x12345678, 0x9abcdef0] as const;
  const all = philox({ key, offset: 5 }, 0, 4000);
  assertEquals(philox({ key, offset: 105 }, 0, 3), all.subarray(400, 403));
  // The counter's low word overflows into the high one.
  const far = philox({ key, offset: 2 ** 32 - 1 }, 0, 8);
  assertEquals(philox({ key, offset: 2 ** 32 }, 0, 4), far.subarray(4));
});

Deno.test("philox() in SIMD registers equals its definition", () => {
  const key = [0xdeadbeef, 0x12345678] as const;
  for (const offset of [0, 2 ** 32 - 7, 2 ** 40 + 3]) {
    for (const length of [64, 65, 1000, 65_536, 131_077]) {
      const place = { key, offset };
      assertEquals(philox(place, 1, length), philoxScalar(place, 1, length));
    }
  }
});

Deno.test("probit() is the inverse of normalCdf(), which equals scipy's", () => {
  // scipy.stats.norm.cdf, ppf
  const cdf = [
    [1.96, 0.9750021048517795],
    [-6, 9.865876450376946e-10],
    [3, 0.9986501019683699],
    [-1.5, 0.06680720126885807],
  ] as const;
  for (const [x, p] of cdf) {
    assert(Math.abs(normalCdf(x) / p - 1) < 1e-12, `${x}`);
  }
  const ppf = [
    [0.975, 1.959963984540054],
    [1e-10, -6.361340902404056],
    [0.3, -0.5244005127080409],
    [2 ** -33, -6.337957754553789],
  ] as const;
  for (const [p, x] of ppf) {
    assert(Math.abs(probit(p) / x - 1) < 1e-12, `${p}`);
  }
  assertEquals([probit(0), probit(0.5), probit(1)], [-Infinity, 0, Infinity]);
});

Deno.test("uniform() is uniform", async () => {
  await useBackend("cpu");
  const values = await floats(
    random.uniform([N], { random: new RandomState(1) }),
  );
  assert(kolmogorovSmirnov(values, (x) => x) > P);
  const [mean, variance, skewness, kurtosis] = moments(values);
  assert(Math.abs(mean! - 1 / 2) < 4 * Math.sqrt(1 / 12 / N));
  assert(Math.abs(variance! - 1 / 12) < 4 * Math.sqrt(1 / 180 / N));
  assert(Math.abs(skewness!) < 0.01);
  assert(Math.abs(kurtosis! + 1.2) < 0.01);
  assert(values.every((x) => x >= 0 && x < 1));

  const other = await floats(
    random.uniform([1000], { min: -3, max: 5, random: new RandomState(1) }),
  );
  assert(other.every((x, i) => Math.abs(x - (8 * values[i]! - 3)) < 1e-6));
});

Deno.test("normal() is normal", async () => {
  await useBackend("cpu");
  const values = await floats(
    random.normal([N], { random: new RandomState(2) }),
  );
  assert(kolmogorovSmirnov(values, normalCdf) > P);
  const [mean, variance, skewness, kurtosis] = moments(values);
  assert(Math.abs(mean!) < 4 / Math.sqrt(N));
  assert(Math.abs(variance! - 1) < 4 * Math.sqrt(2 / N));
  assert(Math.abs(skewness!) < 4 * Math.sqrt(6 / N));
  assert(Math.abs(kurtosis!) < 4 * Math.sqrt(24 / N));

  const other = await floats(
    random.normal([1000], { mean: 10, std: 2, random: new RandomState(2) }),
  );
  assert(other.every((x, i) => Math.abs(x - (2 * values[i]! + 10)) < 1e-5));
});

for (const [lower, upper] of [[-2, 2], [-1, 3], [4, 4.5], [-9, -8]] as const) {
  Deno.test(`truncatedNormal() in [${lower}, ${upper}] has that density`, async () => {
    await useBackend("cpu");
    const values = await floats(
      random.truncatedNormal([N], { lower, upper, random: new RandomState(3) }),
    );
    assert(values.every((x) => x >= lower && x <= upper));
    // By symmetry, so that Φ is taken where it has all its digits.
    const mirror = lower > 0 ? -1 : 1;
    const phi = (x: number) => mirror * normalCdf(mirror * x);
    const cdf = (x: number) =>
      (phi(x) - phi(lower)) / (phi(upper) - phi(lower));
    assert(kolmogorovSmirnov(values, cdf) > P);
  });
}

Deno.test("truncatedNormal() scales and moves what it has cut", async () => {
  await useBackend("cpu");
  const draw = (options: object) =>
    random.truncatedNormal([100], { ...options, random: new RandomState(4) });
  const [a, b] = [
    await floats(draw({})),
    await floats(draw({ mean: 5, std: 3 })),
  ];
  assert(b.every((x, i) => Math.abs(x - (5 + 3 * a[i]!)) < 1e-5));
});

for (const p of [0, 0.1, 0.5, 0.999, 1]) {
  Deno.test(`bernoulli() is true with probability ${p}`, async () => {
    await useBackend("cpu");
    const x = random.bernoulli([N], { p, random: new RandomState(5) });
    assertEquals(x.dtype, "bool");
    const [no, yes] = count(await x.data(), 2);
    if (p === 0 || p === 1) assertEquals(yes, p * N);
    else assert(chiSquare([no!, yes!], [(1 - p) * N, p * N]) > P);
  });
}

Deno.test("randint() gives equally likely", async () => {
  await useBackend("cpu");
  const x = random.randint([N], {
    min: -3,
    max: 4,
    random: new RandomState(6),
  });
  assertEquals(x.dtype, "int32");
  const values = (await x.data()).map((v) => v + 3);
  assert(chiSquare(count(values, 7), Array(7).fill(N / 7)) > P);
});

Deno.test("categorical() follows its logits", async () => {
  await useBackend("cpu");
  const p = [0.1, 0, 0.2, 0.7];
  const rows = N / 10;
  const logits = tf.tile(tf.tensor2d([p.map(Math.log)]), [rows, 1]);
  const x = random.categorical(logits, { random: new RandomState(7) });
  assertEquals([x.dtype, x.shape], ["int32", [rows]]);
  const counts = count(await x.data(), 4);
  assertEquals(counts[1], 0);
  const likely = [0, 2, 3];
  assert(
    chiSquare(likely.map((i) => counts[i]!), likely.map((i) => p[i]! * rows)) >
      P,
  );
});

Deno.test("permutation() gives each order equally often", () => {
  const stream = new RandomState(8);
  const orders = new Map<string, number>();
  const draws = 48_000;
  for (let i = 0; i < draws; i++) {
    const order = random.permutation(4, { random: stream }).join();
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assertEquals(orders.size, 24);
  assert(chiSquare([...orders.values()], Array(24).fill(draws / 24)) > P);
  assertEquals(
    random.permutation(N, { random: stream }).toSorted(),
    Int32Array.from({ length: N }, (_, i) => i),
  );
});

Deno.test("choice() takes each equally often, and no one twice", () => {
  const stream = new RandomState(9);
  const once = Array(10).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const chosen = random.choice(10, { size: 3, random: stream });
    assertEquals(new Set(chosen).size, 3);
    for (const x of chosen) once[x]++;
  }
  // Drawn without replacement, the counts vary less than chi-square allows.
  assert(chiSquare(once, Array(10).fill(6000)) > P);
  const many = random.choice(10, { size: N, replace: true, random: stream });
  assert(chiSquare(count(many, 10), Array(10).fill(N / 10)) > P);
});

const seen = new Map<string, ArrayLike<number>>();
onEachBackend("draws are the same bits on every backend", async (backend) => {
  random.seed(10);
  const draws: Record<string, tf.Tensor> = {
    uniform: random.uniform([10_001]),
    normal: random.normal([101, 99]),
    truncatedNormal: random.truncatedNormal([1001]),
    bernoulli: random.bernoulli([77]),
    randint: random.randint([1001], { max: 1000 }),
    categorical: random.categorical(random.normal([50, 7])),
  };
  for (const [name, x] of Object.entries(draws)) {
    const values = await x.data();
    const first = seen.get(name);
    if (first) assertEquals(values, first, `${name} on ${backend}`);
    else seen.set(name, values);
  }
});

Deno.test("streams are independent after split()", () => {
  const parent = new RandomState(11);
  const streams = [parent, ...parent.split(3), ...parent.split(2)];
  const draws = streams.map((stream) =>
    Float64Array.from(stream.words(100_000), (w) => w / 2 ** 32 - 0.5)
  );
  for (const [i, a] of draws.entries()) {
    for (const b of draws.slice(i + 1)) {
      const product = a.reduce((sum, x, j) => sum + x * b[j]!, 0);
      // 1/12 is the variance of each, so z is standard normal.
      const z = product * 12 / Math.sqrt(a.length);
      assert(Math.abs(z) < 4, `correlation ${z}`);
    }
  }
});

Deno.test("neighbouring seeds give independent streams", () => {
  const [a, b] = [new RandomState(0), new RandomState(1)].map((s) =>
    s.words(100_000)
  );
  let bits = 0;
  for (let i = 0; i < a!.length; i++) {
    for (let x = a![i]! ^ b![i]!; x !== 0; x &= x - 1) bits++;
  }
  const [n, z] = [32 * a!.length, 0];
  assert(Math.abs((bits - n / 2) / Math.sqrt(n / 4) - z) < 4);
});

Deno.test("seed() begins anew, and says what it seeded with", async () => {
  await useBackend("cpu");
  random.seed(12);
  const a = await random.normal([5]).data();
  assertEquals(random.seed(12), 12);
  assertEquals(await random.normal([5]).data(), a);
  const chosen = random.seed();
  const b = await random.normal([5]).data();
  random.seed(chosen);
  assertEquals(await random.normal([5]).data(), b);
  for (const negative of [-1, -(2 ** 40)]) random.seed(negative);
});

Deno.test("withSeed() leaves the default stream as it was, also when it throws", () => {
  random.seed(13);
  random.default.words(3);
  const before = random.default.value;
  const inside = random.withSeed(5, () => random.permutation(5));
  assertEquals(inside, random.permutation(5, { random: new RandomState(5) }));
  assertThrows(() =>
    random.withSeed(5, () => {
      throw new Error("stop");
    })
  );
  assertEquals(random.default.value, before);
});

Deno.test("a stream resumes from its value", () => {
  const stream = new RandomState(14);
  stream.words(7);
  const saved = JSON.parse(JSON.stringify(stream.value));
  const next = stream.words(9);
  assertEquals(new RandomState(saved).words(9), next);
  const other = new RandomState(0);
  other.value = saved;
  assertEquals(other.words(9), next);
});

Deno.test("a throw inside grad rolls the stream back", async () => {
  await useBackend("cpu");
  const stream = new RandomState(15);
  const before = stream.value;
  const fail = autodiff.grad((x: tf.Tensor) => {
    random.normal([3], { random: stream });
    if (x.size === 1) throw new Error("stop");
    return tf.sum<tf.Scalar>(x);
  }, { argnums: 0 });
  assertThrows(() => fail(tf.ones([1])), Error, "stop");
  assertEquals(stream.value, before);
  scope(() => void fail(tf.ones([2])));
  assertEquals(stream.value.offset, 1);
});

for (
  const [name, call] of [
    ["seed", () => random.seed(1.5)],
    ["seed", () => new RandomState(NaN)],
    ["min must be at most max", () => random.uniform([2], { min: 2, max: 1 })],
    [
      "std must be a nonnegative finite number",
      () => random.normal([2], { std: -1 }),
    ],
    ["lower must be below", () => random.truncatedNormal([2], { lower: 2 })],
    ["p must be in [0, 1]", () => random.bernoulli([2], { p: 1.1 })],
    ["p must be in [0, 1]", () => random.bernoulli([2], { p: NaN })],
    ["min must be below max", () => random.randint([2], { max: 0 })],
    ["n must be a nonnegative integer", () => random.permutation(1.5)],
    ["size must be at most 3", () => random.choice(3, { size: 4 })],
    [
      "size must be at most 0",
      () => random.choice(0, { size: 1, replace: true }),
    ],
  ] as const
) {
  Deno.test(`wrong arguments are refused: ${name}, ${call}`, () => {
    const before = random.default.value;
    assertThrows(call, RangeError, name);
    assertEquals(random.default.value, before);
  });
}

Deno.test("draws of no element are empty and take nothing from the stream", async () => {
  await useBackend("cpu");
  const before = random.default.value;
  assertEquals(random.normal([0, 3]).shape, [0, 3]);
  assertEquals(random.permutation(0).length, 0);
  assertEquals(random.default.value, before);
});

Deno.test("a key that cannot be one is refused, also when a checkpoint has it", () => {
  for (
    const key of [
      { key: [1, 2], offset: NaN },
      { key: [1, 2], offset: -1 },
      { key: [NaN, 2], offset: 0 },
      { key: [1.5, 2], offset: 0 },
      { key: [1], offset: 0 },
      { key: "ab", offset: 0 },
    ] as unknown as random.RandomKey[]
  ) {
    assertThrows(
      () => new RandomState(key),
      Error,
      "Cannot create RandomState",
    );
    const state = new RandomState(3);
    const before = state.value;
    assertThrows(() => state.value = key, Error, "Cannot write RandomState");
    assertThrows(() => state.replace(key), Error, "Cannot write RandomState");
    assertEquals(state.value, before);
  }
});

Deno.test("uniform() never reaches its upper bound, whatever float32 rounds", async () => {
  const bounds = [[10, 11], [1e6, 1e6 + 1], [-3, -2], [-1, 0], [0, 1e-45], [
    2,
    2 + 2 ** -22,
  ]];
  for (const [min, max] of bounds as [number, number][]) {
    const options = { min, max, random: new RandomState(5) };
    const values = await random.uniform([100_000], options).data<"float32">();
    const low = values.reduce((a, b) => Math.min(a, b));
    const high = values.reduce((a, b) => Math.max(a, b));
    assert(low >= min && high < max, `${low} to ${high} of ${min} to ${max}`);
  }
  const same = await random.uniform([3], { min: 2, max: 2 }).data();
  assertEquals([...same], [2, 2, 2]);
});

onEachBackend(
  "categorical() has no class for a row without one",
  async (on) => {
    const INF = Infinity;
    for (const row of [[-INF, -INF, -INF], [0, NaN, 1]]) {
      const logits = tf.tensor2d([[0, -INF, -INF], row]);
      if (on !== "webgpu") {
        const error = assertThrows(
          () => random.categorical(logits),
          RangeError,
        );
        assert(error.message.includes("row 1 of them"), error.message);
      } else {
        assertEquals([...await random.categorical(logits).data()], [0, -1]);
      }
    }
    const sure = tf.tensor2d([[-INF, 3, -INF], [0, -INF, -INF]]);
    assertEquals([...await random.categorical(sure).data()], [1, 0]);
  },
);

Deno.test("integers beyond int32 are refused, and promises with a seed", () => {
  for (const [min, max] of [[0, 2 ** 40], [-(2 ** 31) - 1, 0]]) {
    assertThrows(
      () => random.randint([2], { min: min!, max: max! }),
      RangeError,
      "2^31",
    );
  }
  random.randint([2], { min: -(2 ** 31), max: 2 ** 31 });
  const before = random.default.value;
  assertThrows(
    () => random.withSeed(1, () => Promise.resolve(1)),
    TypeError,
    "must not return a promise",
  );
  assertEquals(random.default.value, before);
});
