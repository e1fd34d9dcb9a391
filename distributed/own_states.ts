/**
 * States that each rank has of its own, in the checkpoint that the first one writes.
 *
 * @module
 */
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type Parts,
  type Resumable,
} from "../checkpoint.ts";
import { collect } from "./collect.ts";
import type { World } from "./world.ts";

/** What the other ranks have in these parts, as bytes of checkpoints. */
export class OwnStates implements Resumable {
  readonly #world: World;
  readonly #parts: Parts;
  /** Of each rank from the second one on. */
  #bytes: readonly Uint8Array[] = [];

  /** The states in `parts`. */
  constructor(world: World, parts: Parts) {
    this.#world = world;
    this.#parts = parts;
  }

  /** Let the first rank have what all have now. */
  async gather(): Promise<void> {
    this.#bytes = await collect(
      this.#world,
      () => encodeCheckpoint(this.#parts),
    );
  }

  /** What `gather` has brought. */
  stateDict(): readonly Uint8Array[] {
    return this.#bytes;
  }

  /** Note what a checkpoint has; see {@linkcode OwnStates.load}. */
  loadStateDict(bytes: readonly Uint8Array[]): void {
    this.#bytes = bytes;
  }

  /** Load what this rank had; a rank that the checkpoint does not have keeps its states. */
  async load(): Promise<void> {
    const bytes = this.#bytes[this.#world.rank - 1];
    if (bytes) await decodeCheckpoint(bytes, this.#parts);
    this.#bytes = [];
  }
}
