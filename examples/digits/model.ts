/**
 * The network of the page, and the digits that it learns from.
 *
 * @module
 */
/// <reference lib="dom" />
import { nn, type tf, train } from "@braintape/braintape";
import { SIZE } from "./pad.ts";

/** Digits with their labels. */
export type Digits = train.Dataset<
  readonly [
    train.Column<readonly [typeof SIZE, typeof SIZE, 1]>,
    train.Column<readonly []>,
  ]
>;

/** A network from images to the scores of ten digits. */
export type Network = nn.Sequential<tf.Tensor4D, tf.Tensor2D>;

/** The networks that the page has, by name. */
export const NETWORKS: Readonly<Record<string, () => Network>> = {
  /** Two convolutions with pooling, then a dense layer with dropout. */
  convolutions: () =>
    new nn.Sequential(
      new nn.Conv2d(1, 8, 3),
      nn.relu,
      new nn.MaxPool2d(2),
      new nn.Conv2d(8, 16, 3),
      nn.relu,
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Dropout({ rate: 0.25 }),
      new nn.Linear(7 * 7 * 16, 10),
    ),
  /** Quicker on a slow machine, and worse at what lies elsewhere. */
  dense: () =>
    new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(SIZE * SIZE, 128),
      nn.relu,
      new nn.Linear(128, 10),
    ),
};

async function fetched(name: string): Promise<train.IdxArray> {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`the server has no ${name}`);
  return train.decodeIdx(new Uint8Array(await response.arrayBuffer()), name);
}

/** The digits that the server has. */
export async function fetchDigits(part: "train" | "test"): Promise<Digits> {
  const [images, labels] = await Promise.all([
    fetched(`${part}-images.idx`),
    fetched(`${part}-labels.idx`),
  ]);
  const pixels = Float32Array.from(images.data, (byte) => byte / 255);
  return new train.Dataset([
    train.column(pixels, [SIZE, SIZE, 1]),
    train.column(Int32Array.from(labels.data)),
  ]);
}

/** The pixels of a digit. */
export function pixelsOf({ columns: [images] }: Digits, i: number) {
  const { data } = images as { readonly data: Float32Array };
  return data.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE);
}
