/**
 * {@linkcode compile}: functions of tensors and states, recorded once and replayed.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { currentBackend } from "./backend/backends.ts";
import { isAlike, keyOf, tensorsIn } from "./backend/replay/arguments.ts";
import { Kind } from "./backend/replay/kind.ts";
import type { Refusal } from "./backend/replay/program.ts";
import {
  callable,
  check,
  checkOptions,
  either,
  oneOf,
  type OptionRules,
} from "./internal/check.ts";
import { areKernelsWatched, isRecording } from "./internal/engine.ts";
import { frames } from "./internal/frames.ts";
import { isThenable, mapTensors } from "./memory.ts";
import { recording, stagesOf } from "./internal/recording.ts";
import { userLine } from "./internal/user_line.ts";

/** Options of {@linkcode compile}. */
export interface CompileOptions {
  /**
   * What to do when calls cannot be replayed: nothing, a warning on the console, an
   * error, or a function of the reason. It is done once for each kind of arguments.
   *
   * @default {"warn"}
   */
  readonly onFallback?:
    | "ignore"
    | "warn"
    | "throw"
    | ((reason: string) => void);
  /**
   * How many programs to keep, one for each kind of arguments; the one used longest
   * ago is freed first.
   *
   * @default {8}
   */
  readonly programs?: number;
}

const RULES: OptionRules<CompileOptions> = {
  onFallback: either(callable, oneOf("ignore", "warn", "throw")),
  programs: "a positive integer",
};

/** What a compiled function has done so far. */
export interface CompileReport {
  /** Calls that were replayed, as a whole or in part. */
  readonly replayed: number;
  /** Calls that ran the function as it is, those that were recorded included. */
  readonly eager: number;
  /** The programs that there are. */
  readonly programs: readonly ProgramReport[];
  /** Why calls could not be replayed, the last reason; undefined if all could. */
  readonly reason: string | undefined;
}

/** A program of a compiled function. */
export interface ProgramReport {
  /** Bytes of memory for temporaries, arguments and constants. */
  readonly bytes: number;
  /** How many operations each run performs. */
  readonly operations: number;
  /** The names of those that JavaScript performs rather than the backend. */
  readonly inJavaScript: readonly string[];
}

/** A function that is replayed where that is possible. */
export interface Compiled<A extends readonly unknown[], R> {
  /** Call the function. */
  (...args: A): R;
  /** What calls have done so far. */
  report(): CompileReport;
  /** Free the memory of the programs; later calls record again. */
  dispose(): void;
  /** As {@linkcode Compiled.dispose}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * The function that does what `fn` does, with the same bits, and without its costs:
 * two calls run `fn` and record what it asks of the backend; later calls replay that
 * list, with no tape, no intermediate tensors and no allocation.
 *
 * `fn` may read and write states, take gradients, step optimizers and draw random
 * numbers. Tensors among its arguments are inputs. Everything else that it depends on
 * is either live or part of the key that a program is found by:
 *
 * | live | part of the key |
 * | --- | --- |
 * | states, optimizer slots, step counts, learning rates, random streams | shapes and dtypes, other arguments, settings of `environ`, plain values in states, frozen parameters |
 *
 * What it returns is new, and the caller's. Where a call cannot be replayed, `fn` is
 * run as it is: on the cpu backend; if it reads values, keeps tensors, or
 * computes with complex numbers; if its recordings differ. Inside of `grad`, or of
 * another compiled function, it always runs as it is. Of a training step of
 * `train.step` whose optimizer computes on the host, the gradient is replayed alone.
 *
 * A number of JavaScript that `fn` computes with, and that changes **later**, cannot be
 * noticed at once: the program has the old one. Two recordings are compared at first;
 * replays 16, 64, 256 and so on run `fn` again and compare. Hold such numbers in
 * states, or pass them as arguments.
 *
 * On WebGPU a replay is one submit of commands, bind groups and buffers that are there
 * already. tfjs computes what is small and not on the device yet on the CPU; a compiled
 * function computes it on the device, where exp(x) or 1/x may differ in the last bit.
 *
 * @example A training step
 * ```ts
 * import { compile, nn, optim, ParamState, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * const model = new nn.Linear(2, 1);
 * const optimizer = new optim.Adam({ lr: 0.1 })
 *   .registerTrainableWeights(model.states(ParamState));
 * using step = compile(train.step(
 *   (x: tf.Tensor2D, y: tf.Tensor2D) =>
 *     tf.mean<tf.Scalar>(tf.squaredDifference(model.call(x), y)),
 *   optimizer,
 * ));
 * const x = tf.tensor2d([[0, 1], [1, 0]]), y = tf.tensor2d([[1], [2]]);
 * for (let i = 0; i < 10; i++) step(x, y).dispose();
 * assertEquals([step.report().eager, step.report().replayed], [2, 8]);
 * ```
 *
 * @typeParam A The arguments.
 * @typeParam R What is returned: tensors and plain data.
 * @param fn The function; must not return a promise.
 * @param options See {@linkcode CompileOptions}.
 * @returns The compiled function.
 * @throws {TypeError} If `fn` returns a promise.
 */
export function compile<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  check("compile", "the function", fn, callable);
  checkOptions("compile", options, RULES);
  const compiled = new CompiledFunction(fn, options);
  const dispose = () => compiled.dispose();
  return Object.assign((...args: A) => compiled.call(args), {
    report: () => compiled.report(),
    dispose,
    [Symbol.dispose]: dispose,
  });
}

function refusePromise<R>(value: R): R {
  if (!isThenable(value)) return value;
  throw new TypeError(
    "Cannot call the compiled function: it must not return a promise",
  );
}

