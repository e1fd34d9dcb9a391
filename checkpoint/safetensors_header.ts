/**
 * The header of a safetensors file: JSON with the position of each tensor.
 *
 * @module
 */
import { CheckpointError } from "./format.ts";
import type { Sink, Source } from "./records.ts";
import { repeatedKey } from "./repeated_key.ts";
import { isRecord } from "./tree.ts";

/** The dtypes of the format, with the bytes of an element. */
const BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** The longest header, as in the reference implementation. */
const MAX_BYTES = 100_000_000;

/** A tensor in a file. */
export interface Entry {
  /** Its name. */
  readonly name: string;
  /** Its dtype, such as `"F32"`. */
  readonly dtype: string;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
}

/** The header of a file. */
export interface SafetensorsHeader {
  /** The tensors, in the order of their bytes. */
  readonly entries: readonly Entry[];
  /** Strings by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of a tensor. */
export function bytesOfEntry({ dtype, shape }: Entry): number {
  return shape.reduce((product, size) => product * size, BYTES[dtype]!);
}

/** Write the header; the bytes of the entries must follow, in order. */
export async function writeSafetensorsHeader(
  sink: Sink,
  { entries, metadata }: SafetensorsHeader,
): Promise<void> {
  const map = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) map.set("__metadata__", metadata);
  let at = 0;
  for (const entry of entries) {
    const { name, dtype, shape } = entry;
    const end = at + bytesOfEntry(entry);
    map.set(name, { dtype, shape, data_offsets: [at, end] });
    at = end;
  }
  const json = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries(map)),
  );
  // Padded with spaces, so that the tensors start at a multiple of eight.
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  await sink.write(bytes);
}

/**
 * Read the header, and check that the file has all tensors in it.
 *
 * @param source The whole file.
 * @returns The header; the source is at the first tensor.
 * @throws {CheckpointError} If the file is damaged or not a safetensors file.
 */
export async function readSafetensorsHeader(
  source: Source,
): Promise<SafetensorsHeader> {
  const head = new DataView(new ArrayBuffer(8));
  await source.fill(new Uint8Array(head.buffer, 0, Math.min(8, source.left)));
  const size = Number(head.getBigUint64(0, true));
  if (size < 2 || size > Math.min(MAX_BYTES, source.left)) {
    fail("this is no safetensors file, or it ends early");
  }
  const json = new Uint8Array(size);
  await source.fill(json);
  const { __metadata__: metadata = {}, ...rest } = parse(json);
  if (!isTexts(metadata)) fail("the metadata must be texts by name");
  const spans = Object.entries(rest).map(([name, info]) => spanOf(name, info))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  for (const { entry, start, end } of spans) {
    if (start !== at) fail(`${entry.name} does not begin where the last ends`);
    if (end - start !== bytesOfEntry(entry)) {
      fail(`${entry.name} has no room for its shape`);
    }
    at = end;
  }
  if (at !== source.left) {
    fail(`${at} bytes must follow, and ${source.left} do`);
  }
  return { entries: spans.map(({ entry }) => entry), metadata };
}

function fail(problem: string): never {
  throw new CheckpointError(`Cannot read safetensors: ${problem}`);
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return fail("the header is no JSON");
  }
  const key = repeatedKey(text);
  if (key !== undefined) fail(`the header has ${JSON.stringify(key)} twice`);
  return isRecord(value) ? value : fail("the header is no map");
}

function isTexts(x: unknown): x is Record<string, string> {
  return isRecord(x) &&
    Object.values(x).every((text) => typeof text === "string");
}

interface Span {
  readonly entry: Entry;
  readonly start: number;
  readonly end: number;
}

function spanOf(name: string, info: unknown): Span {
  if (!isRecord(info)) return fail(`${name} is no map`);
  const { dtype, shape, data_offsets: offsets } = info;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES, dtype)) {
    return fail(`${name} has the unknown dtype ${dtype}`);
  }
  if (!isSizes(shape)) return fail(`${name} has no shape`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`${name} has no place in the file`);
  }
  return {
    entry: { name, dtype, shape },
    start: offsets[0]!,
    end: offsets[1]!,
  };
}

function isSizes(x: unknown): x is number[] {
  return Array.isArray(x) &&
    x.every((size) => Number.isSafeInteger(size) && size >= 0);
}
