/**
 * What initializers return, checked.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, tensor } from "../../internal/check.ts";
import type { RandomState } from "../../random.ts";
import type { Initializer } from "../init/initializer.ts";

/** What `init` returns, if it is a tensor of `shape`. */
export function initialValue<T extends tf.Tensor>(
  name: string,
  init: Initializer,
  shape: T["shape"],
  random?: RandomState,
): T {
  const action = `initialize ${name}`;
  const value = init.init(shape, random);
  check(action, "the value", value, tensor);
  if (!tf.util.arraysEqual(value.shape, shape)) {
    throw new RangeError(
      `Cannot ${action}: the shape must be [${shape}]: current value is [${value.shape}]`,
    );
  }
  return value as T;
}
