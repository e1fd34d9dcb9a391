/**
 * The body of a loop: a function of a flat list of tensors.
 *
 * @module
 */
import "../internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import { compile, type Compiled } from "../compile.ts";
import { Batched } from "../internal/batching.ts";
import { isRecording } from "../internal/engine.ts";
import { recording } from "../internal/recording.ts";
import { asNew } from "./nest.ts";

/** A function of tensors that returns tensors. */
export type FlatFunction = (...xs: tf.Tensor[]) => readonly tf.Tensor[];

/** What runs the iterations of a loop. */
export interface Runner {
  /**
   * Run an iteration on what `take` returns. All else that it makes is freed.
   *
   * @param take Returns the arguments.
   * @param remaining How many iterations are still to be run, this one included.
   * @returns Kept tensors, which the caller must dispose of.
   */
  run(take: () => tf.Tensor[], remaining: number): readonly tf.Tensor[];
}

/** The iterations that are run before the body is compiled. */
const BEFORE_COMPILED = 4;

/** The least iterations that must remain for that: recording and planning cost some. */
const WORTH_COMPILING = 32;

/** The body of one run of a loop. */
export class Body implements Runner, Disposable {
  readonly #fn: FlatFunction;
  readonly #mayCompile: boolean;
  /** Whether each iteration may be replayed, by a program of ours or of the user's. */
  readonly #mayReplay: boolean;
  #compiled: Compiled<tf.Tensor[], readonly tf.Tensor[]> | undefined;
  #count = 0;

  /** `fn` is the body; `mayCompile`, whether it may be compiled. */
  constructor(fn: FlatFunction, mayCompile: boolean) {
    this.#fn = fn;
    // Whoever differentiates or records must see the operations themselves.
    this.#mayReplay = !isRecording() && !recording.now;
    this.#mayCompile = mayCompile && this.#mayReplay;
  }

  /** See {@linkcode Runner}. */
  run(take: () => tf.Tensor[], remaining: number): readonly tf.Tensor[] {
    const isEarly = this.#count++ < BEFORE_COMPILED;
    if (
      !this.#compiled && this.#mayCompile && !isEarly &&
      remaining >= WORTH_COMPILING
    ) {
      this.#compiled = compile(this.#fn, { onFallback: "ignore" });
    }
    const fn = this.#compiled ?? this.#fn;
    return tf.tidy(() => {
      let results = fn(...take()).map(asNew());
      if (this.#mayReplay) results = results.map(unshared);
      for (const x of results) tf.keep(x);
      return results;
    });
  }

  /** Free the program. */
  [Symbol.dispose](): void {
    this.#compiled?.dispose();
  }
}

/**
 * `x` with memory of its own. A program cannot overwrite the memory of a state while
 * somebody shares it, as a result that is the state's value does.
 */
function unshared(x: tf.Tensor): tf.Tensor {
  if (x instanceof Batched) return x; // Nothing is replayed inside of vmap.
  if (tf.backend().refCount(x.dataId) === 1) return x;
  return tf.tile(x, x.shape.map(() => 1));
}
