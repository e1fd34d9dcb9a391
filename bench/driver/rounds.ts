/**
 * Contestants take turns: in each round every one does its task for about as long.
 *
 * @module
 */
import type { Contestant } from "./contestant.ts";
import { ratio, summarize, type Summary } from "./statistics.ts";

/** A contestant and what it is to do. */
export interface Entry {
  /** What the tables call it. */
  readonly label: string;
  readonly contestant: Contestant;
  readonly task: string;
}

/** How long to measure. */
export interface Rounds {
  readonly rounds: number;
  /** Milliseconds of a contestant's turn; one that takes longer does its task once. */
  readonly slice: number;
  /** Milliseconds before the first round: engines compile what runs often. */
  readonly warmUp: number;
}

/** What was measured: milliseconds each time that the task was done. */
export interface Measured {
  readonly label: string;
  /** By the clock, one number a round. */
  readonly wall: readonly number[];
  /** Of all threads, one number a round. */
  readonly cpu: readonly number[];
  /** What contestants should agree on. */
  readonly numbers: readonly number[];
}

/** One that could not take part. */
export interface Failed {
  readonly label: string;
  readonly error: string;
}

/** All who were asked. */
export interface Results {
  readonly measured: readonly Measured[];
  readonly failed: readonly Failed[];
}

/** Milliseconds past which a task is done in the first rounds only. */
const SLOW = 1000;
/** How many rounds those are. */
const FEW = 3;

interface Ready {
  readonly entry: Entry;
  readonly numbers: readonly number[];
  readonly count: number;
  /** Milliseconds of one turn of the task. */
  readonly each: number;
}

/** Measure all entries in interleaved rounds; what fails is told, and left out. */
export async function measure(
  entries: readonly Entry[],
  options: Rounds,
): Promise<Results> {
  const failed: Failed[] = [], ready: Ready[] = [];
  for (const entry of entries) {
    await warm(entry, options).then(
      (one) => ready.push(one),
      (error) => failed.push({ label: entry.label, error: error.message }),
    );
  }
  const wall = ready.map((): number[] => []);
  const cpu = ready.map((): number[] => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, { entry, count, each }] of ready.entries()) {
      if (each > SLOW && round >= FEW) continue;
      const { contestant, task } = entry;
      // Not counted: what others did has emptied the processor's caches.
      if (count >= 8) await contestant.run(task, count >> 3);
      const times = await contestant.run(task, count);
      wall[i]!.push(times.wall / count);
      cpu[i]!.push(times.cpu / count);
    }
  }
  const measured = ready.map(({ entry, numbers }, i) => ({
    label: entry.label,
    wall: wall[i]!,
    cpu: cpu[i]!,
    numbers,
  }));
  return { measured, failed };
}

/** Prepare a task, do it until the engine has compiled it, and find how often fills a slice. */
async function warm(
  entry: Entry,
  { slice, warmUp }: Rounds,
): Promise<Ready> {
  const { contestant, task } = entry;
  const numbers = await contestant.prepare(task);
  let count = 1, each = 0, total = 0;
  do {
    const { wall } = await contestant.run(task, count);
    each = wall / count;
    total += wall;
    count = Math.max(1, Math.min(4 * count, Math.round(slice / each)));
  } while (total < warmUp && each < SLOW);
  return { entry, numbers, count: Math.max(1, Math.round(slice / each)), each };
}

/** The one of this label; undefined if it took no part. */
export function find(
  { measured }: Results,
  label: string,
): Measured | undefined {
  return measured.find((one) => one.label === label);
}

/** How many times the wall time of `b` the one of `a` is, if both took part. */
export function times(
  results: Results,
  a: string,
  b: string,
): number | undefined {
  const one = find(results, a), other = find(results, b);
  return one && other && ratio(one.wall, other.wall);
}

/** Summaries of the clock and of the processor. */
export function summaries(
  { wall, cpu }: Measured,
): { wall: Summary; cpu: Summary } {
  return { wall: summarize(wall), cpu: summarize(cpu) };
}
