/**
 * The loss along a line through the parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../../internal/check.ts";
import type { States } from "../../state.ts";
import { mapNamed, type Tensors } from "../../tensors.ts";
import type { LinePoint } from "./line_search.ts";

/** The loss at the present parameters, and its gradients by path. */
export interface Evaluation {
  /** The loss. */
  readonly value: tf.Tensor;
  /** Its gradients. */
  readonly grads: Tensors;
}

/**
 * Computes loss and gradients at the present parameters: what `valueAndGrad`
 * makes, or `grad` with `returnValue`. The caller disposes what it returns.
 */
export type Closure = () =>
  | Evaluation
  | readonly [grads: Tensors, value: tf.Tensor];

/** Computes at least the loss at the present parameters. */
export type LineFunction = Closure | (() => tf.Tensor);

/** Moves the parameters in one direction. */
export class Line {
  readonly #states: States;
  readonly #direction: Tensors;
  readonly #origin: Tensors;
  readonly #fn: LineFunction;

  /** Start from the values of `states`; the line takes over `direction`. */
  constructor(states: States, direction: Tensors, fn: LineFunction) {
    this.#states = states;
    this.#direction = direction;
    this.#origin = mapNamed(direction, (_, p) => tf.clone(states[p]!.value));
    this.#fn = fn;
  }

  /** The derivative of the loss in this direction. */
  async slope(grads: Tensors): Promise<number> {
    const direction = this.#direction;
    const slope = tf.tidy(() =>
      tf.addN(
        Object.keys(direction).map((path) =>
          tf.sum(tf.mul(grads[path]!, direction[path]!))
        ),
      )
    );
    const number = await numberOf(slope);
    slope.dispose();
    return number;
  }

  /** Move the parameters to `origin + alpha direction`. */
  goTo(alpha: number): void {
    tf.tidy(() => {
      for (const [path, origin] of Object.entries(this.#origin)) {
        const way = tf.mul(this.#direction[path]!, alpha);
        // Zero times infinity would not lead back to the origin.
        this.#states[path]!.value = alpha === 0 ? origin : tf.add(origin, way);
      }
    });
  }

  /** Move there, and look at the loss; the slope is NaN where it is unknown. */
  async at(alpha: number): Promise<LinePoint> {
    this.goTo(alpha);
    const result = this.#fn();
    if (result instanceof tf.Tensor) {
      const value = await numberOf(result);
      result.dispose();
      return { alpha, value, slope: NaN };
    }
    const { value, grads } = evaluationOf("search along a line", result);
    const point = {
      alpha,
      value: await numberOf(value),
      slope: await this.slope(grads),
    };
    value.dispose();
    disposeAll(grads);
    return point;
  }

  /** Free what the line holds; the parameters stay where they are. */
  dispose(): void {
    disposeAll(this.#direction);
    disposeAll(this.#origin);
  }
}

/** Dispose each of `tensors`. */
export function disposeAll(tensors: Tensors): void {
  for (const x of Object.values(tensors)) x.dispose();
}

/** The one number of `x`. */
export async function numberOf(x: tf.Tensor): Promise<number> {
  return (await x.data())[0]!;
}

/** The result of a closure, in one form; `action` is what an error says cannot be done. */
export function evaluationOf(action: string, result: unknown): Evaluation {
  const { value, grads } = Array.isArray(result)
    ? { grads: result[0] as unknown, value: result[1] as unknown }
    : Object(result) as Partial<Record<keyof Evaluation, unknown>>;
  const holds = value instanceof tf.Tensor && value.size === 1 &&
    typeof grads === "object" && grads !== null &&
    !(grads instanceof tf.Tensor);
  if (holds) return { value, grads: grads as Tensors };
  const is =
    "[gradients, loss] or { value, grads }, as of autodiff.grad with returnValue";
  return refuse(action, "what the function returns", is, result, TypeError);
}
