/**
 * Sums over ranks that are started while the backward pass goes on.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../tensors.ts";
import type { Pending } from "./mpi/communicator.ts";
import { copyOf, LARGE } from "./rows.ts";
import { communicatorOf, type World } from "./world.ts";

/** Sums of gradients that were known early. */
export class EarlySums {
  readonly #world: World;
  readonly #started: { name: string; row: Float32Array; sum: Pending }[] = [];

  /** Sums over the ranks of `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  /** The names of the sums that were started, in their order: the same on all ranks. */
  get names(): readonly string[] {
    return this.#started.map(({ name }) => name);
  }

  /** Start the sum of a gradient if it is large, and let earlier ones go on. */
  add(name: string, grad: tf.Tensor): void {
    for (const { sum } of this.#started) sum.poke();
    if (grad.size < LARGE) return;
    // A copy: others may read the gradient, and its memory may move.
    const row = copyOf(grad);
    const sum = communicatorOf(this.#world).startSum(row);
    this.#started.push({ name, row, sum });
  }

  /**
   * Wait for the sums.
   *
   * @param grads The gradients of this rank; those whose sums were started are freed.
   * @returns The sums, by name.
   */
  finish(grads: Tensors): Tensors {
    const sums: Record<string, tf.Tensor> = {};
    for (const { name, row, sum } of this.#started.splice(0)) {
      sum.wait();
      const grad = grads[name]!;
      sums[name] = tf.tensor(row, grad.shape, "float32");
      grad.dispose();
    }
    return sums;
  }
}
