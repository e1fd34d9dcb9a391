/**
 * Beginning sequences: hidden states of a whole model.
 *
 * @module
 */
import type { Module } from "./module.ts";

/** A module that remembers something during a sequence. */
export interface Sequenced {
  /** Begin a sequence with `batch` examples. */
  initState(batch: number): void;
  /** Begin another one, with as many examples as before unless `batch` says else. */
  resetState(batch?: number): void;
}

function sequenced(module: Module): (Module & Sequenced)[] {
  return Object.values(module.modules()).filter(
    (child): child is Module & Sequenced =>
      "initState" in child && typeof child.initState === "function" &&
      "resetState" in child && typeof child.resetState === "function",
  );
}

/**
 * Begin a sequence in every cell of a model.
 *
 * @param module The model.
 * @param batch How many examples run side by side.
 */
export function initState(module: Module, batch: number): void {
  for (const child of sequenced(module)) child.initState(batch);
}

/**
 * Begin another sequence in every cell of a model.
 *
 * @param module The model.
 * @param batch How many examples run side by side. Default: as many as before.
 */
export function resetState(module: Module, batch?: number): void {
  for (const child of sequenced(module)) child.resetState(batch);
}
