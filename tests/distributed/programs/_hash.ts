import type * as tf from "@tensorflow/tfjs-core";

/** A hash of the bits of tensors. */
export async function hashOf(tensors: readonly tf.Tensor[]): Promise<string> {
  const values = await Promise.all(tensors.map((x) => x.data()));
  const floats = values.flatMap((of) => [...of]);
  const digest = await crypto.subtle.digest(
    "SHA-256",
    Float32Array.from(floats),
  );
  return new Uint8Array(digest).toHex().slice(0, 16);
}

/** The elements of tensors, one after the other. */
export async function floatsOf(
  tensors: readonly tf.Tensor[],
): Promise<number[]> {
  const values = await Promise.all(tensors.map((x) => x.data()));
  return values.flatMap((of) => [...of]);
}
