/**
 * The slots and counts of parameters, which an optimizer holds from step to step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { nextOrOld } from "../../backend/gate.ts";
import { gate } from "../../internal/gate.ts";
import { recording, replayed } from "../../internal/recording.ts";
import { mapNamed, type Named, type Tensors } from "../../tensors.ts";
import type { OptState } from "../transforms/transformation.ts";
import { nextSlots } from "./next_slots.ts";

/** The slots and counts of all parameters. */
export class Slots {
  readonly #steps: Record<string, number> = {};
  #slots: Record<string, Record<string, tf.Tensor>> = {};

  /** All of them; valid until the next step. */
  get state(): OptState {
    return { steps: this.#steps, slots: this.#slots };
  }

  /** Add those of new parameters. */
  add({ steps, slots }: OptState): void {
    Object.assign(this.#steps, steps);
    mapNamed(slots, (tensors, slot) => {
      const kept = this.#slots[slot] ??= {};
      mapNamed(tensors, (x, path) => kept[path] = tf.keep(tf.clone(x)));
    });
  }

  /** Tell what is recording that slots outlive the call. */
  report(): void {
    mapNamed(this.#slots, (tensors, slot) => {
      mapNamed(tensors, (x, path) => {
        recording.now?.slot(x, () => this.#slots[slot]![path]!);
      });
    });
  }

  /** Count steps, which a step that turns out to be void takes back. */
  count(steps: Named<number>): void {
    const entries = Object.entries(steps);
    const add = (sign: 1 | -1) => {
      for (const [path, n] of entries) this.#steps[path]! += sign * n;
    };
    replayed(() => {
      add(1);
      gate.undo?.(() => add(-1));
    });
  }

  /** Put `next` in place of slots, unless the step turns out to be void. */
  keep(next: Named<Tensors>): void {
    const changes = Object.entries(next).flatMap(([slot, tensors]) =>
      Object.entries(tensors).flatMap(([path, x]) => {
        const old = this.#slots[slot]![path]!;
        return x === old ? [] : [{ slot, path, old, next: x }];
      })
    );
    nextSlots(changes).forEach((x, i) => {
      this.replace(changes[i]!.slot, changes[i]!.path, x);
    });
  }

  /** Put `next` in place of a slot between steps; it stays the caller's. */
  set(slot: string, path: string, next: tf.Tensor): void {
    const { open } = gate, old = this.#slots[slot]![path]!;
    this.replace(
      slot,
      path,
      open ? nextOrOld(open, next, old) : tf.clone(next),
    );
  }

  /** Put `next` in place of a slot, and free what was there. */
  replace(slot: string, path: string, next: tf.Tensor): void {
    const slots = this.#slots[slot]!, old = slots[path]!;
    if (next === old) return;
    slots[path] = tf.keep(next);
    old.dispose();
  }

  /** Copy `state`, which has been checked. */
  load({ steps, slots }: OptState): void {
    Object.assign(this.#steps, steps);
    for (const [slot, tensors] of Object.entries(this.#slots)) {
      for (const path of Object.keys(tensors)) {
        this.replace(slot, path, tf.clone(slots[slot]![path]!));
      }
    }
  }

  /** Free those of all parameters but those of `paths`. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of Object.keys(this.#steps)) {
      if (paths.has(path)) continue;
      delete this.#steps[path];
      for (const tensors of Object.values(this.#slots)) {
        tensors[path]?.dispose();
        delete tensors[path];
      }
    }
  }

  /** Free all slots. */
  dispose(): void {
    for (const tensors of Object.values(this.#slots)) {
      for (const x of Object.values(tensors)) x.dispose();
    }
    this.#slots = {};
  }
}
