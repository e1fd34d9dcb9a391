/**
 * A function that runs once, and is differentiated as often as wanted.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  activeLevels,
  isFull,
  type Level,
  lift,
  offTape,
  onTape,
} from "../internal/batching.ts";
import { engine, type TapeNode } from "../internal/engine.ts";
import { backward, dependents } from "./backward.ts";
import { record } from "./tape.ts";

/**
 * The tape of a function, kept with what it has saved.
 *
 * `pullback` is the backward pass. `pushforward` is the backward pass of the backward
 * pass: the gradients `Jᵀ u` are linear in the gradient `u` of the value, so their own
 * gradient in `u`, for `v` in their place, is `J v`. Whatever does not depend on `u`,
 * such as the slopes of nonlinear operations, is computed once and saved.
 *
 * Inside of an outer gradient the outer tape owns what is saved, and products can be
 * differentiated.
 */
export class RetainedTape {
  /** The value of the function, owned by whoever made the tape. */
  readonly value: tf.Tensor;
  /** The inputs and the value as the tape knows them; no value, if it is independent. */
  readonly #xs: readonly tf.Tensor[];
  readonly #y: tf.Tensor | undefined;
  readonly #levels: readonly Level[];
  readonly #forward: readonly TapeNode[];
  readonly #isOutermost: boolean;
  #linear: Linear | undefined;

  /**
   * Runs `fn`.
   *
   * @param fn Computes a new tensor from `xs`.
   * @param xs The inputs: the same tensor objects that `fn` reads. Inside of vmap they
   * differ by example.
   */
  constructor(fn: () => tf.Tensor, xs: readonly tf.Tensor[]) {
    const levels = [...activeLevels()];
    this.#isOutermost = engine().state.gradientDepth === 0;
    this.#levels = levels;
    this.#xs = xs.map((x) => onTape(x, levels));
    // Recorded as nested, so that what is saved lets gradients be differentiated.
    const { result, nodes } = recorded(() => record(fn), this.#xs);
    this.value = result;
    this.#y = isFull(result, levels) ? onTape(result, levels) : undefined;
    this.#forward = nodes;
  }

  /** How many numbers the operations have made together. */
  get size(): number {
    return this.#forward.reduce(
      (sum, { outputs }) => outputs.reduce((n, { size }) => n + size, sum),
      0,
    );
  }

  /** `Jᵀ dy`, in each input; null where the value does not depend on it. */
  pullback(dy: tf.Tensor): (tf.Tensor | null)[] {
    this.#expectSame();
    let grads: (tf.Tensor | null)[] = [];
    tf.tidy(() => {
      const seed = onTape(lift(tf.clone(dy), this.#levels), this.#levels);
      grads = this.#backward(tf.clone(seed))
        .map((grad) => grad && offTape(grad, this.#levels));
      return grads.filter((x) => x !== null);
    });
    return grads;
  }

  /** The gradients that the tape knows. */
  #backward(dy: tf.Tensor): (tf.Tensor | null)[] {
    if (!this.#y) return this.#xs.map(() => null);
    return backward(this.#forward, this.#xs, { ys: [this.#y], dys: [dy] });
  }

  /** `J v`, for tangents `v` in each input, where null counts as zeros. */
  pushforward(tangents: readonly (tf.Tensor | null)[]): tf.Tensor {
    this.#expectSame();
    const { u, nodes, grads } = this.linearize();
    this.#expectSaved(nodes);
    return tf.tidy(() => {
      const ys: tf.Tensor[] = [], dys: tf.Tensor[] = [];
      grads.forEach((g, i) => {
        const v = tangents[i];
        if (!g || !v) return;
        ys.push(g);
        dys.push(tf.clone(onTape(lift(v, this.#levels), this.#levels)));
      });
      const [product] = backward(nodes, [u], { ys, dys });
      return product
        ? offTape(product, this.#levels)
        : tf.zeros(this.value.shape);
    });
  }

  /** Records the backward pass, which products with tangents need. */
  linearize(): Linear {
    if (this.#linear) return this.#linear;
    this.#expectSaved(this.#forward);
    const u = tf.keep(tf.zeros((this.#y ?? this.value).shape));
    try {
      let grads: (tf.Tensor | null)[] = [];
      const { nodes } = recorded(() => {
        tf.tidy(() => {
          grads = this.#backward(u);
        });
      }, [u]);
      return this.#linear = { u, nodes, grads };
    } finally {
      u.dispose(); // The tape knows it by its number.
    }
  }

  /** Throws inside of other calls of vmap than those that the function ran in. */
  #expectSame(): void {
    const levels = activeLevels();
    const isSame = this.#levels.every((level, i) => levels[i] === level) &&
      (this.#levels.length === 0 || levels.length === this.#levels.length);
    if (isSame) return;
    throw new Error(
      "Cannot differentiate: products with the Jacobian of a function that was run inside of vmap must be taken in the same call of vmap",
    );
  }

  /** Frees what was saved for `pullback`, once `linearize` has been called. */
  disposeForward(): void {
    if (this.#isOutermost) disposeSaved(this.#forward);
  }

  /** Frees all that was saved. */
  dispose(): void {
    this.disposeForward();
    if (this.#isOutermost && this.#linear) disposeSaved(this.#linear.nodes);
  }

  #expectSaved(nodes: readonly TapeNode[]): void {
    const isGone = nodes.some(({ saved }) => saved?.some((x) => x.isDisposed));
    if (!isGone) return;
    throw new Error(
      `Cannot differentiate: what was saved must not have been disposed: ${
        this.#isOutermost
          ? "dispose() has been called"
          : "the gradient around it, which owns that, has ended"
      }`,
    );
  }
}

/** The backward pass as a linear function of the gradient `u` in the value. */
interface Linear {
  readonly u: tf.Tensor;
  /** The operations that depend on `u`. */
  readonly nodes: readonly TapeNode[];
  /** The gradient in each input; null where the value does not depend on it. */
  readonly grads: readonly (tf.Tensor | null)[];
}

/** The result of `fn`, and the operations that depend on `xs`, with what they saved. */
function recorded<T>(
  fn: () => T,
  xs: readonly tf.Tensor[],
): { result: T; nodes: readonly TapeNode[] } {
  const { state } = engine();
  const isOutermost = state.gradientDepth === 0;
  const outer = state.activeTape;
  let nodes: readonly TapeNode[] = [];
  engine().startTape();
  try {
    const result = fn();
    nodes = dependents(state.activeTape ?? [], xs).nodes;
    return { result, nodes };
  } finally {
    engine().endTape();
    if (isOutermost) {
      const kept = new Set(nodes);
      disposeSaved((state.activeTape ?? []).filter((node) => !kept.has(node)));
      state.activeTape = outer;
    }
  }
}

function disposeSaved(nodes: readonly TapeNode[]): void {
  for (const { saved } of nodes) saved?.forEach((x) => x.dispose());
}
