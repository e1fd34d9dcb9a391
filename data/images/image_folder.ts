/**
 * Folders of images, one for each class.
 *
 * @module
 */
import {
  check,
  checkOptions,
  nonemptyListOf,
  type OptionRules,
  refuse,
  string,
} from "../../internal/check.ts";
import { filePath, join } from "../../internal/file_path.ts";
import { isError } from "../../internal/system/errors.ts";
import { system } from "../../internal/system/system.ts";
import type { DecodeImageOptions } from "./decode.ts";
import { ImageFolder } from "./labeled_images.ts";
import { READ_IMAGE } from "./read_image.ts";
import { type ImageSize, type ResizeOptions, SIZE_RULE } from "./resize.ts";

/** Options of {@linkcode imageFolder}. */
export interface ImageFolderOptions extends DecodeImageOptions, ResizeOptions {
  /** The height and width to bring images to, or one number for both. */
  readonly size: ImageSize;
  /**
   * The classes, in the order of their numbers. Default: the folders there are, sorted.
   * Give those of the training images for a folder of other images.
   */
  readonly classes?: readonly string[];
}

const FOLDER: OptionRules<ImageFolderOptions> = {
  ...READ_IMAGE,
  classes: nonemptyListOf(string),
};

/** The names of files that are images. */
const IMAGE = /\.(png|jpe?g)$/i;

/**
 * The PNG and JPEG images in a folder that has a folder for each class, as
 * `photos/cat/1.jpg` and `photos/dog/2.png`.
 *
 * The files are read when a batch of them is asked for; `read` reads all of them once. Files with
 * other names than `.png`, `.jpg` and `.jpeg`, and names that begin with a dot, are
 * passed over. See {@linkcode decodeImage} for what must be installed.
 *
 * @example Training and validation images
 * ```ts ignore
 * import { data, random, tf } from "@braintape/braintape";
 *
 * const photos = await data.imageFolder("photos", { size: 64 });
 * const [train, validation] = photos.split(0.8, {
 *   random: new random.RandomState(1),
 * });
 * const batches = train.batches({
 *   batchSize: 32,
 *   shuffle: true,
 *   map: (x, y) => [tf.div(data.randomHorizontalFlip(x), 255), y],
 * });
 * for await (const [x, y] of batches) console.log(x.shape, y.shape);
 * ```
 *
 * @param folder The folder that has one for each class.
 * @param options See {@linkcode ImageFolderOptions}.
 * @throws {RangeError} If there is no such folder, no class or a class without images.
 */
export async function imageFolder(
  folder: string | URL,
  options: ImageFolderOptions,
): Promise<ImageFolder> {
  const action = "read a folder of images";
  checkOptions(action, options, FOLDER);
  check(action, "size", options.size, SIZE_RULE);
  const { classes: given, ...how } = options;
  if (given && new Set(given).size < given.length) {
    refuse(action, "classes", "different ones", given);
  }
  const root = filePath(action, folder);
  const { folders } = await entriesOf(root);
  const refuseFolder = (rule: string) => {
    throw new RangeError(`Cannot read the directory ${root}: ${rule}`);
  };
  if (folders.length === 0) {
    refuseFolder("it must have a folder for each class: it has none");
  }
  const classes = given ?? folders;
  const files: string[] = [], labels: number[] = [];
  for (const name of folders) {
    const label = classes.indexOf(name);
    if (label < 0) {
      const all = classes.join(", ");
      refuseFolder(`each folder must be one of ${all}: there is ${name}`);
    }
    const found = await imagesIn(join(root, name));
    if (found.length === 0) {
      refuseFolder(
        `each class must have an image (.png, .jpg, .jpeg): ${name} has none`,
      );
    }
    files.push(...found);
    for (const _ of found) labels.push(label);
  }
  return new ImageFolder(classes, files, Int32Array.from(labels), how);
}

/** The images in a folder and in the folders within it, sorted. */
async function imagesIn(folder: string): Promise<string[]> {
  const { files, folders } = await entriesOf(folder);
  const images = files.filter((name) => IMAGE.test(name))
    .map((name) => join(folder, name));
  for (const name of folders) {
    images.push(...await imagesIn(join(folder, name)));
  }
  return images;
}

/** The names in a folder, sorted, without those that begin with a dot. */
async function entriesOf(
  folder: string,
): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [], folders: string[] = [];
  const there = system("read a folder of images");
  const missing = (path: string, rule: string) => (cause: unknown) => {
    if (!isError(cause, "missing")) throw cause;
    throw new RangeError(`Cannot read ${path}: ${rule}`, { cause });
  };
  await there.stat(folder)
    .catch(missing(`the directory ${folder}`, "it does not exist"));
  for await (const { name } of there.readDir(folder)) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const { isDirectory } = await there.stat(path)
      .catch(missing(path, "it is a link to what does not exist"));
    (isDirectory ? folders : files).push(name);
  }
  return { files: files.sort(), folders: folders.sort() };
}
