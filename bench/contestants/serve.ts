/**
 * A contestant's side: it prints `{ name }`, then answers lines of JSON. `{ task }`
 * makes a task ready and answers `{ numbers }`; `{ task, count }` does it so often
 * and answers `{ wall, cpu }` in milliseconds. A failure is `{ error }`.
 *
 * @module
 */
import process from "node:process";

/** Something to be done again and again. */
export interface Task {
  /** What all contestants should agree on, such as the first losses. Default: nothing. */
  readonly numbers?: () => number[] | Promise<number[]>;
  /** Do it `count` times, and wait until all of it is computed. */
  readonly run: (count: number) => void | Promise<void>;
}

/** How each task is made; a name with parameters in it is the maker's to read. */
export type MakeTask = (name: string) => Task | Promise<Task>;

const say = (value: unknown) => console.log(JSON.stringify(value));

/** Answer requests until there are no more. */
export async function serve(
  name: string,
  make: MakeTask,
): Promise<void> {
  say({ name });
  const tasks = new Map<string, Task>();
  for await (const line of lines()) {
    const { task: wanted, count } = JSON.parse(line);
    try {
      let task = tasks.get(wanted);
      if (!task) {
        task = await make(wanted);
        tasks.set(wanted, task);
      }
      if (count === undefined) {
        say({ numbers: await task.numbers?.() ?? [] });
        continue;
      }
      const cpu = process.cpuUsage(), start = performance.now();
      await task.run(count);
      const wall = performance.now() - start;
      const { user, system } = process.cpuUsage(cpu);
      say({ wall, cpu: (user + system) / 1000 });
    } catch (error) {
      say({ error: String(error).slice(0, 400) });
    }
  }
}

async function* lines(): AsyncGenerator<string> {
  let text = "";
  const chunks = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const chunk of chunks) {
    text += chunk;
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
      yield text.slice(0, end);
    }
  }
}
