/**
 * How layers create their parameters.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { check, listOf } from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import { type Initializer, initializer } from "../init/initializer.ts";
import { initialValue } from "./initial_value.ts";

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
  check(`initialize ${name}`, "init", init, initializer);
  check(`initialize ${name}`, "shape", shape, listOf("a nonnegative integer"));
  return scope(() =>
    new ParamState(initialValue(name, init, shape, random), { name })
  );
}
