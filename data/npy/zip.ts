/**
 * Files in a zip archive.
 *
 * @module
 */
import { crc32 } from "../../internal/crc32.ts";
import { builtin } from "../../internal/system/builtin.ts";

const LOCAL = 0x04034b50, ENTRY = 0x02014b50, END = 0x06054b50;
const END_LENGTH = 22;

/** The files of an archive, stored or deflated. */
export function* unzip(
  bytes: Uint8Array,
  name: string,
): Generator<[file: string, contents: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (rule: string) => {
    throw new RangeError(`Cannot read ${name}: ${rule}`);
  };
  let end = bytes.length - END_LENGTH;
  const first = Math.max(0, end - 0xffff); // a comment may follow
  while (end >= first && view.getUint32(end, true) !== END) end--;
  if (end < first) {
    throw new TypeError(`Cannot read ${name}: it must be a zip archive`);
  }
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY) {
      fail("the archive is damaged");
    }
    const method = view.getUint16(at + 10, true);
    const sum = view.getUint32(at + 16, true);
    const packed = view.getUint32(at + 20, true);
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const start = at + 46;
    const file = new TextDecoder().decode(
      bytes.subarray(start, start + nameLength),
    );
    const local = view.getUint32(at + 42, true);
    if ([packed, size, local].includes(0xffffffff)) {
      fail(`${file} must be smaller than 4 GiB`);
    }
    if (local + 30 > end || view.getUint32(local, true) !== LOCAL) {
      fail("the archive is damaged");
    }
    const from = local + 30 + view.getUint16(local + 26, true) +
      view.getUint16(local + 28, true);
    const stored = bytes.subarray(from, from + packed);
    const contents = inflate(stored, method, size, `${file} in ${name}`);
    if (contents.length !== size || crc32(contents) !== sum) {
      fail(`${file} is damaged`);
    }
    yield [file, contents];
    at = start + nameLength + view.getUint16(at + 30, true) +
      view.getUint16(at + 32, true);
  }
}

function inflate(
  bytes: Uint8Array,
  method: number,
  size: number,
  name: string,
): Uint8Array {
  if (method === 0) return bytes;
  const zlib = builtin("node:zlib");
  if (method !== 8 || !zlib) {
    throw new TypeError(
      zlib
        ? `Cannot read ${name}: it must be stored or deflated: its method is ${method}`
        : `Cannot read ${name}: there is no zlib here`,
    );
  }
  try {
    return zlib.inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) });
  } catch (cause) {
    throw new RangeError(`Cannot read ${name}: it is damaged`, { cause });
  }
}

/** The time in archives: the first of January 1980. */
const DATE = 0x21;

/** An archive of files, stored as they are. */
export function zip(
  files: readonly (readonly [file: string, contents: Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const named = files.map(([file, contents]) => ({
    name: new TextEncoder().encode(file),
    contents,
  }));
  const total = named.reduce(
    (sum, { name, contents }) => sum + 76 + 2 * name.length + contents.length,
    END_LENGTH,
  );
  if (total >= 0xffffffff) {
    throw new RangeError(
      `Cannot write a .npz file: it must be smaller than 4 GiB: it would have ${total} bytes`,
    );
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  /** What a file's local header and its entry in the directory share. */
  const describe = ({ name, contents }: typeof named[number], sum: number) => {
    const fields = [20, 0x800, 0, 0, DATE];
    fields.forEach((field, i) => view.setUint16(at + 2 * i, field, true));
    view.setUint32(at + 10, sum, true);
    view.setUint32(at + 14, contents.length, true);
    view.setUint32(at + 18, contents.length, true);
    view.setUint16(at + 22, name.length, true);
  };
  const places = named.map((file) => {
    const place = { at, sum: crc32(file.contents) };
    view.setUint32(at, LOCAL, true);
    at += 4;
    describe(file, place.sum);
    bytes.set(file.name, at + 26);
    bytes.set(file.contents, at + 26 + file.name.length);
    at += 26 + file.name.length + file.contents.length;
    return place;
  });
  const directory = at;
  named.forEach((file, i) => {
    view.setUint32(at, ENTRY, true);
    view.setUint16(at + 4, 20, true);
    at += 6;
    describe(file, places[i]!.sum);
    view.setUint32(at + 36, places[i]!.at, true);
    bytes.set(file.name, at + 40);
    at += 40 + file.name.length;
  });
  view.setUint32(at, END, true);
  view.setUint16(at + 8, files.length, true);
  view.setUint16(at + 10, files.length, true);
  view.setUint32(at + 12, at - directory, true);
  view.setUint32(at + 16, directory, true);
  return bytes;
}
