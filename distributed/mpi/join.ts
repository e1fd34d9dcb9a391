/**
 * Joins the processes that a launcher started.
 *
 * @module
 */
import { gatherTexts } from "../agreement.ts";
import { ALONE } from "./alone.ts";
import { type Communicator, MpiCommunicator } from "./communicator.ts";
import { needDeno } from "./foreign.ts";
import { isLaunched } from "./launcher.ts";
import { openLibrary } from "./library.ts";

/** How to join. */
export interface JoinOptions {
  /** The library's file. */
  readonly library?: string | undefined;
  /** Seconds to wait for the other ranks. */
  readonly timeout: number;
}

/** The ranks that have joined. */
export interface Joined {
  /** The ranks. */
  readonly ranks: Communicator;
  /** How many machines they are on. */
  readonly machines: number;
}

/** MPI can be started once in a process. */
let joined: Joined | undefined;

/** Join the others; a process that was started alone needs no library. */
export function join({ library, timeout }: JoinOptions): Joined {
  if (joined) return joined;
  if (library === undefined && isLaunched() === false) {
    return { ranks: ALONE, machines: 1 };
  }
  const ranks = new MpiCommunicator(openLibrary(library), timeout);
  endWithProcess(ranks);
  // Once: whoever asks again may be one rank only.
  const machines = new Set(gatherTexts(ranks, ranks.machine)).size;
  return joined = { ranks, machines };
}

/**
 * A process that ends well leaves the others, and waits until they leave. One that
 * fails ends all of them, since they would wait for it for ever.
 */
function endWithProcess(mpi: MpiCommunicator): void {
  const fail = (event: Event, error: unknown) => {
    if (event.defaultPrevented || mpi.hasLeft) return;
    console.error(`Rank ${mpi.rank} of ${mpi.size} failed:`, error);
    mpi.abort(1);
  };
  addEventListener("error", (event) => fail(event, event.error));
  addEventListener("unhandledrejection", (event) => fail(event, event.reason));
  addEventListener("unload", () => {
    if (mpi.hasLeft) return;
    const { exitCode } = needDeno();
    if (exitCode !== 0) mpi.abort(exitCode);
    mpi.leave();
  });
}
