/** Random changes of images, checked pixel by pixel with plain loops. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { data, nn, optim, ParamState, random, train } from "../../mod.ts";
import { useBackend } from "../../backend/mod.ts";
import { betas } from "../../data/augment/draws.ts";
import type { Images } from "../../data/augment/pixels.ts";
import { assertNoLeak, BACKENDS, onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";

const [N, H, W, C] = [60, 5, 4, 2] as const;

/** A pixel of an image: its channels; `undefined` outside. */
type Pixels = (row: number, column: number) => readonly number[] | undefined;

/** Values that all differ, none of them 0. */
const VALUES = Float32Array.from({ length: N * H * W * C }, (_, i) => i + 1);
const images = (dtype: "float32" | "int32" = "float32") =>
  tf.tensor4d(VALUES, [N, H, W, C], dtype);

function pixelsOf(
  values: ArrayLike<number>,
  image: number,
  [height, width]: readonly [number, number] = [H, W],
): Pixels {
  return (row, column) => {
    if (row < 0 || row >= height || column < 0 || column >= width) return;
    const start = ((image * height + row) * width + column) * C;
    return Array.from({ length: C }, (_, c) => values[start + c]!);
  };
}

/** Whether all pixels of `y` are those that `expected` says. */
function isMadeOf(
  y: Pixels,
  expected: Pixels,
  fill = 0,
  [height, width]: readonly [number, number] = [H, W],
): boolean {
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const there = y(row, column)!;
      const wanted = expected(row, column) ?? [fill, fill];
      if (there.some((value, c) => value !== wanted[c])) return false;
    }
  }
  return true;
}

function* grid(
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Generator<[number, number]> {
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) yield [row, column];
  }
}

/** What an augmentation does, and all images that it can make of one. */
interface Row {
  readonly apply: (x: tf.Tensor4D, random?: random.RandomState) => tf.Tensor4D;
  readonly size?: readonly [number, number];
  readonly fill?: number;
  /** All that can come of an image; each must come of one in a batch. */
  readonly results: (x: Pixels) => Pixels[];
}

const shifted = (x: Pixels, row: number, column: number): Pixels => (r, c) =>
  x(r + row, c + column);

const ROWS: Record<string, Row> = {
  randomHorizontalFlip: {
    apply: (x, random) =>
      data.randomHorizontalFlip(x, { ...random && { random } }),
    results: (x) => [x, (r, c) => x(r, W - 1 - c)],
  },
  randomVerticalFlip: {
    apply: (x, random) =>
      data.randomVerticalFlip(x, { ...random && { random } }),
    results: (x) => [x, (r, c) => x(H - 1 - r, c)],
  },
  "randomCrop to a smaller size": {
    apply: (x, random) =>
      data.randomCrop(x, { size: [3, 2], ...random && { random } }),
    size: [3, 2],
    results: (x) => [...grid([0, 2], [0, 2])].map((at) => shifted(x, ...at)),
  },
  "randomCrop with padding": {
    apply: (x, random) =>
      data.randomCrop(x, { padding: 1, fill: -7, ...random && { random } }),
    fill: -7,
    results: (x) => [...grid([-1, 1], [-1, 1])].map((at) => shifted(x, ...at)),
  },
  "randomCrop to a larger size": {
    apply: (x, random) =>
      data.randomCrop(x, { padding: 1, size: 6, ...random && { random } }),
    size: [6, 6],
    results: (x) => [[-1, -1], [0, -1]].map(([r, c]) => shifted(x, r!, c!)),
  },
  randomShift: {
    apply: (x, random) =>
      data.randomShift(x, { max: [2, 0], fill: 3, ...random && { random } }),
    fill: 3,
    results: (x) => [...grid([-2, 2], [0, 0])].map((at) => shifted(x, ...at)),
  },
  cutout: {
    apply: (x, random) => data.cutout(x, { size: 3, ...random && { random } }),
    results: (x) =>
      [...grid([0, H - 1], [0, W - 1])].map(([row, column]) => (r, c) =>
        Math.abs(r - row) <= 1 && Math.abs(c - column) <= 1
          ? undefined
          : x(r, c)
      ),
  },
  "cutout of an even size": {
    apply: (x, random) =>
      data.cutout(x, { size: 2, fill: 9, ...random && { random } }),
    fill: 9,
    results: (x) =>
      [...grid([0, H - 1], [0, W - 1])].map(([row, column]) => (r, c) =>
        (r === row || r === row - 1) && (c === column || c === column - 1)
          ? undefined
          : x(r, c)
      ),
  },
};

