/**
 * How layers make their parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import type { Initializer } from "../init/mod.ts";

/**
 * A parameter of `shape`, made by `init`.
 *
 * @throws {RangeError} If `init` makes another shape.
 */
export function param<T extends tf.Tensor>(
  name: string,
  init: Initializer,
  shape: T["shape"],
  random?: RandomState,
): ParamState<T> {
  return scope(() => {
    const value = init.init(shape, random);
    if (!tf.util.arraysEqual(value.shape, shape)) {
      throw new RangeError(
        `Cannot initialize ${name}: the shape must be [${shape}]: current value is [${value.shape}]`,
      );
    }
    return new ParamState(value as T, { name });
  });
}
