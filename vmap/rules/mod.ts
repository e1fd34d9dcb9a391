/**
 * The rules of all kernels that may be run inside of `vmap`.
 *
 * @module
 */
import type { Rules } from "./call.ts";
import { elementwise } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import { products } from "./products.ts";
import { reductions } from "./reductions.ts";
import { shapes } from "./shapes.ts";
import { windows } from "./windows.ts";

export { callOf } from "./call.ts";

let all: Rules | undefined;

/** The rules, by kernel; made when they are asked for, so that bundles can leave them out. */
export function rules(): Rules {
  return all ??= {
    ...elementwise(),
    ...indexing(),
    ...products(),
    ...reductions(),
    ...shapes(),
    ...windows(),
  };
}
