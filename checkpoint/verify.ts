/**
 * What a checkpoint holds, and whether it is complete.
 *
 * @module
 */
import { filePath } from "../internal/file_path.ts";
import { readHeader, verifyData } from "./decode.ts";
import { FileSource } from "./files.ts";
import { CheckpointError } from "./format.ts";
import { bytesOf, type Header } from "./header.ts";
import { fromValue } from "./tree.ts";

/** A part of a checkpoint: a model, an optimizer, plain data. */
export interface PartSummary {
  /** Its name. */
  readonly name: string;
  /** Whether it holds states, the state of an optimizer or the like, or data. */
  readonly kind: "states" | "dict" | "data";
  /** How many tensors it has. */
  readonly tensors: number;
  /** How many elements its tensors have together. */
  readonly elements: number;
  /** How many bytes its tensors have together. */
  readonly bytes: number;
}

/** What {@linkcode verifyCheckpoint} found. */
export interface CheckpointSummary {
  /** The path of the file. */
  readonly path: string;
  /** Whether all of the file is there and undamaged. */
  readonly isComplete: boolean;
  /** What is wrong, if it is not complete. */
  readonly problem?: string;
  /** The bytes of the file. */
  readonly bytes: number;
  /** The version of the library that wrote it. */
  readonly library?: string;
  /** When it was written. */
  readonly time?: Date;
  /** The metric that it was saved with, if there was one. */
  readonly metric?: number;
  /** What it holds, as far as the header can be read. */
  readonly parts: readonly PartSummary[];
}

/**
 * Read a checkpoint completely, and say what it holds and whether it is whole. No
 * model is needed, and nothing is loaded.
 *
 * On the command line:
 * `deno run --allow-read jsr:@braintape/braintape/checkpoint verify FILE...`
 *
 * @example Usage
 * ```ts
 * import { saveCheckpoint, verifyCheckpoint } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/step-1.ckpt`;
 * await saveCheckpoint(path, { step: 1 });
 * const summary = await verifyCheckpoint(path);
 * assertEquals([summary.isComplete, summary.parts[0]!.name], [true, "step"]);
 *
 * await Deno.truncate(path, summary.bytes - 1);
 * assertEquals((await verifyCheckpoint(path)).isComplete, false);
 * ```
 *
 * @param file The path of the file.
 * @returns What was found; a damaged file is no error.
 * @throws {Error} If there is no such file, or it cannot be read.
 */
export async function verifyCheckpoint(
  file: string | URL,
): Promise<CheckpointSummary> {
  const path = filePath("verify checkpoint", file);
  let bytes = 0;
  let header: Header | undefined;
  let problem: string | undefined;
  try {
    await FileSource.reading(path, async (source) => {
      bytes = source.left;
      header = await readHeader(source);
      await verifyData(source, header);
    });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    problem = error.message;
  }
  return {
    path,
    isComplete: problem === undefined,
    ...problem === undefined ? {} : { problem },
    bytes,
    ...header ? describe(header) : { parts: [] },
  };
}

function describe(
  header: Header,
): Pick<CheckpointSummary, "library" | "time" | "metric" | "parts"> {
  const { library, time, metric } = header;
  return {
    library,
    time: new Date(time),
    ...metric === null ? {} : { metric },
    parts: Object.entries(header.parts).map(([name, { kind, value }]) => {
      let tensors = 0, elements = 0, bytes = 0;
      fromValue(value, name, (number) => {
        const info = header.tensors[number];
        if (!info) return;
        tensors++;
        elements += info.shape.reduce((a, b) => a * b, 1);
        bytes += bytesOf(info);
      });
      return { name, kind, tensors, elements, bytes };
    }),
  };
}
