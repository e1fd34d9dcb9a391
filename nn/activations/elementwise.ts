/**
 * The base of activations: modules that apply a function to each element, or along an
 * axis.
 *
 * @module
 */
import type * as tf from "../../tf.ts";
import { SameRank } from "../module/same_rank.ts";
import { checkInput } from "../module/size.ts";
import { checkArguments, type WithArguments } from "./arguments.ts";

/** What the modules of a class apply. */
interface Applied {
  readonly fn: (x: tf.Tensor, ...args: readonly unknown[]) => tf.Tensor;
  /** The name under which the rules of the arguments stand, if it takes any. */
  readonly rules: WithArguments | undefined;
}

const APPLIED = new Map<unknown, Applied>();

/**
 * An activation function as a module.
 *
 * @typeParam T The rank of input and output.
 * @typeParam A The arguments of the function after `x`.
 */
export abstract class Elementwise<
  T extends tf.Tensor = tf.Tensor,
  A extends readonly unknown[] = [],
> extends SameRank<T> {
  /** The arguments of the function after `x`, as given. */
  readonly args: A;

  /**
   * Keep the arguments of the function.
   *
   * @param args Those after `x`; the defaults are the function's.
   */
  constructor(...args: A) {
    super();
    checkArguments(
      appliedBy(new.target)?.rules,
      args,
      `create ${new.target.name}`,
    );
    this.args = args;
  }

  /** Any shape to the same. */
  override update(x: T): T {
    checkInput(this.constructor.name, x, []);
    return appliedBy(this.constructor)!.fn(x, ...this.args) as T;
  }
}

/** What the nearest class applies, from `Class` upwards. */
function appliedBy(Class: unknown): Applied | undefined {
  while (Class && !APPLIED.has(Class)) Class = Object.getPrototypeOf(Class);
  return APPLIED.get(Class);
}

/** Lets modules of `Class` apply `fn`, whose arguments keep to `rules`. */
export function applies<C extends new (...args: never) => unknown>(
  Class: C,
  fn: (x: tf.Tensor, ...args: ConstructorParameters<C>) => tf.Tensor,
  rules?: WithArguments,
): void {
  APPLIED.set(Class, { fn: fn as Applied["fn"], rules });
}
