/** From the start of a process to the end of its first step of training. */
import type { Context, Group, Target } from "../driver/context.ts";
import { median, summarize } from "../driver/statistics.ts";
import { digits, spread, table } from "../driver/table.ts";

const FOLDER = new URL("../contestants/start/", import.meta.url).pathname;

interface Start {
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  /** At most so many milliseconds. */
  readonly asked?: number;
}

function starts({ python, size }: Context): Start[] {
  const deno = (label: string, file: string, ...more: string[]): Start => ({
    label,
    command: Deno.execPath(),
    args: ["run", "-A", "-q", ...more.slice(1), FOLDER + file, more[0] ?? ""],
  });
  const alone = ["", "--no-config", "--no-lock"];
  const first = deno("Braintape, 1 thread", "braintape.ts", "1");
  if (size === "smoke") return [first];
  const py = (label: string, file: string): Start => ({
    label,
    command: python!,
    args: [FOLDER + file],
  });
  return [
    deno("a process that does nothing", "nothing.ts"),
    deno("import of Braintape alone", "import.ts"),
    { ...first, asked: 400 },
    { ...deno("Braintape, 2 threads", "braintape.ts", "2"), asked: 600 },
    deno("tfjs", "tfjs.js", ...alone),
    deno("jax-js", "jax_js.js", ...alone),
    ...(python
      ? [py("PyTorch", "torch_first.py"), py("JAX", "jax_first.py")]
      : []),
  ];
}

const ROUNDS: Readonly<Record<Context["size"], number>> = {
  full: 5,
  quick: 3,
  smoke: 1,
};

/** What takes a second is measured less often. */
function isEnough(times: readonly number[]): boolean {
  return times.length >= 3 && median(times) > 1000;
}

/** Runs a command, then prints the seconds of its user and system time. */
const TIMED = 'TIMEFORMAT="%U %S"; time "$@"';

/** Starts of processes, with what they load in the caches of Deno and the disk. */
export const start: Group = {
  name: "start",
  async run(context) {
    const all = starts(context), failed = new Set<Start>();
    const wall = all.map((): number[] => []), cpu = all.map((): number[] => []);
    for (let round = -1; round < ROUNDS[context.size]; round++) {
      for (const [i, one] of all.entries()) {
        if (failed.has(one) || isEnough(wall[i]!)) continue;
        const before = performance.now();
        const { success, stderr } = await new Deno.Command("bash", {
          args: ["-c", TIMED, "bash", one.command, ...one.args],
          stdout: "null",
          env: { NO_COLOR: "1", XDG_RUNTIME_DIR: "/tmp" },
        }).output();
        const time = performance.now() - before;
        if (!success) failed.add(one);
        if (!success || round < 0) continue; // the first one fills caches
        wall[i]!.push(time);
        const lines = new TextDecoder().decode(stderr).trim().split("\n");
        const [user, system] = lines.at(-1)!.split(" ").map(Number);
        cpu[i]!.push(1000 * (user! + system!));
      }
    }
    const rows = all.map((one, i) =>
      failed.has(one) ? [one.label, "fails"] : [
        one.label,
        spread(summarize(wall[i]!)),
        digits(median(cpu[i]!)),
      ]
    );
    const targets = all.flatMap(({ label, asked }, i): Target[] => {
      if (asked === undefined) return [];
      const got = wall[i]!.length ? median(wall[i]!) : undefined;
      return [{ what: `start of ${label}, ms`, asked: { most: asked }, got }];
    });
    const blocks = [
      "From the start of the process to its end, after one step of an MLP with AdamW (tfjs: Adam, jax-js: plain descent).",
      table(["", "wall ms", "CPU ms"], rows),
    ];
    const data = all.map(({ label }, i) => ({
      label,
      wall: wall[i],
      cpu: cpu[i],
    }));
    return { title: "Start", blocks, targets, data };
  },
};
