/**
 * Multiplications and additions of the products of one training step: of a layer
 * forward, for the gradient of its weights, and for that of its input, which the first
 * layer does not need.
 *
 * @module
 */

/** A layer: rows, features in, features out, as a product of matrices. */
type Layer = readonly [rows: number, ins: number, outs: number];

/** Layers in order, of which the first needs no gradient of its input. */
function trained([first, ...others]: readonly Layer[]): number {
  const once = ([rows, ins, outs]: Layer) => 2 * rows * ins * outs;
  return others.reduce((sum, layer) => sum + 3 * once(layer), 2 * once(first!));
}

/** Dense layers of these sizes. */
function dense(rows: number, sizes: readonly number[]): Layer[] {
  return sizes.slice(1).map((outs, i) => [rows, sizes[i]!, outs]);
}

/** Causal attention of `heads`: six products, of half the places by half the places each. */
function attention(heads: number, places: number, size: number): number {
  return 6 * heads * places ** 2 * size;
}

const TRAINED: Readonly<Record<string, number>> = {
  tiny: trained(dense(8, [32, 32, 32, 32, 32])),
  mlp32: trained(dense(32, [784, 256, 128, 10])),
  mlp128: trained(dense(128, [784, 256, 128, 10])),
  mlp1000: trained(dense(1000, [784, 256, 128, 10])),
  cnn: trained([
    [32 * 24 ** 2, 5 ** 2, 24],
    [32 * 10 ** 2, 3 ** 2 * 24, 32],
    ...dense(32, [800, 128, 10]),
  ]),
  // The readout of the embedding is a product too; its lookup is none.
  gpt: trained([
    [0, 0, 0],
    ...[1, 2, 3, 4].flatMap(() => [
      ...dense(12 * 64, [128, 3 * 128]),
      ...dense(12 * 64, [128, 128]),
      ...dense(12 * 64, [128, 512, 128]),
    ]),
    [12 * 64, 128, 65],
  ]) + 4 * attention(12 * 4, 64, 32),
  lstm: trained([
    [64 * 32, 32, 4 * 128],
    [64 * 32, 128, 4 * 128],
    [32, 128, 10],
  ]),
  snn: trained([
    [50 * 32, 20, 128],
    [50 * 32, 128, 128],
    [32, 128, 10],
  ]),
};

/** Operations of the products of a step of a workload; undefined for one that has few. */
export function operationsOf(workload: string): number | undefined {
  return TRAINED[workload];
}
