/**
 * States: objects that hold the values which last from one step to the next.
 *
 * The class of a state is the kind of value that it holds (`ParamState` a parameter,
 * `BatchState` a running statistic, ...). Filters select by it; all classes work the
 * same.
 *
 * @module
 */
import "./internal/dispose.ts";
import * as tf from "@tensorflow/tfjs-core";
import {
  check,
  checkOptions,
  iterable,
  type OptionRules,
  string,
  tensor,
} from "./internal/check.ts";
import { mapNamed, type Named } from "./tensors.ts";
import { release } from "./memory.ts";
import { frames } from "./internal/frames.ts";
import { recording } from "./internal/recording.ts";
import { showAs, shown } from "./internal/shown.ts";

/** Options of a {@linkcode State}. */
export interface StateOptions {
  /** The name of the state in errors. Default: its class. */
  readonly name?: string;
  /** Tags that filters select by. Default: none. */
  readonly tags?: Iterable<string>;
}

const RULES: OptionRules<StateOptions> = { name: string, tags: iterable };

/**
 * Holds one value, and owns it if it is a tensor.
 *
 * The state keeps a clone of the tensor it is given (a clone shares memory), and frees
 * the clone when the state is written: the caller still owns the tensor itself, and
 * frees it or creates it inside a {@linkcode scope}. The tensor that `value` returns
 * is valid until the state is written; `tf.clone` it to keep it longer.
 *
 * A value that is not a tensor is held as it is, and must not be mutated.
 *
 * @example Usage
 * ```ts
 * import { scope, State, tf, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * using count = scope(() => new State(tf.scalar(1)));
 * scope(() => {
 *   count.value = tf.add(count.value, 1);
 * });
 * assertEquals([...await count.value.data()], [2]);
 * ```
 *
 * @typeParam T The type of the value.
 */
export class State<T = tf.Tensor> {
  /** The name of the state in errors. */
  readonly name: string;
  /** Tags that filters select by. */
  readonly tags: ReadonlySet<string>;
  /** The number of the last frame that is older than this state. */
  readonly #born: number;
  #value: T;
  #disposed = false;

  /**
   * Hold a value.
   *
   * @param value The value; a tensor is cloned.
   * @param options See {@linkcode StateOptions}.
   * @throws {TypeError} If `value` is a state.
   */
  constructor(value: T, options: StateOptions = {}) {
    checkOptions(`create ${new.target.name}`, options, RULES);
    this.name = options.name ?? new.target.name;
    this.tags = new Set(options.tags);
    this.#born = frames.latest;
    refuseState(`create ${this.name}`, value);
    this.#value = own(value);
  }