for (const [name, { apply, size, fill, results }] of Object.entries(ROWS)) {
  onEachBackend(`${name} makes each of its results, and no other`, async () => {
    for (const dtype of ["float32", "int32"] as const) {
      const x = images(dtype);
      const y = apply(x, new random.RandomState(5));
      assertEquals(y.dtype, dtype);
      assertEquals(y.shape, [N, ...size ?? [H, W], C]);
      const values = await y.data();
      const seen = new Set<number>();
      for (let i = 0; i < N; i++) {
        const made = pixelsOf(values, i, size);
        const all = results(pixelsOf(VALUES, i));
        const found = all.findIndex((each) => isMadeOf(made, each, fill, size));
        assert(found >= 0, `image ${i} is none of the results`);
        seen.add(found);
      }
      const count = results(pixelsOf(VALUES, 0)).length;
      assert(seen.size >= 0.9 * count, `${seen.size} of ${count} were made`);
      tf.dispose([x, y]);
    }
  });

  onEachBackend(
    `${name} draws from the given stream, or the default one`,
    async () => {
      const x = images();
      await assertNoLeak(async () => {
        const stream = new random.RandomState(5);
        const first = apply(x, stream);
        const second = apply(x, stream);
        const values = await first.data();
        assert(values.join() !== (await second.data()).join());
        const byDefault = random.withSeed(5, () => apply(x));
        assertEquals(await byDefault.data(), values);
        tf.dispose([first, second, byDefault]);
      });
      x.dispose();
    },
  );
}

onEachBackend(
  "an image flipped twice is the same, and without channels too",
  async () => {
    const x = tf.reshape<tf.Rank.R3>(images(), [N, H, W * C]);
    for (const flip of [data.randomHorizontalFlip, data.randomVerticalFlip]) {
      const once = flip(x, { p: 1 });
      assert((await once.data()).join() !== VALUES.join());
      assertEquals(await flip(once, { p: 1 }).data(), VALUES);
      assertEquals(await flip(x, { p: 0 }).data(), VALUES);
    }
  },
);

onEachBackend(
  "images without channels are cropped, shifted and cut",
  async () => {
    const x = tf.tensor3d([1, 2, 3, 4], [1, 2, 2]);
    const same = [
      data.randomCrop(x),
      data.randomShift(x, { max: 0 }),
      data.mixup(x, x)[0],
    ];
    for (const y of same) {
      assertEquals(y.shape, [1, 2, 2]);
      assertEquals([...await y.data()], [1, 2, 3, 4]);
    }
    const gone = data.cutout(x, { size: 9, fill: 5 });
    assertEquals([...await gone.data()], [5, 5, 5, 5]);
  },
);

onEachBackend(
  "randomBrightness() multiplies each image by a factor of its own",
  async () => {
    const x = images();
    const stream = new random.RandomState(2);
    const y = await data.randomBrightness(x, { max: 0.5, random: stream })
      .data();
    const size = H * W * C;
    const factors = Array.from(
      { length: N },
      (_, i) => y[i * size]! / VALUES[i * size]!,
    );
    for (let i = 0; i < VALUES.length; i++) {
      const factor = factors[Math.floor(i / size)]!;
      assert(Math.abs(y[i]! / VALUES[i]! / factor - 1) < 3e-7);
    }
    assert(Math.min(...factors) >= 0.5 && Math.max(...factors) <= 1.5);
    assert(Math.min(...factors) < 0.6 && Math.max(...factors) > 1.4);
  },
);

/** Targets that say of which examples, and how much of each, an image was made. */
const identity = () => tf.eye(N) as tf.Tensor2D;

onEachBackend(
  "mixup() mixes inputs and targets by the same share of each example",
  async () => {
    const x = images();
    const [mixed, targets] = data.mixup(x, identity(), {
      random: new random.RandomState(3),
    });
    const shares = await targets.array();
    const y = await mixed.data();
    const size = H * W * C;
    const partners = new Set<number>();
    for (let i = 0; i < N; i++) {
      const own = shares[i]![i]!;
      const other = shares[i]!.findIndex((share, j) => j !== i && share > 0);
      const sum = shares[i]!.reduce((a, b) => a + b, 0);
      assert(Math.abs(sum - 1) < 1e-6);
      if (other >= 0) partners.add(other);
      for (let k = 0; k < size; k++) {
        const a = VALUES[i * size + k]!,
          b = VALUES[Math.max(other, 0) * size + k]!;
        const expected = own * a + (sum - own) * b;
        assert(
          Math.abs(y[i * size + k]! - expected) < 1e-6 * 2 * VALUES.length,
        );
      }
    }
    assert(partners.size > 0.8 * N); // a permutation, with few fixed points
  },
);

