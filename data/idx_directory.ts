/**
 * Directories of images and labels, named as MNIST's files are.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  show,
  string,
} from "../internal/check.ts";
import { filePath, join } from "../internal/file_path.ts";
import { isError } from "../internal/system/errors.ts";
import { system } from "../internal/system/system.ts";
import { READ_RULES, type ReadOptions } from "./files.ts";
import { type IdxArray, readIdx } from "./idx.ts";

/** Images and their labels. */
export interface LabeledImages {
  /** Pixels, `[count, height, width]`. */
  readonly images: IdxArray;
  /** Classes, `[count]`. */
  readonly labels: IdxArray;
}

/** Options of {@linkcode readIdxDirectory}. */
export interface IdxDirectoryOptions extends ReadOptions {
  /**
   * The data set, where a directory holds several: `"emnist-letters"` for files
   * such as `emnist-letters-train-images-idx3-ubyte.gz`. Default: the one there is,
   * or the files whose names start with `train` and `t10k` or `test`.
   */
  readonly dataset?: string | undefined;
}

const RULES: OptionRules<IdxDirectoryOptions> = {
  ...READ_RULES,
  dataset: string,
};

/** The names of MNIST and its relatives, with `-` or `.` before `idx`. */
const NAME =
  /^(?:(.+)-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(?:\.gz)?$/;

/** The files of a directory: by data set, then by `"train images"` and so on. */
type Found = Map<string, Map<string, string>>;

/**
 * Read images and labels from a directory with files named as MNIST's:
 * `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, and the same with
 * `t10k` or `test`. Before `idx` may be a dot, after the name `.gz`, and before it
 * that of a data set (`emnist-letters-train-images-idx3-ubyte.gz`).
 *
 * @param folder The folder of the files.
 * @param options See {@linkcode IdxDirectoryOptions}.
 * @returns The two parts.
 * @throws {RangeError} If a file is missing or truncated, if images and labels are
 *   not of the same number, or if there are several data sets to choose from.
 */
export async function readIdxDirectory(
  folder: string | URL,
  options: IdxDirectoryOptions = {},
): Promise<{ train: LabeledImages; test: LabeledImages }> {
  checkOptions("read IDX files", options, RULES);
  const directory = filePath("read IDX files", folder);
  const { dataset, ...readOptions } = options;
  const names = await list(directory);
  const files = choose(directory, names, dataset);
  const part = async (name: string): Promise<LabeledImages> => {
    const read = (kind: string) =>
      readIdx(join(directory, files.get(`${name} ${kind}`)!), readOptions);
    const images = await read("images");
    const labels = await read("labels");
    checkLabeled({ images, labels }, `${directory} (${name})`);
    return { images, labels };
  };
  return { train: await part("train"), test: await part("test") };
}

/** The four files of the data set, by `"train images"` and so on. */
function choose(
  directory: string,
  names: readonly string[],
  dataset: string | undefined,
): ReadonlyMap<string, string> {
  const action = `read the directory ${directory}`;
  const found = sort(names);
  const sets = [...found.keys()].filter((name) => name !== "");
  if (dataset === undefined && !found.has("") && sets.length > 1) {
    throw new RangeError(
      `Cannot ${action}: dataset must be one of ${
        sets.map(show).join(", ")
      }: current value is undefined`,
    );
  }
  const set = dataset ?? (found.has("") ? "" : sets[0] ?? "");
  const files = found.get(set) ?? new Map<string, string>();
  for (const part of ["train", "test"]) {
    for (const [kind, axes] of [["images", 3], ["labels", 1]] as const) {
      if (files.has(`${part} ${kind}`)) continue;
      const rest = `${kind}-idx${axes}-ubyte`;
      const candidates = (part === "test" ? ["t10k", "test"] : [part])
        .map((start) => `${set && `${set}-`}${start}-${rest}`);
      throw new RangeError(
        `Cannot ${action}: it must hold ${
          candidates.join(" or ")
        }, plain or with .gz: it holds ${some(names)}`,
      );
    }
  }
  return files;
}

function sort(names: readonly string[]): Found {
  const found: Found = new Map();
  // A plain file sorts before the same one with .gz, and is preferred.
  for (const name of names) {
    const [, set = "", part, kind] = NAME.exec(name) ?? [];
    if (part === undefined) continue;
    if (!found.has(set)) found.set(set, new Map());
    const key = `${part === "t10k" ? "test" : part} ${kind}`;
    const files = found.get(set)!;
    if (!files.has(key)) files.set(key, name);
  }
  return found;
}

function checkLabeled({ images, labels }: LabeledImages, name: string): void {
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new RangeError(
      `Cannot read ${name}: images must have three axes and labels one: current shapes are [${
        images.shape.join(", ")
      }] and [${labels.shape.join(", ")}]`,
    );
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new RangeError(
      `Cannot read ${name}: there must be one label for each image: there are ${
        images.shape[0]
      } images and ${labels.shape[0]} labels`,
    );
  }
}

async function list(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of system("read a folder").readDir(directory)) {
      names.push(entry.name);
    }
  } catch (error) {
    if (isError(error, "missing")) {
      throw new RangeError(
        `Cannot read the directory ${directory}: it does not exist`,
        { cause: error },
      );
    }
    throw error;
  }
  return names.sort();
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8
    ? `${shown}, ... (${names.length})`
    : shown || "nothing";
}