  /** The current value; a write must have the same shape and dtype. */
  get value(): T {
    this.#alive("read");
    for (const frame of frames.since(this.#born)) {
      frame.noteRead(this, this.#value);
    }
    frames.observer?.add(this);
    recording.now?.read(this, this.#value);
    return this.#value;
  }

  set value(next: T) {
    this.#alive("write");
    refuseState(`write ${this.name}`, next);
    checkAlike(`write ${this.name}`, this.#value, next);
    this.#write(next);
  }

  /**
   * Writes a value that may have another shape or dtype.
   *
   * @param next The new value.
   */
  replace(next: T): void {
    this.#alive("write");
    refuseState(`write ${this.name}`, next);
    this.#write(next);
  }

  /** The sizes of the tensor's axes. */
  get shape(): number[] {
    return this.#tensor("shape").shape;
  }

  /** The type of the tensor's elements. */
  get dtype(): tf.DataType {
    return this.#tensor("dtype").dtype;
  }

  /** The number of elements of the tensor. */
  get size(): number {
    return this.#tensor("size").size;
  }

  /** Whether the value has been freed. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** Frees the value; reading or writing it afterwards throws. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#value instanceof tf.Tensor) release(this.#value);
  }

  /** As {@linkcode State.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #alive(action: string) {
    if (this.#disposed) {
      throw new Error(`Cannot ${action} ${this.name}: it has been disposed`);
    }
  }

  #tensor(what: string): tf.Tensor {
    this.#alive("read");
    if (this.#value instanceof tf.Tensor) return this.#value;
    throw new TypeError(
      `Cannot read the ${what} of ${this.name}: it holds no tensor`,
    );
  }

  #write(next: T) {
    recording.now?.write(this);
    const old = this.#value;
    for (const frame of frames.since(this.#born)) frame.noteWrite(this, old);
    this.#value = own(next);
    const held = frames.since(this.#born).some((frame) => frame.holds(old));
    if (!held && old instanceof tf.Tensor) release(old);
  }

  static {
    frames.peek = (state) => (state as State<unknown>).#value;
    frames.poke = (state, value) => {
      (state as State<unknown>).#value = value;
    };
    frames.setDisposed = (state, isDisposed) => {
      (state as State<unknown>).#disposed = isDisposed;
    };
  }
}

/** A state of any kind and any value. */
export type AnyState = State<unknown>;

/** States by path, such as `"layers.0.weight"`. */
export type States<S extends AnyState = State> = Named<S>;

/** A state that lasts as long as its model, and is saved in checkpoints. */
export class LongTermState<T = tf.Tensor> extends State<T> {}

/** A state that lasts for a sequence or a batch, and is not saved. */
export class ShortTermState<T = tf.Tensor> extends State<T> {}

/** A tensor that training changes. */
export class ParamState<T extends tf.Tensor = tf.Tensor>
  extends LongTermState<T> {
  /**
   * Hold a tensor.
   *
   * @param value The tensor, which is cloned.
   * @param options See {@linkcode StateOptions}.
   */
  constructor(value: T, options: StateOptions = {}) {
    check(`create ${new.target.name}`, "the value", value, tensor);
    super(value, options);
  }

  /**
   * Whether optimizers leave the parameter as it is, from their next step on. Set by
   * `nn.freeze` and `nn.unfreeze`. Default: false.
   */
  get frozen(): boolean {
    recording.now?.frozen(this, this.#frozen);
    return this.#frozen;
  }

  set frozen(isFrozen: boolean) {
    this.#frozen = isFrozen;
  }

  #frozen = false;
}

/** A statistic accumulated over batches, such as a running mean. */
export class BatchState<T = tf.Tensor> extends LongTermState<T> {}

/** The state of a recurrent cell between time steps. */
export class HiddenState<T extends tf.Tensor = tf.Tensor>
  extends ShortTermState<T> {}

/**
 * The tensors that `states` hold, under the same names.
 *
 * @param states The states to read.
 * @returns Their tensors, which the states still own.
 */
export function values<T extends tf.Tensor>(
  states: States<State<T>>,
): Record<string, T> {
  return mapNamed(states, (state) => state.value);
}

/** A kept clone of a tensor, which no tidy frees; any other value as it is. */
function own<T>(value: T): T {
  return value instanceof tf.Tensor ? tf.keep(tf.clone(value)) as T : value;
}

function refuseState(action: string, value: unknown) {
  if (value instanceof tf.Tensor) check(action, "the value", value, tensor);
  if (value instanceof State) {
    throw new TypeError(
      `Cannot ${action}: the value must be a tensor or plain data: current value is a ${value.constructor.name}`,
    );
  }
}

function checkAlike(action: string, old: unknown, next: unknown) {
  if (!(old instanceof tf.Tensor)) {
    if (next instanceof tf.Tensor) {
      throw new TypeError(`Cannot ${action}: it holds no tensor`);
    }
    return;
  }
  if (!(next instanceof tf.Tensor)) {
    throw new TypeError(
      `Cannot ${action}: the value must be a tensor: current value is ${next}`,
    );
  }
  if (!tf.util.arraysEqual(old.shape, next.shape)) {
    throw new RangeError(
      `Cannot ${action}: the shape must be [${old.shape}]: current value is [${next.shape}]`,
    );
  }
  if (old.dtype !== next.dtype) {
    throw new TypeError(
      `Cannot ${action}: the dtype must be ${old.dtype}: current value is ${next.dtype}`,
    );
  }
}

/** Tensors of up to so many elements are shown with their values. */
const MOST_SHOWN = 64;

showAs(State, (state) => {
  const { name } = state.constructor;
  if (state.isDisposed) return `${name} (disposed)`;
  const frozen = state instanceof ParamState && state.frozen ? " (frozen)" : "";
  const value = frames.peek(state);
  if (!(value instanceof tf.Tensor)) return `${name} ${shown(value)}`;
  const kind = `${name}${frozen} ${value.dtype} [${value.shape.join(", ")}]`;
  const isSmall = value.size > 0 && value.size <= MOST_SHOWN;
  // A step that is being recorded must not read values; browsers with WebGPU cannot.
  if (!isSmall || recording.now) return kind;
  try {
    return `${kind} ${shown(value.arraySync())}`;
  } catch {
    return kind;
  }
});
