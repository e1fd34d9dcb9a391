/**
 * The driver's side of a contestant: a process that does a task as often as it is
 * told, and answers how long that took.
 *
 * @module
 */

/** What a contestant answers: milliseconds of all turns together. */
export interface Times {
  /** By the clock. */
  readonly wall: number;
  /** Of all its threads. */
  readonly cpu: number;
}

/** A process that runs. */
export interface Contestant {
  /** What it is, with its version. */
  readonly name: string;
  /** Make a task ready; the numbers are what all contestants should agree on. */
  prepare(task: string): Promise<readonly number[]>;
  /** Do a task `count` times. */
  run(task: string, count: number): Promise<Times>;
  /** End the process. */
  stop(): Promise<void>;
}

/** How long a contestant may take to answer, in milliseconds. */
const PATIENCE = 180_000;

/**
 * Start a contestant.
 *
 * @throws {Error} If it ends, or does not answer, or answers with an error.
 */
export async function startContestant(
  command: string,
  args: readonly string[],
): Promise<Contestant> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // Nothing of a rival's notices belongs on the driver's screen.
    env: { NO_COLOR: "1", TF_CPP_MIN_LOG_LEVEL: "3", XDG_RUNTIME_DIR: "/tmp" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const shown = args.filter((arg) => !arg.startsWith("-")).slice(-3).join(" ");
  let text = "";

  /** The next line that is an answer: libraries print lines of their own. */
  async function answer(): Promise<Record<string, unknown>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`${shown} gave no answer in ${PATIENCE / 1000} s`));
      }, PATIENCE);
    });
    try {
      for (;;) {
        const end = text.indexOf("\n");
        if (end < 0) {
          const { value, done } = await Promise.race([reader.read(), silence]);
          if (done) throw new Error(`${shown} ended without an answer`);
          text += value;
          continue;
        }
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (!line.startsWith("{")) continue;
        const object = JSON.parse(line);
        if (object.error !== undefined) throw new Error(object.error);
        return object;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(request: object) {
    const line = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
    await writer.write(line);
    return await answer();
  }

  async function stop() {
    await writer.close().catch(() => {});
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    await child.status;
    clearTimeout(late);
  }

  try {
    const { name } = await answer();
    return {
      name: String(name),
      async prepare(task) {
        const { numbers } = await ask({ task });
        return numbers as number[];
      },
      async run(task, count) {
        const { wall, cpu } = await ask({ task, count });
        return { wall, cpu } as Times;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
