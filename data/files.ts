/**
 * Reading files as bytes and text.
 *
 * @module
 */

/** The bytes of a file, decompressed if it is gzip. */
export async function readBytes(path: string | URL): Promise<Uint8Array> {
  const bytes = await read(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    const stream = new Blob([bytes]).stream()
      .pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw new RangeError(
      `Cannot read ${path}: the gzip data is truncated or damaged`,
      { cause: error },
    );
  }
}

/**
 * Read a text file, plain or gzip.
 *
 * @param path The file.
 * @returns Its text, read as UTF-8.
 * @throws {RangeError} If there is no such file, or if it is not valid UTF-8.
 */
export async function readText(path: string | URL): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new RangeError(`Cannot read ${path}: it is not text in UTF-8`, {
      cause: error,
    });
  }
}

async function read(path: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new RangeError(`Cannot read ${path}: there is no such file`, {
        cause: error,
      });
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new RangeError(`Cannot read ${path}: it is a directory`, {
        cause: error,
      });
    }
    throw error;
  }
}
