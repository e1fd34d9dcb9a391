/**
 * Files of images that have classes.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkOptions } from "../../internal/check.ts";
import type * as random from "../../random.ts";
import {
  type Batch,
  mapped,
  MAPPED_RULES,
  type MappedBatchesOptions,
} from "../batch.ts";
import { type Column, column } from "../column.ts";
import { Dataset } from "../dataset.ts";
import type { BatchesOptions } from "../passes.ts";
import type { ImagePixels } from "./decode.ts";
import { ImageBatches } from "./image_batches.ts";
import { readImage, type ReadImageOptions } from "./read_image.ts";

/** A batch of images and of the numbers of their classes. */
export type ImageBatch = [images: tf.Tensor4D, labels: tf.Tensor1D];

/** Images in files, of classes; made by {@linkcode imageFolder}. */
export class ImageFolder {
  /** The names of the classes, by number. */
  readonly classes: readonly string[];
  /** The files. */
  readonly files: readonly string[];
  /** The number of the class of each file. */
  readonly labels: Int32Array;
  readonly #options: ReadImageOptions;

  /** Use {@linkcode imageFolder}. */
  constructor(
    classes: readonly string[],
    files: readonly string[],
    labels: Int32Array,
    options: ReadImageOptions,
  ) {
    this.classes = classes;
    this.files = files;
    this.labels = labels;
    this.#options = options;
  }

  /** How many images there are. */
  get length(): number {
    return this.files.length;
  }

  /**
   * Split into two: the first `count` images and the rest.
   *
   * @param count The size of the first part: a number of images, or a fraction
   *   below 1.
   * @param options `random`: a state to shuffle with before the split, without which
   *   the parts have other classes, since files are in the order of classes.
   * @throws {RangeError} If a part would be empty.
   */
  split(
    count: number,
    options: { readonly random?: random.RandomState } = {},
  ): [ImageFolder, ImageFolder] {
    const all = Int32Array.from(this.files, (_, i) => i);
    const parts = new Dataset([column(all)]).split(count, options);
    const [first, rest] = parts.map(({ columns: [{ data }] }) =>
      new ImageFolder(
        this.classes,
        Array.from(data, (i) => this.files[i]!),
        Int32Array.from(data, (i) => this.labels[i]!),
        this.#options,
      )
    );
    return [first!, rest!];
  }

  /**
   * Batches, read from the files in each pass, with a function over each of them.
   *
   * @param options As for {@linkcode batches}.
   */
  batches<To extends Batch>(
    options: MappedBatchesOptions<ImageBatch, To>,
  ): ImageBatches<To>;
  /**
   * Batches, read from the files in each pass: int32 images of bytes,
   * `[batch, height, width, channels]`, and int32 labels, `[batch]`.
   *
   * @param options As for {@linkcode batches}.
   */
  batches(options?: BatchesOptions): ImageBatches<ImageBatch>;
  batches(
    options: BatchesOptions & {
      readonly map?: (...batch: ImageBatch) => readonly tf.Tensor[];
    } = {},
  ): ImageBatches<Batch> {
    checkOptions("make batches", options, MAPPED_RULES);
    const { map = (...batch: ImageBatch) => batch } = options;
    const make = ({ data, shape, labels }: Pixels) =>
      tf.tidy(() =>
        mapped(map, [
          tf.tensor4d(data, [labels.length, ...shape], "int32"),
          tf.tensor1d(labels, "int32"),
        ])
      );
    const read = (indices: Int32Array) => this.#read(indices);
    return new ImageBatches<Batch>(
      read,
      make as (read: unknown) => Batch,
      this.length,
      options,
    );
  }

  /**
   * All images in memory, a byte for each value, and the numbers of their classes.
   *
   * @throws {RangeError} If an image cannot be decoded.
   */
  async read(): Promise<
    Dataset<[Column<readonly [number, number, number]>, Column<[]>]>
  > {
    const all = Int32Array.from(this.files, (_, i) => i);
    const { data, shape, labels } = await this.#read(all);
    return new Dataset<[Column<readonly [number, number, number]>, Column<[]>]>(
      [{ data, shape }, { data: labels, shape: [] }],
    );
  }

  async #read(indices: Int32Array): Promise<Pixels> {
    let data: Uint8Array | undefined;
    let shape: ImagePixels["shape"] = [0, 0, 0];
    // A few at a time: files of a large folder do not fit in memory all at once.
    for (let from = 0; from < indices.length; from += AT_ONCE) {
      const some = indices.subarray(from, from + AT_ONCE);
      const images = await Promise.all(
        Array.from(some, (i) => readImage(this.files[i]!, this.#options)),
      );
      ({ shape } = images[0]!);
      const size = shape[0] * shape[1] * shape[2];
      data ??= new Uint8Array(indices.length * size);
      images.forEach((image, i) => data!.set(image.data, (from + i) * size));
    }
    const labels = Int32Array.from(indices, (i) => this.labels[i]!);
    return { data: data!, shape, labels };
  }
}

/** The images and labels of a batch. */
interface Pixels extends ImagePixels {
  readonly labels: Int32Array;
}

/** How many files are open at once. */
const AT_ONCE = 32;
