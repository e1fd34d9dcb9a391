/**
 * Loops that keep only what each iteration begins with, and compute the rest again for
 * the gradient.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { engine, seeingInputs, withoutTape } from "../internal/engine.ts";
import { type Frame, frames } from "../internal/frames.ts";
import { release } from "../memory.ts";
import type { State } from "../state.ts";
import { backward } from "./backward.ts";
import type { FlatFunction, Runner } from "./body.ts";
import { type Ends, type Iteration, refuseNew, Slot } from "./kept.ts";
import { asNew } from "./nest.ts";

/** One run of a loop that is differentiated. */
export class RecomputedLoop implements Runner {
  readonly #fn: FlatFunction;
  /** Tensors made in the loop have greater numbers. */
  readonly #newest: number;
  readonly #iterations: Iteration[] = [];
  readonly #kept: tf.Tensor[] = [];
  /** Copies of the older tensors that iterations used, which may be freed meanwhile. */
  readonly #used = new Map<tf.Tensor, Slot>();
  #frame: Frame | undefined;

  /** `fn` is the body. */
  constructor(fn: FlatFunction) {
    this.#fn = fn;
    let newest = 0;
    tf.tidy(() => {
      newest = tf.scalar(0).id;
    });
    this.#newest = newest;
  }

  /** Run an iteration, and remember what it begins with. */
  run(take: () => tf.Tensor[]): readonly tf.Tensor[] {
    const args = take(), used = new Set<tf.Tensor>();
    const see = (x: tf.Tensor) => {
      if (x.id > this.#newest || used.has(x)) return;
      used.add(x);
      if (!this.#used.has(x)) this.#used.set(x, this.#keep(x));
    };
    const frame = frames.push();
    try {
      return tf.tidy(() => {
        const saved = args.map((x) => this.#keep(x));
        const results = seeingInputs(see, () => this.#fn(...args)).map(asNew());
        const from = new Map<object, unknown>();
        const { originals } = this.#frame!;
        for (const [state, value] of frame.originals) {
          if (!originals.has(state)) refuseNew(state);
          if (originals.get(state) === value) continue;
          from.set(state, this.#saved(value));
        }
        for (const x of results) tf.keep(x);
        this.#iterations.push({ args, saved, results, from, used });
        return results;
      });
    } finally {
      frames.pop();
      for (const state of frame.writes) {
        const original = frame.originals.get(state);
        if (frames.peek(state) === original) continue;
        const held = frames.open.some((outer) => outer.holds(original));
        if (original instanceof tf.Tensor && !held) release(original);
      }
    }
  }

  /**
   * Run the loop as one operation of the tape.
   *
   * @param loop Runs the iterations, and returns results of theirs.
   * @returns What `loop` returns.
   */
  record(loop: () => readonly tf.Tensor[]): readonly tf.Tensor[] {
    // The engine reads it after the forward pass.
    const inputs: Record<string, tf.Tensor> = {};
    let returned: readonly tf.Tensor[] = [], outputs: tf.Tensor[] = [];
    let ends!: Ends;
    const all = engine().runKernelFunc({
      inputs,
      forwardFunc: (_, save) => {
        const frame = this.#frame = frames.push();
        try {
          returned = withoutTape(loop);
          const made = new Set(this.#iterations.flatMap((one) => one.results));
          outputs = returned.filter((x) => made.has(x));
          ends = this.#endsOf(frame);
          const args = this.#iterations.flatMap((one) => one.args)
            .filter((x) => !made.has(x));
          for (
            const x of [...args, ...this.#used.keys(), ...ends.tensors.values()]
          ) {
            inputs[x.id] = x;
          }
          save(this.#kept);
          const now = ends.written.map((state) =>
            tf.clone(frames.peek(state) as tf.Tensor)
          );
          return [...outputs, ...now] as unknown as tf.Tensor;
        } finally {
          tf.dispose(this.#kept);
          restore(frame);
          frames.pop();
        }
      },
      backwardsFunc: (dys, saved) => {
        const loop = {
          fn: this.#fn,
          iterations: this.#iterations,
          used: this.#used,
          outputs,
          ends,
        };
        const sums = backward(loop, [dys].flat(), saved);
        return Object.fromEntries(
          Object.entries(inputs).map(([id, x]) => [id, () => sums.of(x)]),
        );
      },
    }) as unknown as tf.Tensor[];
    const now = all.slice(outputs.length);
    ends.written.forEach((state, i) => (state as State).replace(now[i]!));
    ends.plain.forEach((value, state) =>
      (state as State<unknown>).replace(value)
    );
    tf.dispose(now);
    return returned;
  }

  #keep(x: tf.Tensor): Slot {
    return new Slot(this.#kept.push(tf.keep(tf.clone(x))) - 1);
  }

  #saved(value: unknown): unknown {
    return value instanceof tf.Tensor ? this.#keep(value) : value;
  }

  #endsOf(frame: Frame): Ends {
    const from = new Map<object, unknown>();
    const tensors = new Map<object, tf.Tensor>();
    for (const [state, value] of frame.originals) {
      from.set(state, this.#saved(value));
      if (value instanceof tf.Tensor) tensors.set(state, value);
    }
    const all = [...frame.writes].filter((x) => !(x as State).isDisposed);
    return {
      from,
      tensors,
      written: all.filter((state) => tensors.has(state)),
      plain: new Map(
        all.filter((state) => !tensors.has(state))
          .map((state) => [state, frames.peek(state)]),
      ),
    };
  }
}

/** Give states back the values that they had when the frame began. */
function restore(frame: Frame): void {
  for (const [state, original] of frame.originals) {
    const written = frames.peek(state);
    if (written === original) continue;
    frames.poke(state, original);
    if (written instanceof tf.Tensor) release(written);
  }
}