onEachBackend(
  "cutmix() shows a box of another image, and its share of pixels in the targets",
  async () => {
    const [mixed, targets] = data.cutmix(images("int32"), identity(), {
      random: new random.RandomState(3),
    });
    assertEquals(mixed.dtype, "int32");
    const shares = await targets.array();
    const y = await mixed.data();
    let boxes = 0;
    for (let i = 0; i < N; i++) {
      const other = shares[i]!.findIndex((share, j) => j !== i && share > 0);
      const made = pixelsOf(y, i), own = pixelsOf(VALUES, i);
      const cells = [...grid([0, H - 1], [0, W - 1])]
        .filter(([r, c]) => made(r, c)![0] !== own(r, c)![0]);
      if (other < 0) assertEquals(cells, []);
      else {
        boxes++;
        const from = pixelsOf(VALUES, other);
        const [rows, columns] = [0, 1].map((axis) => {
          const at = cells.map((cell) => cell[axis]!);
          return [Math.min(...at), Math.max(...at)] as const;
        });
        assertEquals(cells, [...grid(rows!, columns!)]); // a whole box
        for (const [r, c] of cells) assertEquals(made(r, c), from(r, c));
        assert(Math.abs(shares[i]![other]! - cells.length / (H * W)) < 1e-6);
      }
    }
    assert(boxes > N / 3);
  },
);

Deno.test("the shares of mixup() have the moments of the beta distribution", () => {
  // E λ = 1/2, Var λ = 1 / (4 (2α + 1)), E (λ - 1/2)⁴ = 3 / (16 (2α + 1) (2α + 3))
  const count = 20_000;
  for (const alpha of [0.05, 0.2, 1, 2, 8]) {
    const drawn = betas(alpha, new random.RandomState(9), count);
    const mean = (power: number) =>
      drawn.reduce((sum, x) => sum + (x - 0.5) ** power, 0) / count;
    const [variance, fourth] = [
      1 / (4 * (2 * alpha + 1)),
      3 / (16 * (2 * alpha + 1) * (2 * alpha + 3)),
    ];
    const errors = 5 / Math.sqrt(count); // standard errors, and some room
    assert(
      Math.abs(mean(1)) < errors * Math.sqrt(variance),
      `mean of ${alpha}`,
    );
    const ofSquare = Math.sqrt(fourth - variance ** 2);
    assert(
      Math.abs(mean(2) - variance) < errors * ofSquare,
      `variance of ${alpha}`,
    );
    assert(Math.abs(mean(4) / fourth - 1) < 0.1, `fourth moment of ${alpha}`);
    assert(drawn.every((x) => x >= 0 && x <= 1));
  }
});

Deno.test("augmented images have the same bits on every backend", async () => {
  const calls: Record<string, (x: tf.Tensor4D) => tf.Tensor> = {
    ...Object.fromEntries(
      Object.entries(ROWS).map((
        [name, { apply }],
      ) => [name, (x: tf.Tensor4D) => apply(x)]),
    ),
    randomBrightness: (x) => data.randomBrightness(x, { max: 0.3 }),
    mixup: (x) => data.mixup(x, identity())[0],
    "targets of mixup": (x) => data.mixup(x, identity())[1],
    cutmix: (x) => data.cutmix(x, identity())[0],
    "targets of cutmix": (x) => data.cutmix(x, identity())[1],
  };
  const found = new Map<string, string>();
  for (const backend of BACKENDS) {
    await useBackend(backend, { threads: 1 });
    const x = tf.tensor4d(VALUES.map((v) => v / 255), [N, H, W, C]);
    for (const [name, call] of Object.entries(calls)) {
      const y = random.withSeed(11, () => call(x));
      const values = Float32Array.from(await y.data());
      const bits = new Uint32Array(values.buffer).join();
      assertEquals(bits, found.get(name) ?? bits, `${name} on ${backend}`);
      found.set(name, bits);
    }
  }
});

