/**
 * The command line: `checkpoint verify FILE...`.
 *
 * @module
 */
import { type CheckpointSummary, verifyCheckpoint } from "./verify.ts";

const USAGE = `Says what checkpoints hold and whether they are complete.

  deno run --allow-read jsr:@braintape/braintape/checkpoint verify FILE...`;

/**
 * Run the command.
 *
 * @param args What follows the name of the program.
 * @returns The exit status: 0 if all files are complete, 1 if not, 2 if the
 *   arguments are wrong.
 */
export async function command(args: readonly string[]): Promise<number> {
  const [verb, ...files] = args;
  if (verb === "--help" || verb === "-h") {
    console.log(USAGE);
    return 0;
  }
  if (verb !== "verify" || files.length === 0) {
    console.error(USAGE);
    return 2;
  }
  let status = 0;
  for (const file of files) {
    try {
      const summary = await verifyCheckpoint(file);
      console.log(format(summary));
      if (!summary.isComplete) status = 1;
    } catch (error) {
      console.error(`${file}: ${(error as Error).message}`);
      status = 1;
    }
  }
  return status;
}

function format(summary: CheckpointSummary): string {
  const { path, isComplete, problem, bytes, time, library, metric } = summary;
  const lines = [
    `${path}: ${isComplete ? "complete" : `damaged: ${problem}`}`,
    `  ${sizeText(bytes)}${
      time ? `, saved ${time.toISOString()} by version ${library}` : ""
    }${metric === undefined ? "" : `, metric ${metric}`}`,
  ];
  const width = Math.max(0, ...summary.parts.map(({ name }) => name.length));
  for (const part of summary.parts) {
    const { name, kind, tensors, elements } = part;
    const content = kind === "data"
      ? "data"
      : `${tensors} tensor${tensors === 1 ? "" : "s"}, ${elements} elements, ${
        sizeText(part.bytes)
      }`;
    lines.push(`  ${name.padEnd(width)}  ${content}`);
  }
  return lines.join("\n");
}

function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let size = bytes;
  while (size >= 1000 && units.length > 1) {
    size /= 1000;
    units.shift();
  }
  return `${units[0] === "B" ? size : size.toPrecision(3)} ${units[0]}`;
}
