/**
 * Reading files as bytes and text.
 *
 * @module
 */
import { checkOptions, type OptionRules } from "../internal/check.ts";
import { filePath } from "../internal/file_path.ts";
import { builtin } from "../internal/system/builtin.ts";
import { isError } from "../internal/system/errors.ts";
import { system } from "../internal/system/system.ts";

/** Options of the functions that read files. */
export interface ReadOptions {
  /**
   * The largest number of bytes that a gzip file may unpack to. Default: 100 times
   * the size of the file, or 64 MiB if that is more.
   */
  readonly maxBytes?: number | undefined;
}

/** The rules of {@linkcode ReadOptions}, for readers with more options. */
export const READ_RULES: OptionRules<ReadOptions> = {
  maxBytes: "a positive integer",
};

/** The bytes of a file, decompressed if it is gzip. */
export async function readBytes(
  file: string | URL,
  { maxBytes }: ReadOptions = {},
): Promise<Uint8Array> {
  const bytes = await read(file);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const limit = maxBytes ?? Math.max(100 * bytes.length, 2 ** 26);
  // Not DecompressionStream, which refuses files of several members.
  const zlib = builtin("node:zlib");
  if (!zlib) throw new Error(`Cannot read ${file}: there is no zlib here`);
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    throw new RangeError(
      isTooLarge
        ? `Cannot read ${file}: it must unpack to at most ${limit} bytes: it unpacks to more, which the option maxBytes can allow`
        : `Cannot read ${file}: the gzip data is truncated or damaged`,
      { cause: error },
    );
  }
}

/**
 * Read a text file, plain or gzip.
 *
 * @param file The path of the file.
 * @param options See {@linkcode ReadOptions}.
 * @returns Its text, read as UTF-8.
 * @throws {RangeError} If there is no such file, if it is not valid UTF-8, or if
 *   it unpacks to more than `maxBytes`.
 */
export async function readText(
  file: string | URL,
  options: ReadOptions = {},
): Promise<string> {
  checkOptions("read text", options, READ_RULES);
  const bytes = await readBytes(file, options);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new RangeError(`Cannot read ${file}: it is not text in UTF-8`, {
      cause: error,
    });
  }
}

async function read(file: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  const path = filePath("read a file", file);
  try {
    return await system("read a file").readFile(path);
  } catch (error) {
    if (isError(error, "missing")) {
      const hint = /%[0-9a-f]{2}/i.test(path)
        ? " (the pathname of a URL is encoded: pass the URL itself)"
        : "";
      throw new RangeError(
        `Cannot read ${file}: there is no such file${hint}`,
        {
          cause: error,
        },
      );
    }
    if (isError(error, "a folder")) {
      throw new RangeError(`Cannot read ${file}: it is a directory`, {
        cause: error,
      });
    }
    throw error;
  }
}
