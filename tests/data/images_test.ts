/** Images from files, against Pillow and PyTorch (scripts/golden/images.py). */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { data, random } from "../../mod.ts";
import { useBackend } from "../../backend/mod.ts";
import { assertNoLeak, onEachBackend } from "../_backends.ts";
import { inFolder } from "../_folder.ts";

interface Pixels {
  readonly RGB: string;
  readonly L: string;
  readonly height: number;
  readonly width: number;
}

interface Golden {
  readonly pixels: Readonly<Record<string, Pixels>>;
  readonly source: {
    readonly shape: [number, number, number];
    readonly data: string;
  };
  readonly resized: readonly {
    readonly size: [number, number];
    readonly antialias: boolean;
    readonly values: readonly number[];
  }[];
}

const folder = new URL("../golden/images/", import.meta.url);
const golden: Golden = JSON.parse(
  await Deno.readTextFile(new URL("pixels.json", folder)),
);
const bytesOf = (base64: string) =>
  Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const file = (name: string) => Deno.readFileSync(new URL(name, folder));

/**
 * The largest and the mean difference from Pillow's pixels. Decoders of JPEG differ in
 * how they round, and in how they spread colors that are stored for four pixels.
 */
const TOLERANCES: Record<string, readonly [largest: number, mean: number]> = {
  "smooth.jpg": [16, 4],
  "smooth444.jpg": [3, 0.8],
  "progressive.jpg": [16, 4],
  "gray.jpg": [1, 0.1],
};

for (const [name, expected] of Object.entries(golden.pixels)) {
  Deno.test(`decodeImage() reads ${name} as Pillow does`, async () => {
    for (const [channels, mode] of [[3, "RGB"], [1, "L"]] as const) {
      const image = await data.decodeImage(file(name), { channels });
      const { height, width } = expected;
      assertEquals(image.shape, [height, width, channels]);
      const wanted = bytesOf(expected[mode]);
      const [largest, mean] = TOLERANCES[name] ?? [0, 0];
      assertEquals(image.data.length, wanted.length);
      const errors = Array.from(wanted, (x, i) => Math.abs(x - image.data[i]!));
      const sum = errors.reduce((a, b) => a + b, 0);
      assert(Math.max(...errors) <= largest, `${Math.max(...errors)} ${mode}`);
      assert(sum / errors.length <= mean, `${sum / errors.length} ${mode}`);
    }
  });
}

Deno.test("resizeImage() gives PyTorch's values, rounded to bytes", () => {
  const { source, resized } = golden;
  const image = { data: bytesOf(source.data), shape: source.shape };
  for (const { size, antialias, values } of resized) {
    const { data: pixels, shape } = data.resizeImage(image, size, {
      antialias,
    });
    assertEquals(shape, [...size, 3]);
    values.forEach((value, i) => {
      const error = Math.abs(pixels[i]! - value);
      assert(error <= 0.5001, `${size}: ${pixels[i]} for ${value}`);
    });
  }
});

Deno.test("images that cannot be decoded are refused", async () => {
  const png = file("rgb.png"), jpeg = file("smooth.jpg");
  const huge = jpeg.slice();
  const frame = huge.findIndex((b, i) => b === 0xff && huge[i + 1] === 0xc0);
  huge.fill(0xff, frame + 5, frame + 9); // its height and width
  const broken = png.slice();
  broken[60]! ^= 1; // its checksum no longer fits
  const bad: [bytes: Uint8Array, Error: typeof Error, message: string][] = [
    [huge, RangeError, "it must have at most 100 million pixels"],
    [file("deep.png"), RangeError, "at most 8 bits in a channel: it has 16"],
    [png.subarray(0, 100), RangeError, "the PNG data is truncated or damaged"],
    [broken, RangeError, "the PNG data is truncated or damaged"],
    [jpeg.subarray(0, 300), RangeError, "the JPEG data is truncated"],
    [Uint8Array.of(71, 73, 70, 56), TypeError, "begin with [71, 73, 70, 56]"],
    [new Uint8Array(), TypeError, "it has 0 bytes"],
    ["a.png" as never, TypeError, "bytes must be a Uint8Array"],
  ];
  for (const [bytes, ErrorClass, message] of bad) {
    const error = await assertRejects(
      () => data.decodeImage(bytes, {}, "photo"),
      ErrorClass,
      message,
    );
    assertStringIncludes(error.message, "Cannot decode photo: ");
  }
  for (const channels of [0, 4, "3"]) {
    await assertRejects(
      () => data.decodeImage(png, { channels: channels as 1 }),
      RangeError,
      "channels must be one of 1, 3",
    );
  }
  const image = await data.decodeImage(png);
  for (const size of [0, 1.5, [2], [2, 0]]) {
    assertThrows(() => data.resizeImage(image, size as number), Error, "size");
  }
  for (
    const [bad, message] of [
      [null, "the image must be an object"],
      [{ ...image, data: [1] }, "the image's data must be bytes"],
      [{ ...image, data: image.data.subarray(1) }, "the image's shape must be"],
      [
        { ...image, shape: [1, image.data.length] },
        "the image's shape must be",
      ],
    ] as const
  ) {
    assertThrows(() => data.resizeImage(bad as never, 1), Error, message);
  }
});

