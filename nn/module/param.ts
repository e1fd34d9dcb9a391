/**
 * How layers create their parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, listOf, tensor } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import { type Initializer, initializer } from "../init/initializer.ts";

/**
 * A parameter of the given shape, with a value from an initializer.
 *
 * @example A layer with a learned scale
 * ```ts
 * import { nn, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * class Scale extends nn.Module {
 *   readonly weight = nn.param<tf.Tensor1D>("Scale.weight", new nn.init.One(), [3]);
 *   override update(x: tf.Tensor2D): tf.Tensor2D {
 *     return tf.mul(x, this.weight.value);
 *   }
 * }
 *
 * await useBackend("cpu");
 * assertEquals(new Scale().call(tf.ones([2, 3])).shape, [2, 3]);
 * ```
 *
 * @typeParam T The rank of the parameter.
 * @param name The name of the parameter in errors.
 * @param init The initializer.
 * @param shape The shape.
 * @param random Where the initializer draws from. Default: the default stream.
 * @throws {RangeError} If `init` returns another shape.
 */
export function param<T extends tf.Tensor>(
  name: string,
  init: Initializer,
  shape: T["shape"],
  random?: RandomState,
): ParamState<T> {
  const action = `initialize ${name}`;
  check(action, "init", init, initializer);
  check(action, "shape", shape, listOf("a nonnegative integer"));
  return scope(() => {
    const value = init.init(shape, random);
    check(action, "the value", value, tensor);
    if (!tf.util.arraysEqual(value.shape, shape)) {
      throw new RangeError(
        `Cannot ${action}: the shape must be [${shape}]: current value is [${value.shape}]`,
      );
    }
    return new ParamState(value as T, { name });
  });
}
