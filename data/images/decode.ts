/**
 * Images as bytes.
 *
 * @module
 */
import {
  check,
  checkOptions,
  instanceOf,
  oneOf,
  type OptionRules,
} from "../../internal/check.ts";
import { type JpegPackage, loadPackage, type PngPackage } from "./packages.ts";

/** The pixels of an image. */
export interface ImagePixels {
  /** Bytes, row by row from the top, the channels of a pixel together. */
  readonly data: Uint8Array;
  /** `[height, width, channels]` */
  readonly shape: readonly [height: number, width: number, channels: number];
}

/** Options of {@linkcode decodeImage}. */
export interface DecodeImageOptions {
  /**
   * 3 for red, green and blue, or 1 for the luminance
   * `(19595 R + 38470 G + 7471 B) / 65536`. Transparency is left out.
   *
   * @default {3}
   */
  readonly channels?: 1 | 3;
}

/** The rules of {@linkcode DecodeImageOptions}. */
export const DECODE_RULES: OptionRules<DecodeImageOptions> = {
  channels: oneOf(1, 3),
};

/**
 * Decode a PNG or JPEG image.
 *
 * The decoders are packages of npm: `fast-png` and `jpeg-js`. Deno downloads them when
 * the first image is decoded; elsewhere install them beside the library
 * (`npm install fast-png jpeg-js`). The direction in which a camera was held (EXIF) is
 * not looked at.
 *
 * @param bytes The contents of the file.
 * @param options See {@linkcode DecodeImageOptions}.
 * @param name The name of the image in errors.
 * @returns Its pixels, which are also a column of one example.
 * @throws {TypeError} If it is neither PNG nor JPEG.
 * @throws {RangeError} If it is damaged, a PNG of 16 bits in a channel, or a JPEG of more
 *   than 100 million pixels.
 * @throws {Error} If the package that decodes it is not installed.
 */
export async function decodeImage(
  bytes: Uint8Array,
  options: DecodeImageOptions = {},
  name = "an image",
): Promise<ImagePixels> {
  const action = `decode ${name}`;
  checkOptions(action, options, DECODE_RULES);
  check(action, "bytes", bytes, instanceOf(Uint8Array, "a Uint8Array"));
  const kind = kindOf(bytes);
  if (kind === undefined) {
    throw new TypeError(
      `Cannot ${action}: it must be a PNG or JPEG image: it has ${bytes.length} bytes that begin with [${
        bytes.subarray(0, 4).join(", ")
      }]`,
    );
  }
  const decode = kind === "PNG" ? decodePng : decodeJpeg;
  return toChannels(await decode(action, bytes), options.channels ?? 3);
}

function kindOf(bytes: Uint8Array): "PNG" | "JPEG" | undefined {
  const begins = (...start: number[]) => start.every((b, i) => bytes[i] === b);
  if (begins(0x89, 0x50, 0x4e, 0x47)) return "PNG";
  return begins(0xff, 0xd8, 0xff) ? "JPEG" : undefined;
}

function damaged(action: string, kind: string, cause?: unknown): RangeError {
  return new RangeError(
    `Cannot ${action}: the ${kind} data is truncated or damaged`,
    { cause },
  );
}

/** What `decode` returns; its errors as errors of ours. */
function decoded<T>(action: string, kind: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (/limit exceeded/.test(String(cause))) {
      const rule = "it must have at most 100 million pixels";
      throw new RangeError(`Cannot ${action}: ${rule}`, { cause });
    }
    throw damaged(action, kind, cause);
  }
}

async function decodeJpeg(
  action: string,
  bytes: Uint8Array,
): Promise<ImagePixels> {
  const loaded = await loadPackage(action, "jpeg-js") as JpegPackage;
  const image = decoded(action, "JPEG", () =>
    loaded.default.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxMemoryUsageInMB: Infinity, // the number of pixels is limited
    }));
  return { data: image.data, shape: [image.height, image.width, 3] };
}

async function decodePng(
  action: string,
  bytes: Uint8Array,
): Promise<ImagePixels> {
  const { decode } = await loadPackage(action, "fast-png") as PngPackage;
  const image = decoded(
    action,
    "PNG",
    () => decode(bytes, { checkCrc: true }),
  );
  const { width, height, depth, palette } = image;
  if (depth === 16) {
    throw new RangeError(
      `Cannot ${action}: a PNG image must have at most 8 bits in a channel: it has 16`,
    );
  }
  const values = depth === 8 ? new Uint8Array(image.data) : unpack(image);
  if (!palette) {
    const scale = 255 / (2 ** depth - 1);
    // `Uint8Array.from` with a function would take most of the time of decoding.
    if (scale !== 1) {
      for (let i = 0; i < values.length; i++) values[i]! *= scale;
    }
    return { data: values, shape: [height, width, image.channels] };
  }
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const color = palette[values[i]!];
    if (!color) throw damaged(action, "PNG");
    for (let c = 0; c < 3; c++) data[3 * i + c] = color[c]!;
  }
  return { data, shape: [height, width, 3] };
}

/** One number for each pixel, of rows that are padded to whole bytes. */
function unpack(
  { width, height, depth, data }: Awaited<
    ReturnType<PngPackage["decode"]>
  >,
): Uint8Array {
  const stride = Math.ceil(width * depth / 8);
  const values = new Uint8Array(width * height);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const bit = column * depth;
      const byte = data[row * stride + (bit >> 3)]!;
      values[at++] = byte >> (8 - depth - (bit & 7)) & (2 ** depth - 1);
    }
  }
  return values;
}

/** The image with 1 or 3 channels, of one with 1 to 4; the last of 2 or 4 is alpha. */
function toChannels(
  { data, shape: [height, width, from] }: ImagePixels,
  to: 1 | 3,
): ImagePixels {
  if (from === to) return { data, shape: [height, width, to] };
  const pixels = new Uint8Array(height * width * to);
  for (let i = 0, at = 0; at < pixels.length; i += from) {
    const red = data[i]!;
    if (to === 3) {
      const isColor = from > 2;
      pixels[at++] = red;
      pixels[at++] = isColor ? data[i + 1]! : red;
      pixels[at++] = isColor ? data[i + 2]! : red;
    } else if (from === 2) pixels[at++] = red;
    else {
      const sum = 19595 * red + 38470 * data[i + 1]! + 7471 * data[i + 2]!;
      pixels[at++] = (sum + 0x8000) >> 16;
    }
  }
  return { data: pixels, shape: [height, width, to] };
}
