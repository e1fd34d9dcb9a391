/**
 * The body of a loop: a function of a flat list of tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { compile, type Compiled } from "../compile.ts";
import { isRecording } from "../internal/engine.ts";
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
const WORTH_COMPILING = 16;

/** The body of one run of a loop. */
export class Body implements Runner, Disposable {
  readonly #fn: FlatFunction;
  readonly #mayCompile: boolean;
  #compiled: Compiled<tf.Tensor[], readonly tf.Tensor[]> | undefined;
  #count = 0;

  /** `fn` is the body; `mayCompile`, whether it may be compiled. */
  constructor(fn: FlatFunction, mayCompile: boolean) {
    this.#fn = fn;
    // Whoever differentiates must see the operations themselves.
    this.#mayCompile = mayCompile && !isRecording();
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
      const results = fn(...take()).map(asNew());
      for (const x of results) tf.keep(x);
      return results;
    });
  }

  /** Free the program. */
  [Symbol.dispose](): void {
    this.#compiled?.dispose();
  }
}
