/** Checkpoints saved and loaded, beside the same bytes written and read as they are. */
import * as contestants from "../driver/contestants.ts";
import type { Context, Group } from "../driver/context.ts";
import { measure, summaries } from "../driver/rounds.ts";
import { digits, spread, table } from "../driver/table.ts";

const PARAMETERS: Readonly<Record<Context["size"], number>> = {
  full: 25_000_000,
  quick: 2_500_000,
  smoke: 25_000,
};

const WAYS: Readonly<Record<string, string>> = {
  save: "saveCheckpoint",
  sync: "Deno.writeFile, then sync",
  write: "Deno.writeFile",
  load: "loadCheckpoint",
  read: "Deno.readFile",
};

/** The checkpoints. */
export const checkpoint: Group = {
  name: "checkpoint",
  async run({ size, folder }) {
    const parameters = PARAMETERS[size];
    const wanted = Object.values(WAYS).map((label) => ({
      label,
      start: () => contestants.braintape(1),
    }));
    const all = await contestants.startAll(wanted);
    const entries = Object.entries(WAYS).map(([what, label]) => ({
      label,
      contestant: all.running.get(label)!,
      task: `checkpoint ${what} ${parameters} ${folder}`,
    }));
    const rounds = size === "smoke" ? 1 : 5;
    const results = await measure(entries, { rounds, slice: 1, warmUp: 1 });
    await all.stop();
    const rows = results.measured.map((one) => {
      const { wall, cpu } = summaries(one);
      const speed = 4 * parameters / 1e3 / wall.median;
      return [one.label, spread(wall), digits(cpu.median), digits(speed)];
    });
    const about = `${parameters} parameters in 25 tensors, on one thread.`;
    const blocks = [about, table(["", "wall ms", "CPU ms", "MB/s"], rows)];
    return { title: "Checkpoints", blocks, targets: [], data: results };
  },
};
