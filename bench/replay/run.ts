/**
 * Training steps that are compiled, beside the same steps run op by op and
 * beside rivals, in interleaved rounds.
 *
 * ```sh
 * deno run -A bench/replay/run.ts [--threads 1] [--rounds 9] [--python FILE] [WORKLOAD...]
 * ```
 *
 * Each contestant is a process of its own. What is printed is the median of the
 * CPU milliseconds per step, with the lowest and the highest, and the ratio to
 * the compiled step. PyTorch and JAX take part where `--python` names a Python
 * that has them.
 */
import { parseArgs } from "node:util";

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "9" },
    python: { type: "string" },
  },
});

/** About how many milliseconds of CPU a round of one contestant takes. */
const ROUND = 400;

interface Contestant {
  readonly name: string;
  take(count: number): Promise<{ cpu: number; wall: number }>;
  stop(): Promise<void>;
}

async function start(command: string, args: string[]): Promise<Contestant> {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const answer = async () => {
    for (let text = "";;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${args.join(" ")} ended`);
      text += value;
      if (text.endsWith("\n")) return JSON.parse(text);
    }
  };
  const { name } = await answer();
  return {
    name,
    async take(count) {
      await writer.write(new TextEncoder().encode(`${count}\n`));
      return await answer();
    },
    async stop() {
      await writer.close();
      await child.status;
    },
  };
}

function contestants(workload: string): Promise<Contestant>[] {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  const { threads, python } = options;
  const ours = (how: string) =>
    start(Deno.execPath(), [
      ...["run", "-A", "--no-check", file("braintape_steps.ts")],
      ...[workload, how, threads],
    ]);
  const rival = (script: string, how: string) =>
    start(python!, [file(script), workload, how, threads]);
  const measured = ["tiny", "mlp", "cnn", "lstm"].includes(workload);
  return [
    ours("compiled"),
    ours("eager"),
    ...(python && measured
      ? [
        rival("torch_steps.py", "nn"),
        ...(workload === "lstm" ? [rival("torch_steps.py", "cell")] : []),
        rival("jax_steps.py", "jit"),
      ]
      : []),
  ];
}

const median = (x: number[]) => x.toSorted((a, b) => a - b)[x.length >> 1]!;

for (
  const workload of positionals.length
    ? positionals
    : ["tiny", "mlp", "cnn", "awkward", "lstm", "snn", "gpt"]
) {
  const all = await Promise.all(contestants(workload));
  const counts = all.map(() => 20);
  for (const [i, one] of all.entries()) {
    // Until the engine has optimized what runs, and a round has its length.
    for (let k = 0; k < 4; k++) {
      const { cpu } = await one.take(counts[i]!);
      counts[i] = Math.max(1, Math.round(ROUND / (cpu / counts[i]!)));
    }
  }
  const times: number[][] = all.map(() => []);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [i, one] of all.entries()) {
      const { cpu } = await one.take(counts[i]!);
      times[i]!.push(cpu / counts[i]!);
    }
  }
  for (const one of all) await one.stop();
  console.log(`\n${workload}, threads: ${options.threads}`);
  for (const [i, one] of all.entries()) {
    const mid = median(times[i]!);
    console.log(
      one.name.padEnd(28),
      `${mid.toFixed(3).padStart(9)} ms`,
      `(${Math.min(...times[i]!).toFixed(3)} to`,
      `${Math.max(...times[i]!).toFixed(3)})`,
      `${(mid / median(times[0]!)).toFixed(2).padStart(7)}x`,
    );
  }
}
