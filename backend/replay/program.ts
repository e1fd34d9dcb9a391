/**
 * What a backend that can replay provides: recordings, and programs made of them.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";

/** Whether a program can be run on the states as they are now. */
export type Readiness =
  /** It can. */
  | "ready"
  /** Not this time: somebody shares a tensor that it would overwrite. */
  | "eager"
  /** Not this time: this call does something else. */
  | "excepted"
  /** Never again: shapes, values or frozen parameters have changed. */
  | "outdated";

/** A recorded function that can be run again. */
export interface Program {
  /** Bytes of memory for temporaries, arguments and constants. */
  readonly bytes: number;
  /** How many operations each run performs. */
  readonly operations: number;
  /** The names of those that JavaScript performs rather than the backend. */
  readonly inJavaScript: readonly string[];
  /** Whether a transaction can take back all that a run writes. */
  readonly canBeUndone: boolean;
  /** Whether it can be run now. */
  check(): Readiness;
  /** Run it on tensors of the recorded shapes; what it returns is the caller's. */
  run(args: readonly tf.Tensor[]): unknown;
  /** Free its memory. */
  dispose(): void;
}

/** What one call of a function did. */
export interface Recorded {
  /** Settings of the environment that were read from the caller's contexts. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** How `later`, another call of the function, differs; undefined if it does not. */
  differenceFrom(later: Recorded): string | undefined;
  /** The program that does the same. The recording must not be released before. */
  build(): Program;
  /** Let go of the tensors that were captured. */
  release(): void;
}

/** Why a call cannot be replayed. */
export interface Refusal {
  /** The reason, as in `"it reads values"`. */
  readonly reason: string;
  /** The stack when it was found. */
  readonly stack: string;
}

/**
 * Run a function as usual, and record what it does; nothing is recorded of a call that
 * a guard has ended, or that is not as others are.
 */
export type Record = <A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
) => {
  readonly value: R;
  readonly recorded: Recorded | Refusal | "excepted" | undefined;
};

/** The programs that hold memory of a backend. */
const programs = new Set<Program>();

/** Remember a program until it is disposed of. */
export function addProgram(program: Program): void {
  programs.add(program);
}

/** Forget a program, which has freed its memory. */
export function removeProgram(program: Program): void {
  programs.delete(program);
}

/** Free the memory of all programs: their backend is about to end. */
export function disposePrograms(): void {
  for (const program of [...programs]) program.dispose();
}
