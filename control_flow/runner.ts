/**
 * The choice of how to run a loop.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { activeLevels } from "../internal/batching.ts";
import { isNested, isRecording } from "../internal/engine.ts";
import { Body, type FlatFunction, type Runner } from "./body.ts";
import type { LoopOptions } from "./options.ts";
import { RecomputedLoop } from "./recomputed.ts";

/** A way to run a loop. */
export interface Way {
  /** Run `loop`, which returns results of its iterations. */
  all(loop: (runner: Runner) => readonly tf.Tensor[]): void;
}

/**
 * How to run a loop with the body `fn`. Call it before anything is made for the loop.
 */
export function runnerOf(fn: FlatFunction, options: LoopOptions): Way {
  const { compile = true, recompute = false } = options;
  const isPlain = !isNested() && activeLevels().length === 0;
  if (recompute && isRecording() && isPlain) {
    const recomputed = new RecomputedLoop(fn);
    return { all: (loop) => recomputed.record(() => loop(recomputed)) };
  }
  return {
    all(loop) {
      const body = new Body(fn, compile);
      try {
        loop(body);
      } finally {
        body[Symbol.dispose]();
      }
    },
  };
}
