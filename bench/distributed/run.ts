/**
 * How fast several processes are on this machine: sums beside a C program's, and a GPT on
 * two ranks beside one. Prints medians of rounds that take turns.
 *
 * ```sh
 * deno run -A bench/distributed/run.ts [--mpiexec "mpiexec.mpich"] [--mpicc mpicc.mpich]
 * ```
 */
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    mpiexec: { type: "string", default: "mpiexec" },
    mpicc: { type: "string", default: "mpicc" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "50" },
  },
});
const [mpiexec = "", ...flags] = options.mpiexec.split(" ");
const here = (name: string) => new URL(name, import.meta.url).pathname;

interface Times {
  readonly best: number;
  readonly median: number;
}

async function run(ranks: number, ...command: string[]): Promise<Times> {
  const { code, stdout, stderr } = await new Deno.Command(mpiexec, {
    args: [...flags, "-n", `${ranks}`, ...command],
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout).trim().split("\n").at(-1)!);
}

/** The program in its file, as `deno run` takes it. */
const deno = (name: string) => [
  Deno.execPath(),
  ...["run", "-A", "--no-check", "-c", here("../../deno.json"), here(name)],
];

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** The medians of contestants that take turns. */
async function turns(
  contestants: Readonly<Record<string, () => Promise<Times>>>,
): Promise<Record<string, Times>> {
  const all = Object.keys(contestants).map((
    name,
  ): [string, Times[]] => [name, []]);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, times] of all) times.push(await contestants[name]!());
  }
  return Object.fromEntries(all.map(([name, times]) => [name, {
    best: Math.min(...times.map(({ best }) => best)),
    median: median(times.map(({ median }) => median)),
  }]));
}

const binary = await Deno.makeTempFile();
try {
  const { code } = await new Deno.Command(options.mpicc, {
    args: ["-O2", "-o", binary, here("all_reduce.c")],
  }).output();
  if (code !== 0) throw new Error(`${options.mpicc} failed`);
  for (const count of [1e4, 1e5, 1e6, 1e7]) {
    const calls = `${Math.max(20, Math.min(1000, 4e8 / count / 4))}`;
    const { c, ours } = await turns({
      c: () => run(2, binary, `${count}`, calls),
      ours: () => run(2, ...deno("all_reduce.ts"), `${count}`, calls),
    }) as Record<"c" | "ours", Times>;
    console.log(
      `all-reduce of ${count} floats, 2 ranks: C ${
        c.median.toFixed(3)
      } ms, ours ${ours.median.toFixed(3)} ms: ${
        (ours.median / c.median).toFixed(2)
      } times (best ${c.best.toFixed(3)}, ${ours.best.toFixed(3)})`,
    );
  }
} catch (error) {
  console.log(`no C program to compare with: ${(error as Error).message}`);
} finally {
  await Deno.remove(binary);
}

const { one, two, threads } = await turns({
  one: () => run(1, ...deno("gpt.ts"), "1", options.steps),
  two: () => run(2, ...deno("gpt.ts"), "1", options.steps),
  threads: () => run(1, ...deno("gpt.ts"), "2", options.steps),
}) as Record<"one" | "two" | "threads", Times>;
console.log(
  `GPT 12 x 64, compiled, one thread a rank: 1 rank ${
    one.median.toFixed(1)
  } ms a step, 2 ranks ${two.median.toFixed(1)} ms: ${
    (one.median / two.median).toFixed(2)
  } times as fast; 1 rank with 2 threads ${threads.median.toFixed(1)} ms`,
);
