/** What the TypeScript contestants share: they take as many steps as a line of input says. */
import process from "node:process";

export interface Contestant {
  /** What runs, with its version. */
  readonly name: string;
  /** Take `count` steps and wait until they are computed. */
  take(count: number): Promise<void>;
}

/** Print `{ name }`, then for each line with a number the CPU and wall milliseconds that many steps took. */
export async function serve(make: () => Promise<Contestant>): Promise<void> {
  const say = (value: unknown) => console.log(JSON.stringify(value));
  const { name, take } = await make();
  say({ name });
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const line of lines) {
    const count = Number(line), cpu = process.cpuUsage();
    const start = performance.now();
    await take(count);
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    say({ cpu: (user + system) / 1000, wall });
  }
}
