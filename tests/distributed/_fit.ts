/**
 * Starts fit() on several ranks.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Launch, linesOf } from "./_launch.ts";

/** What a rank has printed. */
export interface Line {
  readonly rank: number;
  readonly error?: string;
  readonly tensors: number;
  readonly step: number;
  readonly skipped: number;
  readonly reason: string;
  /** How many sums were started in backward passes. */
  readonly early: number;
  readonly values: Record<string, number>;
  readonly params: string;
  readonly slots?: string;
  /** Of the slots of this rank. */
  readonly elements: number;
  readonly statistics: string;
  readonly stream: unknown;
  readonly calls: string[];
  readonly programs?: number;
}

/** The lines of the ranks, which must have the same bits in all that they have trained. */
export async function fit(
  launch: Launch,
  ranks: number,
  options: object,
): Promise<Line[]> {
  const output = await launch(ranks, "fit.ts", JSON.stringify(options));
  const lines = linesOf<Line>(output);
  assertEquals(lines.map(({ rank }) => rank), [...lines.keys()]);
  const { shardOptimizer, diloco } = options as Record<string, unknown>;
  const common = (
    { rank: _, calls: __, error: ___, elements, tensors, values, ...rest }:
      Line,
  ) => ({
    ...rest,
    // Ranks have freed the slots of others.
    ...(shardOptimizer ? {} : { elements, tensors }),
    // Ranks that step by themselves have losses of their own.
    ...(diloco ? {} : { values }),
  });
  for (const line of lines) {
    if (line.error !== undefined) continue;
    assertEquals(common(line), common(lines[0]!));
    if (!shardOptimizer) assertEquals(line.tensors, 0);
    if (line.rank > 0) assertEquals(line.calls, []);
  }
  assertEquals(lines.length, ranks);
  return lines;
}
