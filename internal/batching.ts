/**
 * Tensors that stand for one of each example, while `vmap` runs a function. Internal.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { isLocal, track } from "../memory.ts";
import { engine, setDisposed } from "./engine.ts";

/** One call of `vmap`: its examples. */
export interface Level {
  /** How many there are. */
  readonly size: number;
}

const active: Level[] = [];

/** The calls of `vmap` whose functions are running, outermost first. */
export function activeLevels(): readonly Level[] {
  return active;
}

/** Runs `fn` inside of a call of `vmap`; it may be inside already. */
export function inLevel<T>(level: Level, fn: () => T): T {
  if (active.includes(level)) return fn();
  active.push(level);
  try {
    return fn();
  } finally {
    active.pop();
  }
}

/**
 * A tensor of the shape of one example, for all of them: `all` is `[examples, ...shape]`.
 * Inside of several calls of `vmap`, `all` is such a tensor of an outer one itself.
 */
export class Batched extends tf.Tensor {
  /** The call of `vmap` whose examples it has. */
  readonly level: Level;
  /** The values of all examples. */
  readonly all: tf.Tensor;
  #owns: boolean;

  /** tfjs takes any tensor for an instance of a class of tensors. */
  static override [Symbol.hasInstance](x: unknown): boolean {
    return typeof x === "object" && x !== null && #owns in x;
  }

  /** The tensor of one example, which owns `all` if `owns` says so. */
  constructor(all: tf.Tensor, level: Level, owns: boolean) {
    const id = engine().nextTensorId();
    super(all.shape.slice(1), all.dtype, {}, id);
    this.all = all;
    this.level = level;
    this.#owns = owns;
    // There are no values by which it could be read.
    Object.defineProperty(this, "dataId", { get: refuseValues });
  }

  /** Frees the values of all examples. */
  override dispose(): void {
    if (this.isDisposed) return;
    setDisposed(this, true);
    if (this.#owns) this.all.dispose();
  }

  /** The values of all examples, owned by the open scope or the caller. */
  take(): tf.Tensor {
    if (!this.#owns || !isLocal(this)) return tf.clone(this.all);
    this.#owns = false;
    this.all.kept = false;
    track(this.all);
    return this.all;
  }
}

function refuseValues(): never {
  throw new Error(
    "Cannot read a tensor inside of vmap: it stands for one of each example, so that neither JavaScript nor a kernel without a rule for vmap can have its values",
  );
}

/** `all`, which the result owns, as a tensor of one example of `level`. */
export function wrap(all: tf.Tensor, level: Level): tf.Tensor {
  all.kept = true;
  return track(new Batched(all, level, true));
}

/** As {@linkcode wrap}, for tensors that somebody else frees. */
export function wrapBorrowed(all: tf.Tensor, level: Level): tf.Tensor {
  return track(new Batched(all, level, false));
}

/** Whether `x` stands for one of each example of `level`. */
export function isBatchedAt(x: unknown, level: Level): x is Batched {
  return x instanceof Batched && x.level === level;
}

/** The innermost level that one of `tensors` has examples of. */
export function innermost(tensors: readonly unknown[]): Level | undefined {
  let found = -1;
  for (const x of tensors) {
    if (!(x instanceof Batched)) continue;
    const index = active.indexOf(x.level);
    if (index < 0) {
      throw new Error(
        "Cannot use a tensor of vmap: the function that it was made in must not have returned",
      );
    }
    if (index > found) found = index;
  }
  return active[found];
}

/** `x` as often as there are examples, along a new first axis. */
export function repeated(x: tf.Tensor, size: number): tf.Tensor {
  return tf.tile(
    tf.reshape(x, [1, ...x.shape]),
    [size, ...x.shape.map(() => 1)],
  );
}

/** `x` with examples at each of `levels`: repeated where it has none. */
export function lift(x: tf.Tensor, levels: readonly Level[]): tf.Tensor {
  const level = levels.at(-1);
  if (!level) return x;
  const outer = levels.slice(0, -1);
  if (isBatchedAt(x, level)) {
    const all = lift(x.all, outer);
    return all === x.all ? x : wrap(all, level);
  }
  const one = lift(x, outer);
  return wrap(repeated(one, level.size), level);
}

/** Whether `x` has examples at each of `levels`. */
export function isFull(x: tf.Tensor, levels: readonly Level[]): boolean {
  return levels.toReversed().every((level) => {
    if (!isBatchedAt(x, level)) return false;
    x = x.all;
    return true;
  });
}

/**
 * The tensor that the tape knows for `x`, which has examples at each of `levels`: their
 * axes come first, the outermost before.
 */
export function onTape(x: tf.Tensor, levels: readonly Level[]): tf.Tensor {
  for (const _ of levels) x = (x as Batched).all;
  return x;
}

/** What {@linkcode onTape} gives, as a tensor of one example; it owns `x`. */
export function offTape(x: tf.Tensor, levels: readonly Level[]): tf.Tensor {
  for (const level of levels) x = wrap(x, level);
  return x;
}

/**
 * What `make` makes of the shape of all examples, as a tensor of one example. It runs as if
 * outside of `vmap`.
 */
export function perExample(
  shape: readonly number[],
  make: (shape: number[]) => tf.Tensor,
): tf.Tensor {
  const levels = active.splice(0);
  let all: tf.Tensor;
  try {
    all = make([...levels.map(({ size }) => size), ...shape]);
  } finally {
    active.push(...levels);
  }
  return offTape(all, levels);
}
