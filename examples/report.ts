/**
 * Compare runs: their curves in the same charts, and a table.
 *
 * ```sh
 * deno task report runs/spirals runs/mnist
 * ```
 */
import { train } from "@braintape/braintape";
import { main } from "./_cli.ts";

const OUT = "runs/report.html";

/** The log of a run, given as its folder or as the file itself. */
async function logOf(run: string): Promise<train.RunLog> {
  const isFile = run.endsWith(".jsonl");
  const log = await train.readRunLog(isFile ? run : `${run}/log.jsonl`);
  // Runs of one program have one name: their folders tell them apart.
  return { ...log, name: run.replace(/^runs\//, "").replace(/\/$/, "") };
}

await main(async () => {
  if (Deno.args.length === 0 || Deno.args.includes("--help")) {
    console.log("Compares runs.\n\n  deno task report FOLDER...");
    return;
  }
  const runs = await Promise.all(Deno.args.map(logOf));
  await Deno.mkdir("runs", { recursive: true });
  await Deno.writeTextFile(OUT, train.renderReport(runs));
  console.log(`report ${OUT}`);
});