/** A run over augmented images, with the final weights. */
function run(folder: string, more: object) {
  random.seed(4);
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(16, 3));
  const params = model.states(ParamState);
  const optimizer = new optim.Adam({ lr: 0.01 }).registerTrainableWeights(
    params,
  );
  const values = Float32Array.from({ length: 10 * 16 }, (_, i) => Math.sin(i));
  const classes = Int32Array.from({ length: 10 }, (_, i) => i % 3);
  const stream = new random.RandomState(8);
  const source = data.batches([data.column(values, [4, 4, 1]), classes], {
    batchSize: 3,
    shuffle: true,
    map: (x, y) => {
      const moved = data.randomCrop(data.randomHorizontalFlip(x), {
        padding: 1,
      });
      const targets = tf.cast(tf.oneHot(y, 3), "float32") as tf.Tensor2D;
      return data.mixup(data.cutout(moved, { size: 2 }), targets, {
        random: stream,
      });
    },
  });
  const loss = (x: Images, y: tf.Tensor2D) =>
    tf.mean<tf.Scalar>(
      nn.softmaxCrossEntropy(model.call(x) as tf.Tensor2D, y),
    );
  const done = train.fit({
    model,
    optimizer,
    loss: loss as (...batch: tf.Tensor[]) => tf.Scalar,
    data: source as never,
    random: { mixing: stream },
    checkpoint: { folder, every: 1 },
    epochs: 3,
    callbacks: [],
    ...more,
  });
  const weights = async () =>
    (await Promise.all(Object.values(params).map(({ value }) => value.data())))
      .map((x) => x.join());
  return { done, weights };
}

onEachBackend(
  "a run resumed within an epoch augments as the undisturbed one",
  async () => {
    await inFolder(async (folder) => {
      const whole = run(`${folder}/whole`, {});
      await whole.done;
      const expected = await whole.weights();
      for (const steps of [2, 6]) {
        const first = run(`${folder}/${steps}`, { steps });
        await first.done;
        const second = run(`${folder}/${steps}`, { resume: true });
        await second.done;
        assertEquals(await second.weights(), expected);
      }
    });
  },
  { only: ["cpu", "wasm"] },
);

Deno.test("augmentations refuse what they cannot do", async () => {
  await useBackend("cpu");
  const x = images(), y = identity();
  const bytes = images("int32");
  const bad: [call: () => unknown, message: string][] = [
    [() => data.randomCrop(tf.ones([2, 2]) as never), "[batch, height, width]"],
    [() => data.randomCrop(tf.zeros<tf.Rank.R3>([0, 2, 2])), "none of them 0"],
    [() => data.randomCrop([1] as never), "the images must be a tensor"],
    [() => data.randomCrop(tf.cast(x, "bool")), "float32 or int32"],
    [() => data.randomCrop(x, { size: 7 }), "size must be at most [5, 4]"],
    [() => data.randomCrop(x, { size: 0 }), "size"],
    [() => data.randomCrop(x, { size: [1] as never }), "size must be a pair"],
    [() => data.randomCrop(x, { padding: -1 }), "padding"],
    [() => data.randomCrop(bytes, { fill: 0.5 }), "fill must be an integer"],
    [() => data.randomCrop(x, { fill: NaN }), "fill must be a finite number"],
    [() => data.randomCrop(bytes, { fill: 3e9 }), "within the range of int32"],
    [() => data.randomCrop(x, { fill: 1e39 }), "the range of float32"],
    [() => data.randomShift(x, {} as never), "max"],
    [() => data.randomShift(x, { max: 0.5 }), "max"],
    [() => data.cutout(x, {} as never), "size"],
    [() => data.cutout(bytes, { size: 1, fill: 0.5 }), "fill"],
    [() => data.randomHorizontalFlip(x, { p: 2 }), "p must be in [0, 1]"],
    [() => data.randomBrightness(x, { max: 2 }), "max must be in [0, 1]"],
    [() => data.randomBrightness(x, {} as never), "max"],
    [() => data.randomBrightness(bytes, { max: 0 }), "must be float32"],
    [() => data.mixup(bytes, y), "x must be float32"],
    [
      () => data.mixup(tf.scalar(1), tf.scalar(1)),
      "mix examples: x must be of shape [batch, ...]",
    ],
    [
      () => data.mixup(x, tf.zeros([N], "int32")),
      "the targets must be float32",
    ],
    [() => data.mixup(x, tf.zeros([3, 2])), "the targets must be of shape [60"],
    [() => data.mixup(x, y, { alpha: 0 }), "alpha must be a positive"],
    [() => data.cutmix(x, tf.zeros([3, 2])), "the targets must be of shape"],
    [() => data.cutmix(x, y, { random: 7 as never }), "a RandomState"],
  ];
  for (const [call, message] of bad) {
    const before = random.default.value;
    const error = assertThrows(call, Error);
    assert(error.message.startsWith("Cannot "), error.message);
    assert(error.message.includes(message), `${message}: ${error.message}`);
    assertEquals(random.default.value, before);
  }
});
