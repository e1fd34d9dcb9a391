/**
 * A function that is recorded and replayed, with its programs.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { areKernelsWatched, isRecording } from "../../internal/engine.ts";
import { frames } from "../../internal/frames.ts";
import { metered } from "../../internal/metering.ts";
import { recording, stagesOf } from "../../internal/recording.ts";
import { userLine } from "../../internal/user_line.ts";
import { isThenable } from "../../memory.ts";
import { currentBackend } from "../backends.ts";
import { isAlike, keyOf, runOnce, tensorsIn } from "./arguments.ts";
import { Kind } from "./kind.ts";
import type { Record, Refusal } from "./program.ts";
import { recordWasm } from "./record_wasm.ts";

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

/** `value`, unless it is a promise. */
function refusePromise<R>(value: R): R {
  if (!isThenable(value)) return value;
  throw new TypeError(
    "Cannot call the compiled function: it must not return a promise",
  );
}

/**
 * What records calls on the current backend. That of WASM is here rather than with its
 * backend, so that pages which compile nothing need not load it.
 */
function recordOf(): Record | undefined {
  return tf.getBackend() === "wasm" ? recordWasm : currentBackend()?.record;
}

/** What `compile` makes of a function. */
export class CompiledFunction<A extends readonly unknown[], R> {
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

  /** Nothing is recorded before the first call. */
  constructor(fn: (...args: A) => R, options: CompileOptions) {
    this.#fn = (...args) => refusePromise(fn(...args));
    this.#stages = stagesOf(fn);
    this.#options = options;
  }

  /** Replay the function, record it, or run it as it is. */
  call(args: A): R {
    // Whoever records or differentiates must see the operations themselves.
    const isSeen = frames.open.some((frame) => !frame.allowsReplays);
    if (recording.now || isSeen || isRecording() || areKernelsWatched()) {
      return this.#fn(...args);
    }
    const record = recordOf();
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
      const { program } = kind;
      return metered("replay", () => program!.run(tensorsIn(args))) as R;
    }
    if (readiness === "excepted") return this.#runEagerly(args);
    if (readiness === "eager") {
      this.#reason = "a tensor outside shares the memory of a state it writes";
      return this.#runEagerly(args);
    }
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
    return runOnce(() => stages.second(first.call(args), args) as R, args);
  }

  /** Run the function as it is. */
  #runEagerly(args: A): R {
    this.#eager++;
    return runOnce(() => this.#fn(...args), args);
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

  /** What calls have done so far. */
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

  /** Free all programs. */
  dispose(): void {
    this.#first?.dispose();
    for (const kind of this.#all()) kind.forget();
    this.#kinds.clear();
    this.#recent = undefined;
  }
}
