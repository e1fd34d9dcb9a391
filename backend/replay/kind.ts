/**
 * What is known of the calls of a compiled function with one kind of arguments.
 *
 * @module
 */
import { settingOf } from "../../environ.ts";
import { currentPrecision } from "../precision.ts";
import { type ArgumentKind, kindsOf } from "./arguments.ts";
import type { Program, Recorded, Refusal } from "./program.ts";

/** How often recordings of one kind of call may differ before it is given up. */
const MOST_TRIES = 4;

/** The first replay that is compared with a call of the function. */
const FIRST_COMPARED = 16;

/** What is known of calls with one kind of arguments and settings. */
export class Kind {
  /** The settings that the calls depend on. */
  settings: ReadonlyMap<string, unknown> = new Map();
  /** The program, once two recordings were equal. */
  program: Program | undefined;
  /** Why calls of this kind cannot be replayed, if they cannot. */
  refusal: Refusal | undefined;
  /** The kinds of the arguments, if all are tensors or no objects. */
  readonly args: readonly ArgumentKind[] | undefined;
  readonly #precision = currentPrecision();
  #recorded: Recorded | undefined;
  #tries = 0;
  /** Calls before the first recording of which nothing was recorded. */
  #excepted = 0;
  #replays = 0;
  #nextCompared = FIRST_COMPARED;

  /** Know nothing yet of calls with arguments like these. */
  constructor(args: readonly unknown[]) {
    this.args = kindsOf(args);
  }

  /** Whether the environment has the settings, and products the precision. */
  get isCurrent(): boolean {
    if (this.#precision !== currentPrecision()) return false;
    for (const [key, value] of this.settings) {
      if (settingOf(key) !== value) return false;
    }
    return true;
  }

  /** Count a replay; whether it is one to compare with a call of the function. */
  countReplay(): boolean {
    if (++this.#replays < this.#nextCompared) return false;
    this.#nextCompared *= 4;
    return true;
  }

  /** Take over what a call did. */
  learn(recorded: Recorded | Refusal | "excepted"): void {
    if (recorded === "excepted") return this.#except();
    if ("reason" in recorded) return this.#refuse(recorded);
    this.#excepted = 0;
    this.settings = recorded.settings;
    const before = this.#recorded;
    const difference = before?.differenceFrom(recorded);
    if (before && difference === undefined) {
      if (this.program) return recorded.release(); // still right
      before.release();
      this.#recorded = recorded;
      this.program = recorded.build();
      return;
    }
    this.forget();
    this.#recorded = recorded;
    if (difference !== undefined && ++this.#tries >= MOST_TRIES) {
      const stack = new Error().stack ?? "";
      this.#refuse({ reason: `its calls differ: ${difference}`, stack });
    }
  }

  /** Give such calls up if none of them is as others are. */
  #except() {
    if (this.#recorded || ++this.#excepted < MOST_TRIES) return;
    const reason = "each call does something that cannot be replayed";
    this.#refuse({ reason, stack: "" });
  }

  #refuse(refusal: Refusal) {
    this.forget();
    this.refusal = refusal;
  }

  /** Free the program, and begin anew. */
  forget(): void {
    if (this.program) this.program.dispose();
    else this.#recorded?.release();
    this.program = this.#recorded = undefined;
  }
}