/** A folder of two classes, with five images and what is none. */
async function fill(root: string): Promise<void> {
  const files: Record<string, string> = {
    "cat/b.png": "rgb.png",
    "cat/a.JPG": "smooth.jpg",
    "cat/more/c.jpeg": "gray.jpg",
    "dog/a.png": "gray.png",
    "dog/b.png": "rgba.png",
  };
  for (const [path, source] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path.replace(/[^/]*$/, "")}`, {
      recursive: true,
    });
    await Deno.writeFile(`${root}/${path}`, file(source));
  }
  await Deno.writeTextFile(`${root}/readme.txt`, "none");
  await Deno.writeTextFile(`${root}/dog/notes.txt`, "none");
  await Deno.mkdir(`${root}/.cache`);
}

Deno.test("imageFolder() finds the images of each class", async () => {
  await inFolder(async (root) => {
    await fill(root);
    const found = await data.imageFolder(root, { size: 8 });
    assertEquals(found.classes, ["cat", "dog"]);
    assertEquals(
      found.files.map((path) => path.slice(root.length + 1)),
      ["cat/a.JPG", "cat/b.png", "cat/more/c.jpeg", "dog/a.png", "dog/b.png"],
    );
    assertEquals([...found.labels], [0, 0, 0, 1, 1]);
    assertEquals(found.length, 5);
    const images = await found.read();
    const [pixels, labels] = images.columns;
    assertEquals(pixels.shape, [8, 8, 3]);
    assertEquals([...labels.data], [0, 0, 0, 1, 1]);
    for (const [i, path] of found.files.entries()) {
      const one = await data.readImage(path, { size: [8, 8] });
      assertEquals(pixels.data.subarray(i * 192, (i + 1) * 192), one.data);
    }
    const gray = await data.imageFolder(root, {
      size: [4, 6],
      channels: 1,
      antialias: false,
      classes: ["dog", "bird", "cat"],
    });
    assertEquals([...gray.labels], [2, 2, 2, 0, 0]);
    const small = await gray.read();
    assertEquals(small.columns[0].shape, [4, 6, 1]);
    const sharp = data.resizeImage(
      await data.readImage(gray.files[0]!, { channels: 1 }),
      [4, 6],
      { antialias: false },
    );
    assertEquals(small.columns[0].data.subarray(0, 24), sharp.data);
    const [first, rest] = found.split(2, { random: new random.RandomState(1) });
    assertEquals([first.length, rest.length], [2, 3]);
    assertEquals(
      [...first.files, ...rest.files].sort(),
      [...found.files].sort(),
    );
    for (const part of [first, rest]) {
      part.files.forEach((path, i) =>
        assertEquals(part.labels[i], path.includes("dog") ? 1 : 0)
      );
    }
  });
});

onEachBackend(
  "batches of a folder are its images, in the order of batches()",
  async () => {
    await inFolder(async (root) => {
      await fill(root);
      const photos = await data.imageFolder(root, { size: 5 });
      const inMemory = await photos.read();
      const options = { batchSize: 2, shuffle: true };
      await assertNoLeak(async () => {
        const expected: string[] = [], found: string[] = [];
        random.seed(3);
        for (const batch of data.batches(inMemory, options)) {
          for (const x of batch) expected.push(`${x.shape}: ${await x.data()}`);
        }
        random.seed(3);
        const source = photos.batches(options);
        assertEquals([source.length, source.examples], [3, 5]);
        for await (const batch of source) {
          for (const x of batch) {
            assertEquals(x.dtype, "int32");
            found.push(`${x.shape}: ${await x.data()}`);
          }
        }
        assertEquals(found, expected);
      });
    });
  },
);

onEachBackend("batches of a folder are mapped, resumed and freed", async () => {
  await inFolder(async (root) => {
    await fill(root);
    const photos = await data.imageFolder(root, { size: 4 });
    const make = (stream: random.RandomState) =>
      photos.batches({
        batchSize: 2,
        shuffle: true,
        dropLast: true,
        random: new random.RandomState(5),
        map: (x, y) => [
          data.randomHorizontalFlip(tf.div(x, 255) as tf.Tensor4D, {
            random: stream,
          }),
          y,
        ],
      });
    await assertNoLeak(async () => {
      const stream = new random.RandomState(2);
      const source = make(stream);
      assertEquals(source.length, 2);
      const all: string[] = [];
      let place: ReturnType<typeof source.stateDict> = null;
      let key = stream.value;
      for await (const [x, y] of source) {
        assertEquals(x.dtype, "float32");
        if (all.length === 0) [place, key] = [source.stateDict(), stream.value];
        all.push(`${await x.data()} ${await y.data()}`);
      }
      assertEquals(source.stateDict(), null);
      const later = new random.RandomState(key);
      const resumed = make(later);
      resumed.loadStateDict(place);
      const rest: string[] = [];
      for await (const [x, y] of resumed) {
        rest.push(`${await x.data()} ${await y.data()}`);
      }
      assertEquals(rest, all.slice(1));
      for await (const _ of make(stream)) break; // left early
      await assertRejects(
        async () => {
          const wrong = photos.batches({ map: ((x: tf.Tensor) => x) as never });
          for await (const _ of wrong);
        },
        TypeError,
        "Cannot make a batch: map(...) must be a list",
      );
    });
  });
});

Deno.test("folders that are no classes of images are refused", async () => {
  await useBackend("cpu");
  await inFolder(async (root) => {
    const fails = async (message: string, options: object = { size: 4 }) => {
      const error = await assertRejects(
        () => data.imageFolder(root, options as { size: 4 }),
        Error,
        message,
      );
      assert(error.message.startsWith("Cannot read "), error.message);
    };
    await fails("it must have a folder for each class: it has none");
    await Deno.mkdir(`${root}/cat`);
    await fails("each class must have an image (.png, .jpg, .jpeg): cat");
    await Deno.writeFile(`${root}/cat/a.png`, file("rgb.png"));
    await fails("each folder must be one of dog: there is cat", {
      size: 4,
      classes: ["dog"],
    });
    await fails("size", {});
    await fails("size must be", { size: 0 });
    await fails("classes must be a nonempty list", { size: 4, classes: [] });
    await fails("classes must be different ones", {
      size: 4,
      classes: ["cat", "dog", "cat"],
    });
    await assertRejects(
      () => data.imageFolder(`${root}/none`, { size: 4 }),
      RangeError,
      `Cannot read the directory ${root}/none: it does not exist`,
    );
    await Deno.symlink(`${root}/gone.png`, `${root}/cat/b.png`);
    await assertRejects(
      () => data.imageFolder(root, { size: 4 }),
      RangeError,
      `Cannot read ${root}/cat/b.png: it is a link to what does not exist`,
    );
    await Deno.remove(`${root}/cat/b.png`);
    await Deno.writeTextFile(`${root}/cat/b.png`, "no image");
    const photos = await data.imageFolder(root, { size: 4 });
    const error = await assertRejects(() => photos.read(), TypeError);
    assertStringIncludes(error.message, `${root}/cat/b.png`);
    // A damaged file is told when its batch is taken, not before.
    const seen: number[] = [];
    const thrown = await assertRejects(async () => {
      for await (const [x] of photos.batches({ batchSize: 1 })) {
        seen.push(x.shape[0]);
      }
    });
    assertInstanceOf(thrown, TypeError);
    assertEquals(seen, [1]);
  });
});
