/**
 * The hidden states of a whole model.
 *
 * @module
 */
import type { Module } from "./module.ts";
import { checkModule } from "./module_rule.ts";

/** A module with a state that lasts for a sequence. */
export interface Sequenced {
  /** Begins a sequence with `batch` examples. */
  initState(batch: number): void;
  /** Begins another sequence, by default with as many examples as before. */
  resetState(batch?: number): void;
}

function sequenced(module: Module): (Module & Sequenced)[] {
  checkModule("begin a sequence", module);
  return Object.values(module.modules()).filter(
    (child): child is Module & Sequenced =>
      "initState" in child && typeof child.initState === "function" &&
      "resetState" in child && typeof child.resetState === "function",
  );
}

/**
 * Begins a sequence in every cell of a model.
 *
 * @param module The model.
 * @param batch The number of examples.
 */
export function initState(module: Module, batch: number): void {
  for (const child of sequenced(module)) child.initState(batch);
}

/**
 * Begins another sequence in every cell of a model.
 *
 * @param module The model.
 * @param batch The number of examples. Default: as many as before.
 */
export function resetState(module: Module, batch?: number): void {
  for (const child of sequenced(module)) child.resetState(batch);
}
