/**
 * The names of an optimizer's parameters, as types.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Tensors } from "../../tensors.ts";

/**
 * An optimizer whose parameters have the names `K`; of names that are known at run
 * time only, `K` is `string`.
 *
 * @typeParam K The names.
 */
export interface Registered<K extends PropertyKey> {
  /** A type only: there is no such value. */
  readonly "~names"?: { readonly [P in K]: true };
}

/**
 * Gradients of the parameters of an optimizer, some of which may be missing: by any
 * path, if the names of the parameters are not known.
 *
 * @typeParam S The optimizer.
 */
export type GradientsOf<S> = S extends
  { readonly "~names"?: infer N extends object }
  ? string extends keyof N ? Tensors : { readonly [P in keyof N]?: tf.Tensor }
  : Tensors;
