/**
 * The check of modules.
 *
 * @module
 */
import { check, instanceOf } from "../../internal/check.ts";
import { Module } from "./module.ts";

const rule = instanceOf(Module, "a module");

/** Throws unless `x` is a module. */
export function checkModule(action: string, x: unknown): void {
  check(action, "model", x, rule);
}