class CompiledFunction<A extends readonly unknown[], R> {
  readonly #fn: (...args: A) => R;
  readonly #stages: ReturnType<typeof stagesOf>;
  readonly #options: CompileOptions;
  /** By arguments; the one used last is at the end. */
  readonly #kinds = new Map<string, Kind[]>();
  #recent: Kind | undefined;
  /** The first stage of the function, which is replayed if the whole cannot be. */
  #first: CompiledFunction<readonly unknown[], unknown> | undefined;
  #replayed = 0;
  #eager = 0;
  #reason: string | undefined;

  constructor(fn: (...args: A) => R, options: CompileOptions) {
    this.#fn = (...args) => refusePromise(fn(...args));
    this.#stages = stagesOf(fn);
    this.#options = options;
  }

  call(args: A): R {
    // Whoever records or differentiates must see the operations themselves.
    const isSeen = frames.open.some((frame) => !frame.allowsReplays);
    if (recording.now || isSeen || isRecording() || areKernelsWatched()) {
      return this.#fn(...args);
    }
    const record = currentBackend()?.record;
    if (!record) {
      const reason = `the backend is ${tf.getBackend()}, which cannot replay`;
      this.#tell({ reason, stack: "" });
      return this.#runEagerly(args);
    }
    const kind = this.#find(args);
    if (kind.refusal) return this.#runInStages(args);
    const readiness = kind.program?.check() ?? "outdated";
    const mustBeUndone = frames.open.length > 0;
    if (mustBeUndone && kind.program?.canBeUndone === false) {
      return this.#runEagerly(args);
    }
    if (readiness === "ready" && !kind.countReplay()) {
      this.#replayed++;
      return kind.program!.run(tensorsIn(args)) as R;
    }
    if (readiness === "eager") return this.#runEagerly(args);
    if (readiness === "outdated" && kind.program) kind.forget();
    const { value, recorded } = record(this.#fn, args);
    this.#eager++;
    if (recorded) kind.learn(recorded);
    if (!kind.refusal) return value;
    try {
      const what = this.#stages ? "compile all of it" : "compile";
      this.#tell(kind.refusal, what);
    } catch (error) {
      tf.dispose(value as tf.TensorContainer);
      throw error;
    }
    return value;
  }

  #tell({ reason, stack }: Refusal, what = "compile"): void {
    const isKnown = this.#reason === reason;
    this.#reason = reason;
    const { onFallback = "warn" } = this.#options;
    if (isKnown || onFallback === "ignore") return;
    const line = userLine(stack);
    const message = `Cannot ${what}: ${reason}${line && ` (at ${line})`}`;
    if (onFallback === "throw") throw new Error(message);
    if (onFallback === "warn") console.warn(message);
    else onFallback(message);
  }

  /** Replay the first stage of the function alone, if it has stages. */
  #runInStages(args: A): R {
    const stages = this.#stages;
    if (!stages) return this.#runEagerly(args);
    this.#first ??= new CompiledFunction(stages.first, {
      ...this.#options,
      onFallback: "ignore",
    });
    const first = this.#first;
    return this.#asNew(args, () => stages.second(first.call(args), args) as R);
  }

  /** Run the function as it is. */
  #runEagerly(args: A): R {
    this.#eager++;
    return this.#asNew(args, () => this.#fn(...args));
  }

  /** What `fn` returns, which is new; the other tensors it makes are freed. */
  #asNew(args: A, fn: () => R): R {
    const given = new Set(tensorsIn(args));
    return tf.tidy(() =>
      mapTensors(
        fn(),
        (x) => x.kept || given.has(x) ? tf.clone(x) : x,
      ) as tf.TensorContainer
    ) as R;
  }

  #find(args: A): Kind {
    const recent = this.#recent;
    if (recent && isAlike(args, recent.args) && recent.isCurrent) {
      return recent;
    }
    const key = `${tf.getBackend()} ${keyOf(args)}`;
    const kinds = this.#kinds.get(key) ?? [];
    let kind = kinds.find(({ isCurrent }) => isCurrent);
    if (!kind) kinds.push(kind = new Kind(args));
    this.#kinds.delete(key);
    this.#kinds.set(key, kinds);
    this.#makeRoom(kind);
    return this.#recent = kind;
  }

  /** Free the programs used longest ago, if there are too many. */
  #makeRoom(next: Kind): void {
    const { programs = 8 } = this.#options;
    const others = this.#all().filter((kind) => kind.program && kind !== next);
    const excess = others.length + 1 - programs;
    for (const kind of others.slice(0, Math.max(0, excess))) kind.forget();
  }

  #all(): Kind[] {
    return [...this.#kinds.values()].flat();
  }

  report(): CompileReport {
    const programs = this.#all().flatMap(({ program }) =>
      program
        ? [{
          bytes: program.bytes,
          operations: program.operations,
          inJavaScript: program.inJavaScript,
        }]
        : []
    );
    const first = this.#first?.report();
    const isInPart = first !== undefined && first.reason === undefined;
    return {
      replayed: this.#replayed + (first?.replayed ?? 0),
      eager: this.#eager + (first?.eager ?? 0),
      programs: [...programs, ...first?.programs ?? []],
      reason: this.#reason && isInPart
        ? `${this.#reason}: only its first stage is replayed, such as the gradient of a training step`
        : this.#reason,
    };
  }

  dispose(): void {
    this.#first?.dispose();
    for (const kind of this.#all()) kind.forget();
    this.#kinds.clear();
    this.#recent = undefined;
  }
}
