/**
 * An image from a file.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../../internal/check.ts";
import { readBytes } from "../files.ts";
import {
  DECODE_RULES,
  decodeImage,
  type DecodeImageOptions,
  type ImagePixels,
} from "./decode.ts";
import {
  type ImageSize,
  RESIZE_RULES,
  resizeImage,
  type ResizeOptions,
  SIZE_RULE,
} from "./resize.ts";

/** Options of {@linkcode readImage}. */
export interface ReadImageOptions extends DecodeImageOptions, ResizeOptions {
  /** The height and width to bring it to, or one number for both. Default: its own. */
  readonly size?: ImageSize;
}

/** The rules of {@linkcode ReadImageOptions}. */
export const READ_IMAGE: OptionRules<ReadImageOptions> = {
  ...DECODE_RULES,
  ...RESIZE_RULES,
  size: SIZE_RULE,
};

/**
 * Read a PNG or JPEG image from a file: see {@linkcode decodeImage} for what must be
 * installed.
 *
 * @param path The file.
 * @param options See {@linkcode ReadImageOptions}.
 * @returns Its pixels.
 * @throws {RangeError} If there is no such file, or it is damaged.
 */
export async function readImage(
  path: string | URL,
  options: ReadImageOptions = {},
): Promise<ImagePixels> {
  checkOptions("read an image", options, READ_IMAGE);
  const { channels = 3, antialias = true, size } = options;
  const bytes = await readBytes(path);
  const image = await decodeImage(bytes, { channels }, String(path));
  return size === undefined ? image : resizeImage(image, size, { antialias });
}
